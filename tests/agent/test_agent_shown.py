"""What an agent tells of itself, and what whoever watches it can ask of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from clubai import __version__
from clubai.agent import agent as agent_module
from clubai.agent.agent import Agent, serve_agent
from clubai.agent.audit import Alarm, AuditState
from clubai.agent.backends.base import BackendInfo
from clubai.agent.config import AgentConfig
from clubai.agent.view import AgentSnapshot, WorkCounts
from clubai.errors import BackendError, ClubAIError, TaskFailed
from clubai.model import FailCode
from clubai.protocol.messages import CloseCode
from support.agent_club import Backoffs, Club, Shown, alive, config_for, running_club
from support.scripted_backend import USAGE, Answerer, ScriptedBackend, stop, word

CANARY = "xylophone"
"""In every prompt and answer here."""


@pytest.fixture
def backoffs(monkeypatch: pytest.MonkeyPatch) -> Backoffs:
    backoffs = Backoffs()
    monkeypatch.setattr(agent_module, "backoff", backoffs)
    return backoffs


class Watched:
    """An agent in a club, and all that was seen of it."""

    def __init__(self, club: Club, agent: Agent) -> None:
        self.club = club
        self.agent = agent

    def look(self) -> AgentSnapshot:
        snapshot = self.agent.snapshot()
        assert CANARY not in repr(snapshot)
        assert CANARY.encode() not in msgspec.json.encode(snapshot)
        return snapshot

    async def until(self, condition: Callable[[AgentSnapshot], bool]) -> AgentSnapshot:
        """Poll, as a screen does."""
        with anyio.fail_after(10):
            while not condition(snapshot := self.look()):
                await anyio.sleep(0.005)
        return snapshot


@asynccontextmanager
async def watched(
    data: Path, backend: ScriptedBackend | None = None, **changes: Any
) -> AsyncIterator[Watched]:
    async with running_club(data) as club:
        config = config_for(club, data, **changes)
        backend = backend or ScriptedBackend()
        async with Agent.open(config, backend=backend) as agent:
            await agent.joined()
            await club.until(alive("attic"))
            seen = Watched(club, agent)
            await seen.until(lambda shown: shown.state == "connected")
            yield seen


def halting(gate: anyio.Event) -> Answerer:
    """Two words, a wait for the gate, and a third."""
    words = [word(CANARY), word(CANARY), gate, word(CANARY)]
    return lambda _body: [*words, stop(), USAGE]


async def test_an_idle_agent_says_who_and_where_it_is(tmp_path: Path) -> None:
    backend = ScriptedBackend(models=("m", "n"), slots=3)
    async with watched(tmp_path, backend) as seen:
        shown = seen.look()

    agent = seen.agent
    assert (shown.node, shown.nickname, shown.name) == (
        agent.node,
        agent.nickname,
        "attic",
    )
    assert shown.version == __version__
    assert shown.started_at <= shown.link.connected_at <= shown.now
    assert shown.link.url.endswith("/nodes/connect")
    assert (shown.link.lost_reason, shown.link.retry_at) == ("", 0.0)
    assert (shown.paused, shown.draining, shown.alarms) == (False, False, ())
    assert [model.name for model in shown.backend.models] == ["m", "n"]
    assert (shown.backend.answers, shown.backend.slots) == (True, 3)
    assert (shown.slots, shown.wanted_slots) == (3, 0)
    assert (shown.lanes, shown.recent, shown.today) == ((), (), WorkCounts())


async def test_a_lane_is_there_while_its_work_runs(tmp_path: Path) -> None:
    gate = anyio.Event()
    async with (
        watched(tmp_path, ScriptedBackend(halting(gate))) as seen,
        seen.club.client() as client,
    ):
        async with client.stream(CANARY, model="m") as stream:
            said = [await anext(stream)]
            shown = await seen.until(
                lambda shown: sum(lane.pieces for lane in shown.lanes) == 2
            )
            [lane] = shown.lanes
            assert (lane.model, lane.kind, lane.stage) == ("m", "chat", "working")
            assert lane.first_token_ms > 0
            assert shown.started_at <= lane.started_at <= shown.now
            gate.set()
            said += [text async for text in stream]
            assert "".join(said) == 3 * CANARY
        shown = await seen.until(lambda shown: not shown.lanes)

    [ended] = shown.recent
    assert (ended.task, ended.model, ended.kind) == (lane.task, "m", "chat")
    assert (ended.ending, ended.code) == ("done", "")
    assert (ended.prompt_tokens, ended.completion_tokens) == (5, 2)
    assert shown.since_start == WorkCounts(done=1, prompt_tokens=5, completion_tokens=2)


async def test_a_failure_is_told_by_its_code_alone(tmp_path: Path) -> None:
    error = BackendError(FailCode.BAD_REQUEST, f"I do not like {CANARY}")
    backend = ScriptedBackend(lambda _: [error])
    async with (
        watched(tmp_path, backend) as seen,
        seen.club.client() as client,
    ):
        with pytest.raises(ClubAIError):
            await client.ask(CANARY, model="m")
        shown = await seen.until(lambda shown: bool(shown.recent))

    assert (shown.recent[0].ending, shown.recent[0].code) == ("failed", "bad_request")
    assert shown.since_start == WorkCounts(failed=1)


async def test_an_answer_that_nobody_wants_any_more_is_cancelled(
    tmp_path: Path,
) -> None:
    async with (
        watched(tmp_path, ScriptedBackend(halting(anyio.Event()))) as seen,
        seen.club.client() as client,
    ):
        async with client.stream(CANARY, model="m") as stream:
            await anext(stream)
            assert seen.look().lanes
        shown = await seen.until(lambda shown: not shown.lanes)

    assert (shown.recent[0].ending, shown.recent[0].code) == ("cancelled", "cancelled")
    assert shown.since_start == WorkCounts(cancelled=1)


async def test_a_lost_connection_is_told_with_its_reason_and_the_next_try(
    tmp_path: Path, backoffs: Backoffs
) -> None:
    backoffs.delay_s = 3600.0
    async with (
        watched(tmp_path, ScriptedBackend(halting(anyio.Event()))) as seen,
        seen.club.client() as client,
        anyio.create_task_group() as tasks,
    ):

        async def ask() -> None:
            with pytest.raises(TaskFailed):
                await client.ask(CANARY, model="m")

        tasks.start_soon(ask)
        await seen.until(lambda shown: bool(shown.lanes))

        seen.club.end_connections(CloseCode.GOING_AWAY)

        shown = await seen.until(lambda shown: shown.state == "reconnecting")
        assert "the test wants it" in shown.link.lost_reason
        assert shown.link.retry_at == shown.link.lost_at + 3600.0
        assert (shown.link.connected_at, shown.link.failures) == (0.0, 1)
        assert (shown.lanes, shown.recent[0].code) == ((), "node_lost")

        seen.agent.try_now()

        shown = await seen.until(lambda shown: shown.state == "connected")
        assert shown.link.connected_at >= shown.link.lost_at > 0
        assert (shown.link.retry_at, shown.link.failures) == (0.0, 0)
        tasks.cancel_scope.cancel()


async def test_an_agent_that_never_joined_says_why(
    tmp_path: Path, backoffs: Backoffs
) -> None:
    config = AgentConfig(coordinator_url="ws://127.0.0.1:1", token="t", data=tmp_path)
    async with Agent.open(config, backend=ScriptedBackend()) as agent:
        await backoffs.tally.reach(2)
        shown = agent.snapshot()

    assert shown.state == "joining"
    assert "cannot reach" in shown.link.lost_reason
    assert shown.link.failures == 2


async def test_alarms_of_an_earlier_start_are_still_told(tmp_path: Path) -> None:
    alarm = Alarm(kind="log_fork", reason="the club showed another log", at_ms=1)
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "audit.json").write_bytes(
        msgspec.json.encode(AuditState(alarms=(alarm,)))
    )
    async with watched(tmp_path) as seen:
        shown = await seen.until(lambda shown: bool(shown.alarms))

    assert shown.alarms == ("the club showed another log",)


def states(nodes: Shown) -> list[str]:
    return [node.state for node in nodes]


async def test_a_pause_is_seen_by_the_club_and_shown(tmp_path: Path) -> None:
    async with watched(tmp_path) as seen:
        seen.agent.pause(True)
        await seen.club.until(lambda nodes: states(nodes) == ["paused"])
        assert (seen.look().state, seen.look().paused) == ("paused", True)

        seen.agent.pause(False)
        await seen.club.until(lambda nodes: states(nodes) == ["alive"])
        assert (seen.look().state, seen.look().paused) == ("connected", False)


async def test_the_owner_says_how_many_slots_there_are(tmp_path: Path) -> None:
    async with watched(tmp_path, ScriptedBackend(slots=2)) as seen:
        for wanted, slots in ((1, 1), (64, 64), (0, 2)):
            assert seen.agent.set_slots(wanted) == slots

            nodes = await seen.club.until(lambda nodes: nodes[0].slots == slots)  # noqa: B023
            assert nodes[0].state == "alive"
            assert (seen.look().slots, seen.look().wanted_slots) == (slots, wanted)
        with pytest.raises(ValueError, match="64"):
            seen.agent.set_slots(65)


async def test_no_more_slots_are_told_than_the_server_can_do(tmp_path: Path) -> None:
    backend = ScriptedBackend(slots=2)
    backend.info = msgspec.structs.replace(backend.info, most_slots=3)
    async with watched(tmp_path, backend) as seen:
        assert seen.agent.set_slots(8) == 3

        await seen.club.until(lambda nodes: nodes[0].slots == 3)
        assert seen.look().backend.most_slots == 3


class MortalBackend(ScriptedBackend):
    """Can be dead."""

    dead = False

    async def look(self) -> BackendInfo:
        if self.dead:
            raise BackendError(FailCode.BACKEND, "connection refused")
        return self.info


async def test_a_look_is_made_at_once_and_the_club_hears_of_it(tmp_path: Path) -> None:
    backend = MortalBackend()
    async with watched(tmp_path, backend, look_s=3600.0) as seen:
        backend.dead = True
        assert not await seen.agent.look()

        await seen.club.until(lambda nodes: nodes[0].models == ())
        shown = seen.look().backend
        assert (shown.answers, shown.error) == (False, "connection refused")

        backend.dead = False
        assert await seen.agent.look()
        await seen.club.until(lambda nodes: len(nodes[0].models) == 1)


async def test_a_node_that_drains_ends_once_its_answer_has_arrived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = anyio.Event()

    async def detect(url: str, **_: Any) -> ScriptedBackend:
        return ScriptedBackend(halting(gate))

    monkeypatch.setattr(agent_module, "detect", detect)
    ended = anyio.Event()
    said: list[str] = []
    async with running_club(tmp_path) as club, anyio.create_task_group() as tasks:

        async def serve(task_status: anyio.abc.TaskStatus[Agent]) -> None:
            await serve_agent(config_for(club, tmp_path), task_status=task_status)
            ended.set()

        async def ask() -> None:
            async with club.client() as client:
                said.append((await client.ask(CANARY, model="m")).text)

        agent: Agent = await tasks.start(lambda task_status: serve(task_status))
        seen = Watched(club, agent)
        await club.until(alive("attic"))
        tasks.start_soon(ask)
        await seen.until(lambda shown: bool(shown.lanes))

        agent.drain()

        await club.until(lambda nodes: states(nodes) == ["draining"])
        assert (seen.look().state, ended.is_set()) == ("draining", False)
        assert seen.look().lanes
        gate.set()
        with anyio.fail_after(10):
            await ended.wait()
        await club.until(lambda nodes: states(nodes) in ([], ["lost"]))
    assert said == [3 * CANARY]


async def test_an_idle_node_that_drains_ends_at_once_and_is_heard(
    tmp_path: Path,
) -> None:
    async with watched(tmp_path) as seen:
        seen.agent.drain()
        with anyio.fail_after(3):
            await seen.agent.drained()

        assert states(seen.club.coordinator.feed.nodes()) == ["draining"]


async def test_a_node_that_is_not_connected_can_drain(
    tmp_path: Path, backoffs: Backoffs
) -> None:
    config = AgentConfig(coordinator_url="ws://127.0.0.1:1", token="t", data=tmp_path)
    async with Agent.open(config, backend=ScriptedBackend()) as agent:
        agent.drain()
        with anyio.fail_after(3):
            await agent.drained()
