"""What the owner's first screen shows in each state, at each size."""

from __future__ import annotations

import pytest

from clubai.tui.widgets.table import LiveTable
from support.dashboard import LARGE, SMALL, settled, text_of
from support.owner import (
    ScriptedOwner,
    agent,
    backend,
    club,
    lane,
    owner_shown,
    reconnecting,
)

MARKS = (
    "Slot Stage",
    "Backend",
    "Connection",
    "Points",
    "Served",
    "Ended How",
    "line 8",
)


@pytest.mark.parametrize("size", [SMALL, LARGE, (60, 15)])
async def test_all_of_it_is_seen_at_a_glance(size: tuple[int, int]) -> None:
    async with owner_shown(ScriptedOwner(agent()), club(), size=size) as (board, _):
        shown = text_of(board)

    assert [mark for mark in MARKS if mark not in shown] == []
    assert "1 Node  2 Points  3 Log" in shown
    assert "00000000" in shown


async def test_in_ascii_there_is_nothing_else() -> None:
    async with owner_shown(ScriptedOwner(agent()), club(), ascii=True) as (board, _):
        above_scrollbars = text_of(board).splitlines()[:16]

    assert [line for line in above_scrollbars if not line.isascii()] == []


async def test_it_follows_the_agent_from_its_start_to_its_failure() -> None:
    owner = ScriptedOwner(phase="Looking for a model server at http://a:1.")
    async with owner_shown(owner) as (board, pilot):
        shown = text_of(board)
        assert "starting" in shown
        assert "Looking for a model server at http://a:1." in shown
        assert "Drain" not in shown

        owner.snapshot = reconnecting(state="joining")
        await settled(pilot)
        shown = text_of(board)
        assert "joining" in shown
        assert "next try in 4 s" in shown
        assert "Drain" in shown

        owner.snapshot = agent(lanes=0)
        await settled(pilot)
        assert "idle" in text_of(board)

        owner.snapshot = reconnecting()
        await settled(pilot)
        assert "reconnecting" in text_of(board)
        assert "last loss 9 s ago" in text_of(board)

        owner.ended, owner.failure = True, "the node was removed. Enrol it again."
        await settled(pilot)
        shown = " ".join(text_of(board).split())
        assert "The agent has ended: the node was removed. Enrol it again." in shown
        assert "What is shown is 0 s old" in shown
        assert board.screen.query_one("#body").has_class("-stale")
        assert "Drain" not in shown
        await pilot.press("p", "q")
        await pilot.pause()
        assert board._exit


async def test_an_agent_that_never_was_says_why() -> None:
    owner = ScriptedOwner()
    owner.ended, owner.failure = True, "no model server. Look at `clubai doctor`."
    async with owner_shown(owner) as (board, pilot):
        shown = text_of(board)
        assert "The agent could not start" in shown
        assert "clubai doctor" in shown
        assert "ended" in shown
        await pilot.press("q")
        await pilot.pause()
        assert board._exit


async def test_a_model_server_that_is_gone_is_told_everywhere() -> None:
    gone = backend(answers=False, error="connection refused", models=())
    async with owner_shown(ScriptedOwner(agent(lanes=0, backend=gone))) as (board, _):
        shown = text_of(board)

    assert "no model server" in shown
    assert "NO ANSWER" in shown
    assert "connection refused" in shown


async def test_alarms_stand_above_all() -> None:
    owner = ScriptedOwner(agent(alarms=("the club showed another log",)))
    async with owner_shown(owner) as (board, _):
        assert "KEY LOG ALARM: the club showed another log" in text_of(board)


async def test_without_a_key_it_is_said_how_to_see_the_points() -> None:
    async with owner_shown(ScriptedOwner(agent())) as (board, _):
        shown = text_of(board)

    assert "Points are shown to members" in shown
    assert "`clubai login`" in shown


async def test_a_very_small_terminal_has_the_most_important() -> None:
    async with owner_shown(ScriptedOwner(agent()), size=(40, 12)) as (board, pilot):
        assert "slots 2/4" in text_of(board)
        await pilot.resize_terminal(80, 24)
        await settled(pilot)
        assert "Backend" in text_of(board)


async def test_foreign_names_do_nothing() -> None:
    evil = "evil\x1b[2J[bold]\u202e"
    owner = ScriptedOwner(
        agent(
            name=evil,
            lanes=0,
            backend=backend(error=evil, answers=False, kind=evil),
        )
    )
    owner.change(lanes=(lane(0, model=evil),))
    async with owner_shown(owner, size=LARGE) as (board, _):
        shown = text_of(board)

    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert shown.count("[bold]") >= 3


async def test_tables_are_sorted_filtered_and_opened_by_keys() -> None:
    async with owner_shown(ScriptedOwner(agent()), size=LARGE) as (board, pilot):
        await pilot.press("slash", *"failed", "enter")
        await settled(pilot)
        assert "1 of 6  /failed" in text_of(board)
        recent = board.screen.query_one("#recent", LiveTable)
        assert recent.has_focus
        await pilot.press("enter")
        await settled(pilot)
        assert "> 00000066" in text_of(board)
        await pilot.press("escape", "escape")
        await settled(pilot)
        assert len(recent.grid.shown) == 6

        await pilot.press("shift+tab", "end", "enter")
        assert len(board.screen_stack) == 1  # a free slot has nothing to tell
