from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from clubai.agent.agent import Agent
from clubai.agent.config import BackendConfig
from clubai.agent.view import AgentSnapshot
from clubai.errors import (
    ClubAIError,
    ConfigError,
    PermissionDenied,
    RemoteProtocolError,
)
from clubai.protocol.messages import CloseCode
from clubai.tui.agent_thread import AgentThread, agent_in_thread, starting
from clubai.tui.owner_board import OwnerBoard
from clubai.tui.source import Attached
from support.agent_club import Club, alive, config_for, running_club
from support.dashboard import settled, text_of
from support.scripted_backend import USAGE, ScriptedBackend, stop, word

WAIT_S = 10.0


class ThreadGate(anyio.Event):
    """An event that another thread sets."""

    def __new__(cls) -> ThreadGate:
        return object.__new__(cls)

    def __init__(self) -> None:
        self._open = threading.Event()

    def set(self) -> None:
        self._open.set()

    async def wait(self) -> None:
        while not self._open.is_set():
            await anyio.sleep(0.005)


async def until(
    thread: AgentThread, condition: Callable[[AgentSnapshot], bool]
) -> AgentSnapshot:
    """Poll, as the screen does."""
    with anyio.fail_after(WAIT_S):
        while True:
            if thread.snapshot is not None and condition(thread.snapshot):
                return thread.snapshot
            await anyio.sleep(0.01)


async def ended(thread: AgentThread) -> None:
    with anyio.fail_after(WAIT_S):
        while not thread.ended:
            await anyio.sleep(0.01)


@asynccontextmanager
async def in_club(
    data: Path, backend: ScriptedBackend, **options: Any
) -> AsyncIterator[tuple[Club, AgentThread]]:
    async with running_club(data) as club:
        opening = partial(Agent.open, config_for(club, data), backend=backend)
        thread = agent_in_thread(opening, **options)
        with anyio.CancelScope(shield=True):
            source = thread.__enter__()
        try:
            await until(source, lambda shown: shown.state == "connected")
            await club.until(alive("attic"))
            yield club, source
        finally:  # the coordinator must go on meanwhile
            await anyio.to_thread.run_sync(thread.__exit__, None, None, None)


async def test_the_owner_sees_a_task_in_its_slot_then_ended_and_pauses_the_node(
    tmp_path: Path,
) -> None:
    gate = ThreadGate()
    backend = ScriptedBackend(
        lambda _: [word("a"), word("b"), gate, word("c"), stop(), USAGE]
    )
    async with in_club(tmp_path, backend) as (club, thread):
        board = OwnerBoard(thread, Attached(club.url, club.key))
        async with (
            board.run_test(size=(100, 30)) as pilot,
            club.client() as client,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(partial(client.ask, "hello", model="m"))
            shown = await until(
                thread, lambda shown: [lane.pieces for lane in shown.lanes] == [2]
            )
            task = shown.lanes[0].task[:8]
            await settled(pilot)
            assert any(
                task in line and "working" in line
                for line in text_of(board).splitlines()
            )

            gate.set()
            await until(thread, lambda shown: bool(shown.recent))
            await settled(pilot)
            assert any(
                task in line and "done" in line for line in text_of(board).splitlines()
            )

            with anyio.fail_after(WAIT_S):
                while not (board.points.loaded or board.points.refused):
                    board.flush()
                    await anyio.sleep(0.02)
            assert board.points.refused == ""
            assert board.no_feed == ""

            await pilot.press("p", "y")
            await club.until(lambda nodes: nodes[0].state == "paused")
            await until(thread, lambda shown: shown.paused)
            await settled(pilot)
            assert "paused: takes no tasks" in text_of(board)

            await pilot.press("d", "y")
            await ended(thread)
            board.flush()
            await pilot.pause()
        assert board.return_code == 0
        assert thread.failure == ""
    assert not any(thread.name == "clubai-agent" for thread in threading.enumerate())


async def test_what_is_asked_of_the_agent_is_done_in_its_own_thread(
    tmp_path: Path,
) -> None:
    async with in_club(tmp_path, ScriptedBackend(slots=2)) as (club, thread):
        assert await thread.set_slots(1) == 1
        await club.until(lambda nodes: nodes[0].slots == 1)
        assert thread.snapshot is not None
        assert thread.snapshot.wanted_slots == 1
        assert await thread.look()
        await thread.try_now()
        with pytest.raises(ClubAIError, match="65 slots"):
            await thread.set_slots(65)

        club.end_connections(CloseCode.REPLACED)
        await ended(thread)
        assert isinstance(thread.error, RemoteProtocolError)
        assert "the test wants it" in thread.failure
        assert thread.snapshot is not None
        with pytest.raises(ClubAIError, match="does not run"):
            await thread.pause(True)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
async def test_what_keeps_it_from_starting_is_told(loop: Any) -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[Agent]:
        raise ConfigError("key file", "node.key", "it is damaged")
        yield

    tell = lambda error: f"told: {error}"  # noqa: E731
    with agent_in_thread(broken, loop=loop, phase="Looking.", tell=tell) as thread:
        assert thread.phase == "Looking."
        await ended(thread)

    assert thread.failure.startswith("told: key file")
    assert thread.snapshot is None


async def test_it_is_left_while_it_starts() -> None:
    entered, left = threading.Event(), threading.Event()

    @asynccontextmanager
    async def slow() -> AsyncIterator[Agent]:
        entered.set()
        try:
            await anyio.sleep_forever()
            yield
        finally:
            left.set()

    with agent_in_thread(slow) as thread:
        assert entered.wait(WAIT_S)

    assert left.is_set()
    assert (thread.failure, thread.error) == ("", None)


async def test_an_end_for_good_keeps_its_error() -> None:
    @asynccontextmanager
    async def removed() -> AsyncIterator[Agent]:
        raise PermissionDenied("joining", "the node was removed")
        yield

    with agent_in_thread(removed) as thread:
        await ended(thread)

    assert isinstance(thread.error, PermissionDenied)


def test_what_is_done_first_is_said() -> None:
    assert "embedded model" in starting(BackendConfig(embedded=True))
    assert "http://a:1/v1" in starting(BackendConfig(url="http://a:1/v1"))
    assert "on this machine" in starting(BackendConfig())
