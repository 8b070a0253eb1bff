"""The club at a glance: what it says, its window, and what Enter opens."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot

from clubai.client.feed import FeedItem
from clubai.protocol.feed import ClubEvent
from clubai.tui.board import Board
from clubai.tui.screens.event import EventScreen
from clubai.tui.screens.events import EventsScreen
from clubai.tui.screens.model import ModelScreen
from clubai.tui.screens.node import NodeScreen
from clubai.tui.screens.nodes import NodesScreen
from clubai.tui.screens.overview import Room, room
from clubai.tui.screens.reading import ReadingScreen
from clubai.tui.screens.task import TaskScreen
from clubai.tui.screens.tasks import TasksScreen
from clubai.tui.tables.alerts import Alert
from clubai.tui.widgets.table import LiveTable
from support.club_answers import club_answers
from support.dashboard import (
    LARGE,
    NOW,
    Scripted,
    broken,
    change,
    connected,
    curves,
    happened,
    node,
    node_id,
    script,
    settled,
    shown,
    snapshot,
    stats,
    task,
    text_of,
)


def calm(**fields: Any) -> list[FeedItem]:
    """A club in which all is well."""
    begun = msgspec.structs.replace(snapshot(tasks=0), nodes=(node(0), node(1)))
    return [msgspec.structs.replace(begun, **fields), connected(), *curves()]


async def open_alert(board: Board, pilot: Pilot[None], what: str) -> None:
    table = board.screen.query_one("#alerts", LiveTable)
    alert = next(row for row in table.grid.shown if row.what.startswith(what))
    assert table.grid.choose(alert.key)
    await pilot.press("enter")
    await settled(pilot)


async def test_it_shows_counts_curves_and_what_needs_a_look() -> None:
    async with shown() as (board, pilot):
        text = text_of(board)

        for says in (
            "5/6 1 not up",
            "5/13 ██░░░░",
            "2 for 90 s",
            "40 % 2 of 5",
            "550 ms/730 ms",
            "last 60 s",
            "Tokens/s 40 max 40",
            "Slots in use 5 max 13",
            "alarm    forge lost",
            "3 tasks wait for 90 s",
        ):
            assert says in text
        assert "Nothing needs a look" not in text
        await pilot.press("t")
        await settled(pilot)
        assert "last 10 min, 59 s of it seen" in text_of(board)
        await pilot.press("t")
        await settled(pilot)
        assert "last 1 h, 59 s of it seen" in text_of(board)
        await pilot.press("t")
        await settled(pilot)
        assert "last 60 s" in text_of(board)


async def test_a_large_screen_has_first_token_times_and_higher_curves() -> None:
    async with shown(size=LARGE) as (board, pilot):
        assert "First token, last 10 min" in text_of(board)
        assert "< 500 ms  1 ███" in text_of(board)
        assert len(board.screen._curves) == 10

        await pilot.resize_terminal(80, 24)
        await settled(pilot)
        assert "First token, last 10 min" not in text_of(board)


async def test_the_smallest_screen_still_reads_and_has_only_ascii() -> None:
    async with shown(size=(60, 15), ascii=True) as (board, _):
        lines = text_of(board).splitlines()

    assert any(line.startswith(" 5/6 1 not up") for line in lines)
    assert any(line.startswith(" alarm    forge lost") for line in lines)
    assert all(line[:57].isascii() for line in lines)


async def test_a_calm_club_needs_no_look_until_something_happens() -> None:
    source = Scripted(calm())
    async with shown(source) as (board, pilot):
        assert "Nothing needs a look." in text_of(board)

        lost = node(1, state="lost", seen_at=NOW - 30.0)
        source.add(msgspec.structs.replace(happened(2), what="lost", node=lost))
        await settled(pilot)
        text = text_of(board)
        assert "alarm    barn lost" in text
        assert "Nothing needs a look." not in text

        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(board.screen, NodeScreen)
        assert board.screen.node == node_id(1)
        await pilot.press("escape")
        await settled(pilot)
        assert "barn lost" in text_of(board)


async def test_enter_opens_what_an_alert_is_about() -> None:
    waiting = (task(0, model="qwen3-8b"), task(5, id="f" * 32))
    full = tuple(
        msgspec.structs.replace(model, slots_free=0) for model in snapshot().models
    )
    source = Scripted(calm(tasks=waiting, models=full))
    async with shown(source) as (board, pilot):
        await open_alert(board, pilot, "qwen3-8b full")
        assert isinstance(board.screen, ModelScreen)
        assert board.screen.model == "qwen3-8b"
        await pilot.press("escape")

        await open_alert(board, pilot, "1 task waits")
        assert isinstance(board.screen, TaskScreen)
        assert board.screen.task_id == f"{0:032x}"
        await pilot.press("escape")
        await settled(pilot)

        await open_alert(board, pilot, "1 failed")
        assert isinstance(board.screen, TaskScreen)
        assert board.screen.task_id == "f" * 32
        await pilot.press("escape")
        await settled(pilot)
        assert len(board.screen_stack) == 1


async def test_an_alert_of_several_tasks_lists_them() -> None:
    async with shown() as (board, pilot):
        await open_alert(board, pilot, "2 failed")
        assert isinstance(board.screen, TasksScreen)
        assert "/failed" in text_of(board)


async def test_an_alert_of_a_review_opens_its_evidence() -> None:
    moved = msgspec.structs.replace(change(7, "review_opened", 0), number=47)
    opened = ClubEvent(seq=103, at=NOW, kind="review", what="opened", standing=moved)
    source = Scripted([*calm(), opened], answers=club_answers())
    async with shown(source) as (board, pilot):
        await open_alert(board, pilot, "review of barn")
        assert isinstance(board.screen, ReadingScreen)
        assert "a client doubts it" in text_of(board)


@pytest.mark.parametrize(
    ("opens", "screen"), [("events", EventsScreen), ("nodes", NodesScreen)]
)
async def test_alerts_open_whole_screens(opens: Any, screen: type) -> None:
    alert = Alert(key="k", level="note", what="w", why="y", at=NOW, opens=opens)
    async with shown() as (board, pilot):
        table = board.screen.query_one("#alerts", LiveTable)
        table.post_message(LiveTable.Chosen(table, alert))
        await settled(pilot)
        assert isinstance(board.screen, screen)
        assert len(board.screen_stack) == 2


async def test_what_was_missed_is_an_alert_that_opens_the_events() -> None:
    async with shown(Scripted([*calm(), happened(3)])) as (board, pilot):
        board.picture.gaps.append((NOW - 60.0, "it was too far behind"))
        await settled(pilot)
        assert "note     events were missed" in text_of(board)

        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(board.screen, EventsScreen)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(board.screen, EventScreen)


async def test_a_lost_connection_keeps_what_was_known() -> None:
    async with shown(Scripted([*script(), broken()])) as (board, _):
        text = text_of(board)

    assert "The coordinator cannot be reached" in text
    assert "5/6 1 not up" in text


async def test_an_empty_club_says_what_is_missing() -> None:
    empty = snapshot(nodes=0, tasks=0, stats=stats(nodes_alive=0, nodes_known=0))
    async with shown(Scripted([empty, connected()])) as (board, pilot):
        assert "no node is up" in text_of(board)

        await pilot.press("enter")
        await settled(pilot)
        assert "No nodes yet" in text_of(board)


def test_alerts_get_what_the_numbers_leave() -> None:
    assert room(80, 24, 4) == Room(78, 5, 5, 1, bars=False)
    assert room(140, 40, 2) == Room(138, 3, 9, 1, bars=True)
    assert room(60, 15, 4) == Room(58, 4, 3, 0, bars=False)
