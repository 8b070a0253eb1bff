from __future__ import annotations

from typing import Any

from textual.pilot import Pilot

from clubai.client.rest import ApiError
from clubai.protocol.feed import ClubEvent
from clubai.tui.board import Board
from clubai.tui.screens.node import NodeScreen
from clubai.tui.screens.task import TaskScreen
from support.dashboard import (
    NOW,
    Scripted,
    change,
    script,
    settled,
    shown,
    snapshot,
    task,
    text_of,
)

LARGE = (100, 40)


def path(number: int) -> str:
    return f"/api/tasks/{number:032x}"


async def opened(board: Board, pilot: Pilot[None], number: int) -> str:
    await board.push_screen(TaskScreen(f"{number:032x}"))
    return await asked(board, pilot)


async def asked(board: Board, pilot: Pilot[None]) -> str:
    await settled(pilot)
    return text_of(board)


def said(board: Board) -> str:
    return "\n".join(f"{each.title}: {each.message}" for each in board._notifications)


def source(*, events: int = 0, **answers: Any) -> Scripted:
    return Scripted(script(events=events), answers=answers)


async def test_its_time_its_attempts_its_story_and_what_is_not_kept() -> None:
    story = {"at": NOW - 85.9, "what": "offered: to barn, the fastest"}
    club = source(**{f"GET {path(4)}": {"story": [story], "task": {}}})
    async with shown(club, size=LARGE) as (board, pilot):
        text = await opened(board, pilot, 4)

        assert "Timeline  from the request to the end" in text
        assert "until first token" in text
        assert "1  barn  160 ms to 1900 ms, first token at 370 ms: answered" in text
        assert "100 ms  offered: to barn, the fastest" in text
        assert "What was asked and answered is not kept by the club." in text
        assert club.calls == [("GET", path(4), None)]


async def test_points_that_moved_for_it_are_seen() -> None:
    club = source()
    moved = ClubEvent(
        seq=150, at=NOW, kind="standing", what="completed", standing=change(4)
    )
    club.add(moved)
    async with shown(club, size=LARGE) as (board, pilot):
        text = await opened(board, pilot, 4)

        assert "Points that moved for it" in text
        assert "barn  completed +10" in text


async def test_a_story_that_is_refused_is_told_and_r_asks_again() -> None:
    club = source(**{f"GET {path(4)}": ApiError(404, "you have no task")})
    async with shown(club, size=LARGE) as (board, pilot):
        text = await opened(board, pilot, 4)
        assert "you have no task" in text
        assert "Timeline" in text

        club.answers[f"GET {path(4)}"] = {"story": [{"at": NOW, "what": "done: it is"}]}
        await pilot.press("r")
        assert "done: it is" in await asked(board, pilot)


async def test_what_was_refused_is_asked_again_when_it_is_seen_again() -> None:
    club = source(**{f"GET {path(4)}": ApiError(502, "no answer")})
    async with shown(club, size=LARGE) as (board, pilot):
        assert "no answer" in await opened(board, pilot, 4)

        club.answers[f"GET {path(4)}"] = {"story": [{"at": NOW, "what": "done: it is"}]}
        await pilot.press("question_mark", "escape")
        assert "done: it is" in await asked(board, pilot)


async def test_x_cancels_it_while_it_is_live() -> None:
    club = source()
    async with shown(club, size=LARGE) as (board, pilot):
        await opened(board, pilot, 3)
        await pilot.press("x", "y")
        await settled(pilot)
        assert club.calls[-1] == ("DELETE", path(3), None)

        await pilot.press("escape")
        await opened(board, pilot, 4)
        calls = len(club.calls)
        await pilot.press("x", "y")
        assert "It has ended already" in said(board)
        assert len(club.calls) == calls


async def test_where_nothing_can_be_done_it_cannot_be_cancelled() -> None:
    club = source()
    async with shown(club, size=LARGE, readonly=True) as (board, pilot):
        assert "Cancel" not in await opened(board, pilot, 3)
        await pilot.press("x", "y")
        assert [call[0] for call in club.calls] == ["GET"]


async def test_its_node_is_opened_if_it_has_one() -> None:
    async with shown(source()) as (board, pilot):
        await opened(board, pilot, 4)
        for key in ("n", "enter"):
            await pilot.press(key)
            assert isinstance(board.screen, NodeScreen)
            assert board.screen.node == task(4).node
            await pilot.press("escape")

        await opened(board, pilot, 0)
        await pilot.press("n")
        assert isinstance(board.screen, TaskScreen)
        assert "No node was chosen" in said(board)


async def test_its_id_and_its_facts_are_copied() -> None:
    async with shown(source()) as (board, pilot):
        await opened(board, pilot, 4)
        await pilot.press("i")
        assert board.clipboard == f"{4:032x}"
        await pilot.press("c")
        assert '"node_name": "barn"' in board.clipboard
        await pilot.press("C")
        assert board.clipboard.startswith("| State | Task |")


async def test_a_task_that_is_forgotten_stays_as_it_was_and_says_so() -> None:
    club = source()
    async with shown(club, size=LARGE) as (board, pilot):
        await opened(board, pilot, 3)
        club.now = NOW + 60
        club.add(snapshot(tasks=0, boot="boot-other"))
        await settled(pilot)
        club.now = NOW + 100
        await settled(pilot)

        text = text_of(board)
        assert "Not remembered any more: as it was" in text
        assert "state     replying" in text
        assert "attic" in text


async def test_a_task_that_was_never_seen_is_not_remembered() -> None:
    async with shown(source()) as (board, pilot):
        assert "This task is not remembered" in await opened(board, pilot, 99)
        await pilot.press("n", "i", "c", "x")
        assert isinstance(board.screen, TaskScreen)


async def test_a_small_ascii_screen_scrolls() -> None:
    async with shown(source(), size=(60, 15), ascii=True) as (board, pilot):
        text = await opened(board, pilot, 4)
        assert text.isascii()
        assert "not kept" not in text
        await pilot.press("end")
        await settled(pilot)
        assert "not kept by the club" in text_of(board)
