"""What happens: following it, holding it, filtering and exporting it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from clubai.protocol.feed import ClubEvent
from clubai.tui.board import Board
from clubai.tui.screens.event import EventScreen
from clubai.tui.widgets.tail import EventTail
from support.dashboard import (
    Scripted,
    connected,
    happened,
    script,
    settled,
    shown,
    snapshot,
    stats,
    text_of,
)


def lines(board: Board) -> list[str]:
    """The state, the heads and the rows."""
    return text_of(board).splitlines()[3:]


def said(board: Board) -> list[str]:
    return [notice.message for notice in board._notifications]


async def exported(board: Board) -> None:
    """The file is written, or it is known why not."""
    for worker in [each for each in board.workers if each.group == "export"]:
        await worker.wait()


async def test_the_newest_is_followed_until_the_cursor_is_moved() -> None:
    source = Scripted(script())
    async with shown(source, keys=["6"]) as (board, pilot):
        assert lines(board)[0] == " following, newest first"
        assert "m_new23 joined" in lines(board)[2]

        source.add(happened(24))
        await settled(pilot)
        assert "task 00000000 waits for" in lines(board)[2]

        await pilot.press("down")
        source.add(happened(25))
        await settled(pilot)
        state = " newest first, cursor stays at 14:12:53 (f: follow)"
        assert lines(board)[0] == state
        grid = board.screen.query_one("#events", EventTail).grid
        assert grid.row == happened(23)

        await pilot.press("f")
        await settled(pilot)
        assert lines(board)[0] == " following, newest first"
        assert grid.row == happened(25)


async def test_the_newest_can_stand_last() -> None:
    source = Scripted(script())
    async with shown(source, keys=["6", "S"]) as (board, pilot):
        assert lines(board)[0] == " following, newest last"
        assert "m_new23 joined" in lines(board)[-2]

        source.add(*(happened(number) for number in range(24, 60)))
        await settled(pilot)
        assert "m_new59 joined" in lines(board)[-2]

        await pilot.press("greater_than_sign")
        await settled(pilot)
        assert lines(board)[0] == " by Kind, not followed (f: the newest)"
        await pilot.press("f")
        await settled(pilot)
        assert lines(board)[0] == " following, newest first"


async def test_space_lets_the_list_stand_still() -> None:
    source = Scripted(script())
    async with shown(source, keys=["6", "space"]) as (board, pilot):
        assert lines(board)[0] == " PAUSED, 0 new (Space: go on)"

        source.add(*(happened(number) for number in range(24, 156)))
        await settled(pilot)
        assert lines(board)[0] == " PAUSED, 132 new (Space: go on)"
        assert "m_new23 joined" in lines(board)[2]

        await pilot.press("space")
        await settled(pilot)
        assert lines(board)[0] == " following, newest first"
        assert "m_new155 joined" in lines(board)[2]


async def test_a_filter_counts_while_events_come_and_is_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = Scripted(script())
    keys = ["6", "slash", *"m_new", "enter"]
    async with shown(source, keys=keys) as (board, pilot):
        assert "Events  6 of 24  /m_new" in text_of(board)

        source.add(happened(27))
        await settled(pilot)
        await pilot.press("e")
        await exported(board)
        await pilot.press("e")
        await exported(board)

        name = "clubai-events-20260921-141320"
        assert said(board) == [
            f"7 events in {name}.jsonl",
            f"7 events in {name}-2.jsonl",
        ]
        written = (tmp_path / f"{name}.jsonl").read_text().splitlines()
        events = [msgspec.json.decode(line, type=ClubEvent) for line in written]
        assert events == [happened(number) for number in range(27, 0, -4)]

        monkeypatch.setattr(Path, "cwd", lambda: tmp_path / "gone")
        await pilot.press("e")
        await exported(board)
        assert "No such file" in said(board)[-1]

        await pilot.press("escape")
        await settled(pilot)
        assert "Events  25" in text_of(board)


async def test_they_are_exported_though_the_clubs_clock_is_in_no_calendar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    far = [snapshot(stats=stats(now=1e12)), connected(), happened(3)]
    async with shown(Scripted(far), keys=["6"]) as (board, pilot):
        await pilot.press("e")
        await exported(board)
        assert said(board) == ["1 event in clubai-events.jsonl"]


async def test_there_may_be_nothing_yet() -> None:
    source = Scripted([snapshot(), connected()])
    async with shown(source, keys=["6", "e", "enter", "space"]) as (board, pilot):
        assert "No events yet" in text_of(board)
        assert said(board) == ["There is nothing to export."]

        await pilot.press("space")
        source.add(happened(3))
        await settled(pilot)
        assert "m_new3 joined" in text_of(board)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(board.screen, EventScreen)


async def test_what_is_held_cannot_be_filled_anew_by_another_redraw() -> None:
    source = Scripted(script())
    async with shown(source, keys=["6", "space", "1"]) as (board, pilot):
        source.add(happened(24))
        await settled(pilot)
        await pilot.press("6")
        await settled(pilot)

        assert lines(board)[0] == " PAUSED, 1 new (Space: go on)"
        assert "m_new23 joined" in lines(board)[2]
