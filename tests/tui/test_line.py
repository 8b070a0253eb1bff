from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import anyio.lowlevel
import pytest

from clubai.errors import AuthenticationError
from clubai.tui.line import Held, Line
from support.dashboard import Scripted
from support.talking import Talker


class Tasks:
    """Runs what holds a connection, as a screen does."""

    def __init__(self) -> None:
        self.all: list[asyncio.Task[None]] = []

    def run(self, held: Coroutine[Any, Any, None]) -> Held:
        loop = asyncio.get_running_loop()
        self.all.append(loop.create_task(held))
        return self.all[-1]

    async def ended(self) -> None:
        await asyncio.wait(self.all)


async def test_a_connection_is_opened_once_and_kept() -> None:
    talker, tasks = Talker(), Tasks()
    source = Scripted([], asked=talker.connect)
    line = Line(lambda: source, tasks.run)
    assert talker.opened == 0

    first, second = await asyncio.gather(line.client(), line.client())

    assert first is second
    assert talker.opened == 1
    line.close()
    await tasks.ended()
    assert talker.closed == 1


async def test_a_lost_one_is_opened_again() -> None:
    talker, tasks = Talker(), Tasks()
    source = Scripted([], asked=talker.connect)
    line = Line(lambda: source, tasks.run)
    await line.client()
    talker.lost = True

    await line.client()

    assert (talker.opened, talker.lost) == (2, False)
    line.close()
    await tasks.ended()


async def test_another_club_gets_a_connection_of_its_own() -> None:
    talkers, tasks = [Talker(), Talker()], Tasks()
    sources = [Scripted([], asked=talker.connect) for talker in talkers]
    now = 0
    line = Line(lambda: sources[now], tasks.run)
    await line.client()
    now = 1

    await line.client()

    assert [talker.opened for talker in talkers] == [1, 1]
    line.close()
    await tasks.ended()
    assert [talker.closed for talker in talkers] == [1, 1]


async def test_a_refusal_is_raised_and_the_next_call_tries_again() -> None:
    talker, tasks = Talker(), Tasks()
    talker.refusals.append(AuthenticationError("no such key"))
    source = Scripted([], asked=talker.connect)
    line = Line(lambda: source, tasks.run)

    with pytest.raises(AuthenticationError, match="no such key"):
        await line.client()
    await line.client()

    assert talker.opened == 2
    line.close()
    await tasks.ended()


async def test_whoever_gives_up_while_it_opens_leaves_nothing_behind() -> None:
    tasks = Tasks()
    never = asyncio.Event()

    class Opening:
        async def __aenter__(self) -> None:
            await never.wait()

        async def __aexit__(self, *_: object) -> None:
            return None

    source = Scripted([], asked=Opening)  # type: ignore[arg-type]
    line = Line(lambda: source, tasks.run)
    asking = asyncio.get_running_loop().create_task(line.client())
    while not tasks.all:
        await anyio.lowlevel.checkpoint()
    asking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asking

    await tasks.ended()
    assert tasks.all[0].cancelled()
