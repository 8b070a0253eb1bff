"""Screens ask when they are shown, on `r`, when it is time, and not while paused."""

from __future__ import annotations

from typing import Any

import anyio

from clubai.client.feed import FeedState
from clubai.tui.screens.asking import AskingScreen
from clubai.tui.screens.members import MembersScreen
from support.club_answers import club_answers
from support.dashboard import NOW, Scripted, broken, script, settled, shown

MEMBERS = ("GET", "/api/members", None)
REPUTATION = ("GET", "/api/reputation", None)


async def test_it_asks_again_when_it_is_time_and_somebody_looks() -> None:
    source = Scripted(script(), answers=club_answers())
    async with shown(source, keys=["7"]) as (board, pilot):
        screen = board.screen
        assert isinstance(screen, AskingScreen)
        asked = source.calls.count(MEMBERS)
        assert asked >= 1

        source.now += 59.0
        screen.tick()
        await settled(pilot)
        assert source.calls.count(MEMBERS) == asked

        source.now += 2.0
        screen.tick()
        await settled(pilot)
        assert source.calls.count(MEMBERS) == asked + 1

        await pilot.press("r")
        await settled(pilot)
        assert source.calls.count(MEMBERS) == asked + 2

        await pilot.press("P")
        source.now += 60.0
        screen.tick()
        await settled(pilot)
        assert source.calls.count(MEMBERS) == asked + 2

        await pilot.press("P", "4")
        await settled(pilot)
        once = source.calls.count(REPUTATION)
        assert once >= 1
        source.now += 60.0
        screen.tick()
        assert isinstance(board.screen, AskingScreen)
        board.screen.tick()
        await settled(pilot)
        assert source.calls.count(MEMBERS) == asked + 2
        assert source.calls.count(REPUTATION) == once


async def test_nothing_is_asked_before_the_club_is_known() -> None:
    source = Scripted([], answers=club_answers())
    async with shown(source, keys=["4"]) as (board, pilot):
        assert source.calls == []

        source.add(*script())
        await settled(pilot)
        assert isinstance(board.screen, AskingScreen)
        board.screen.tick()
        await settled(pilot)
        assert REPUTATION in source.calls


async def test_it_asks_again_when_the_club_is_there_again() -> None:
    source = Scripted(script(), answers=club_answers())
    async with shown(source, keys=["4"]) as (board, pilot):
        screen = board.screen
        assert isinstance(screen, AskingScreen)
        asked = source.calls.count(REPUTATION)
        source.add(broken())
        await settled(pilot)
        screen.tick()
        await settled(pilot)
        assert source.calls.count(REPUTATION) == asked

        source.add(FeedState(connected=True, since=NOW + 5, gaps=0))
        await settled(pilot)
        screen.tick()
        await settled(pilot)
        screen.tick()
        await settled(pilot)
        assert source.calls.count(REPUTATION) == asked + 1


async def test_who_asks_while_it_asks_is_not_kept_from_asking_later() -> None:
    source = Waiting()
    async with shown(source, keys=["7"]) as (board, pilot):
        screen = board.screen
        assert isinstance(screen, MembersScreen)
        assert screen.asked.asking
        for worker in [each for each in board.workers if each.group == "asking"]:
            worker.cancel()
        await pilot.pause()

        assert not screen.asked.asking


class Waiting(Scripted):
    """A club that does not answer."""

    def __init__(self) -> None:
        super().__init__(script(), answers=club_answers())

    async def call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        await anyio.sleep_forever()
        raise AssertionError


class Slow(Scripted):
    """A club that needs its time for what is done to it."""

    def __init__(self) -> None:
        super().__init__(script(), answers=club_answers())
        self.done = anyio.Event()

    async def call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        if method == "POST":
            await self.done.wait()
        return await super().call(method, path, body)


async def test_it_asks_again_after_something_was_done() -> None:
    source = Slow()
    keys = ["4", "a", "5", "enter", "x", "enter"]
    async with shown(source, keys=keys) as (_board, pilot):
        await settled(pilot)
        asked = source.calls.count(REPUTATION)
        assert source.calls[-1] == REPUTATION

        source.done.set()
        await settled(pilot)
        await settled(pilot)

        assert [call[0] for call in source.calls[-2:]] == ["POST", "GET"]
        assert source.calls.count(REPUTATION) == asked + 1
