from __future__ import annotations

import pytest
from textual.pilot import Pilot

from clubai.errors import PermissionDenied
from clubai.protocol.feed import ClubEvent
from clubai.tui.board import Board
from clubai.tui.screens.task import TaskScreen
from clubai.tui.screens.tasks import TasksScreen
from clubai.tui.widgets.table import LiveTable
from support.dashboard import (
    NOW,
    Scripted,
    connected,
    script,
    settled,
    shown,
    snapshot,
    task,
    text_of,
)

QUIET = {"events": 0}


async def press(pilot: Pilot[None], *keys: str) -> str:
    await pilot.press(*keys)
    await settled(pilot)
    assert isinstance(pilot.app, Board)
    return text_of(pilot.app)


def said(board: Board) -> str:
    return "\n".join(f"{each.title}: {each.message}" for each in board._notifications)


async def test_live_tasks_come_first_then_the_newest_that_ended() -> None:
    async with shown(Scripted(script(**QUIET)), keys=["3"]) as (board, _):
        grid = board.screen.query_one("#tasks", LiveTable).grid
        states = [row.state for row in grid.shown]

        assert "Tasks  12" in text_of(board)
        assert set(states[:8]) == {"queued", "offered", "running", "replying"}
        assert states[8:] == ["failed", "done", "failed", "done"]
        assert "all slots" in text_of(board)


async def test_f_shows_all_the_live_or_the_failed_and_the_path_says_which() -> None:
    async with shown(Scripted(script(**QUIET)), keys=["3"]) as (board, pilot):
        assert "Tasks: live  8" in await press(pilot, "f")
        assert "Tasks: failed  2" in await press(pilot, "f")
        await press(pilot, "slash")
        assert "Tasks: failed  0 of 2  /barn" in await press(pilot, *"barn", "enter")
        await press(pilot, "escape")
        assert "Tasks  12" in await press(pilot, "f")
        assert isinstance(board.screen, TasksScreen)


async def test_without_tasks_the_screen_says_so_and_f_works_still() -> None:
    source = Scripted([snapshot(tasks=0), connected()])
    async with shown(source, keys=["3"]) as (board, pilot):
        assert "No tasks yet" in text_of(board)
        assert "No task is live" in await press(pilot, "f")
        assert "No task failed" in await press(pilot, "f")
        source.add(ClubEvent(seq=101, at=NOW, kind="task", what="failed", task=task(5)))
        await settled(pilot)
        assert "Tasks: failed  1" in await press(pilot)
        assert "Task 00000000" in await press(pilot, "enter")


async def test_x_asks_once_for_all_that_are_marked_and_leaves_out_what_ended() -> None:
    source = Scripted(script(**QUIET))
    async with shown(source, keys=["3"]) as (board, pilot):
        await pilot.press("space", "space", "end", "space")
        text = await press(pilot, "x")
        assert "Cancel task 00000000 (smollm2" in text
        assert "One has ended: it is left out" in said(board)
        assert source.calls == []

        await press(pilot, "y")
        grid = board.screen.query_one("#tasks", LiveTable).grid
        assert [call[:2] for call in source.calls] == [
            ("DELETE", f"/api/tasks/{row.id}") for row in grid.shown[:2]
        ]
        assert [row.state for row in grid.shown[:2]] == ["replying", "running"]


async def test_what_was_cancelled_is_seen_when_the_club_says_so() -> None:
    source = Scripted(script(**QUIET))
    async with shown(source, keys=["3"]) as (board, pilot):
        top = board.screen.query_one("#tasks", LiveTable).grid.row
        await press(pilot, "x", "y")
        gone = task(0, id=top.id, state="failed", reason="cancelled: by an operator")
        source.add(ClubEvent(seq=201, at=NOW, kind="task", what="failed", task=gone))
        await settled(pilot)

        assert "cancelled: by an" in await press(pilot)


async def test_an_ended_task_alone_cannot_be_cancelled() -> None:
    source = Scripted(script(**QUIET))
    async with shown(source, keys=["3", "end", "x"]) as (board, pilot):
        assert "It has ended already: nothing to cancel." in said(board)
        await press(pilot, "y")
        assert source.calls == []


async def test_no_leaves_it() -> None:
    source = Scripted(script(**QUIET))
    async with shown(source, keys=["3", "x", "n", "x", "escape"]):
        assert source.calls == []


async def test_a_refusal_is_told() -> None:
    source = Scripted(script(**QUIET))
    refusal = PermissionDenied("cancelling this task", "the key is not for it")
    async with shown(source, keys=["3"]) as (board, pilot):
        top = board.screen.query_one("#tasks", LiveTable).grid.row
        source.answers[f"DELETE /api/tasks/{top.id}"] = refusal
        await press(pilot, "x", "y")
        assert "Not done: Cancel task 00000000" in said(board)
        assert "the key is not for it" in said(board)


async def test_where_nothing_can_be_done_there_is_no_key_for_it() -> None:
    source = Scripted(script(**QUIET))
    async with shown(source, keys=["3", "x", "y"], readonly=True) as (board, _):
        assert source.calls == []
        assert "x Cancel" not in text_of(board)
        assert "i Copy id" in text_of(board)


async def test_i_copies_whole_ids_and_c_the_rows() -> None:
    async with shown(Scripted(script(**QUIET)), keys=["3", "i"]) as (board, pilot):
        top = board.screen.query_one("#tasks", LiveTable).grid.shown
        assert board.clipboard == top[0].id
        await pilot.press("space", "space", "i")
        assert board.clipboard == f"{top[0].id}\n{top[1].id}"
        await pilot.press("c")
        assert f'"id": "{top[1].id}"' in board.clipboard


async def test_enter_opens_a_task_and_esc_comes_back_to_it() -> None:
    async with shown(Scripted(script(**QUIET)), keys=["3", "down"]) as (board, pilot):
        row = board.screen.query_one("#tasks", LiveTable).grid.row
        assert "Tasks > Task 00000000" in await press(pilot, "enter")
        assert isinstance(board.screen, TaskScreen)
        assert board.screen.task_id == row.id
        await press(pilot, "escape")
        assert board.screen.query_one("#tasks", LiveTable).grid.row == row


async def test_the_help_says_why_there_is_no_key_to_ask_again() -> None:
    async with shown(keys=["3", "question_mark"], size=(100, 60)) as (board, _):
        assert "no key to ask a task again" in " ".join(text_of(board).split())


@pytest.mark.parametrize("size", [(60, 15), (200, 50)])
async def test_it_reads_well_at_any_width(size: tuple[int, int]) -> None:
    async with shown(size=size, keys=["3"], ascii=True) as (board, _):
        text = text_of(board)
        assert text.isascii()
        assert "State" in text
        assert ("Member" in text) == (size[0] == 200)
