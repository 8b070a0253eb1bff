from __future__ import annotations

from typing import Any

from textual.pilot import Pilot

from clubai.errors import PermissionDenied
from clubai.protocol.feed import ClubEvent
from clubai.tui.board import Board
from clubai.tui.screens.node import PANES, NodeScreen
from clubai.tui.screens.task import TaskScreen
from clubai.tui.widgets.tabs import TabLine
from support.dashboard import (
    NOW,
    Scripted,
    change,
    node,
    node_id,
    script,
    settled,
    shown,
    task,
    text_of,
)

SHORT = node_id(0)[:12]
POINTS = f"GET /api/reputation/{SHORT}?limit=200"
NOTES = f"GET /api/audit?object={SHORT}&limit=200"
LINE = {
    "seq": 3,
    "at": NOW - 800,
    "change": "timeout",
    "points": -20,
    "held": 0,
    "total": 80,
    "count": 1,
    "model": "m",
    "cause": f"task:{3:032x}",
    "why": "no answer within 30 s",
}
NOTE = {
    "seq": 5,
    "at": NOW - 4000,
    "actor": "m_ana",
    "action": "node.noted",
    "object": SHORT,
    "detail": "the fan is loud",
}
ANSWERS = {
    POINTS: {"node": {}, "changes": [LINE], "next": None},
    NOTES: {"entries": [NOTE], "next": None},
}


def source(*, events: int = 0, **fields: Any) -> Scripted:
    return Scripted(script(events=events, **fields), answers=ANSWERS)


async def opened(board: Board, pilot: Pilot[None], number: int = 0) -> str:
    await board.push_screen(NodeScreen(node_id(number)))
    return await press(pilot)


async def press(pilot: Pilot[None], *keys: str) -> str:
    await pilot.press(*keys)
    await settled(pilot)
    assert isinstance(pilot.app, Board)
    return text_of(pilot.app)


async def test_every_tab_by_its_key_there_and_back() -> None:
    club = source()
    async with shown(club) as (board, pilot):
        live = await opened(board, pilot)
        assert "[Live]" in live
        assert "slots ░░░░░░ 0/1" in live
        assert "replying" in live  # a task that it works on has a lane
        assert "first token - (no task ended in 10 min)" in live

        models = await press(pilot, "right_square_bracket")
        assert "[Models]" in models
        assert "smollm2-135m-instruct" in models
        assert "warm       2048     40" in models

        tasks = await press(pilot, "right_square_bracket")
        assert "[Tasks]" in tasks
        assert "> attic  2" in tasks

        points = await press(pilot, "right_square_bracket")
        assert "100 points  0 held  trusted: a reference" in points
        assert "-20       -      80 no answer within 30 s" in points
        assert "asked 0 s ago" in points

        notes = await press(pilot, "right_square_bracket")
        assert "[Notes]" in notes
        assert "the fan is loud" in notes
        assert "m_ana" in notes

        assert "[Live]" in await press(pilot, "right_square_bracket")
        assert "[Notes]" in await press(pilot, "left_square_bracket")
        assert [call[0] for call in club.calls] == ["GET", "GET"]


async def test_every_tab_by_the_mouse_and_each_with_its_own_filter() -> None:
    async with shown(source()) as (board, pilot):
        await opened(board, pilot)
        await pilot.click(TabLine, offset=(18, 0))
        assert "[Tasks]" in await press(pilot, "slash", *"zz", "enter")
        assert "0 of 2  /zz" in text_of(board)
        assert "/zz" not in await press(pilot, "left_square_bracket")
        assert "0 of 2  /zz" in await press(pilot, "right_square_bracket")
        await press(pilot, "escape")
        assert "> attic  2" in text_of(board)


async def test_enter_opens_the_task_of_a_lane_of_a_row_and_of_a_change() -> None:
    async with shown(source()) as (board, pilot):
        await opened(board, pilot)
        for pane in (0, 2, 3):
            assert isinstance(board.screen, NodeScreen)
            board.screen.show_pane(pane)
            await press(pilot, "enter")
            assert isinstance(board.screen, TaskScreen), PANES[pane]
            await press(pilot, "escape")


async def test_changes_that_are_seen_stand_above_those_that_were_asked_for() -> None:
    club = source()
    async with shown(club) as (board, pilot):
        await opened(board, pilot)
        assert isinstance(board.screen, NodeScreen)
        board.screen.show_pane(3)
        for number in (3, 6):  # the first of them was told as well
            moved = change(number, "completed", number)
            club.add(
                ClubEvent(
                    seq=200 + number,
                    at=NOW,
                    kind="standing",
                    what="completed",
                    standing=moved,
                )
            )
        text = await press(pilot)

        assert "> attic  2" in text
        below = text.split("each change", 1)[1]
        assert below.index("+6") < below.index("timeout")


async def test_refusals_are_told_and_r_asks_again() -> None:
    club = source()
    club.answers[POINTS] = PermissionDenied("looking", "not now")
    club.answers[NOTES] = {"entries": 3}
    async with shown(club) as (board, pilot):
        await opened(board, pilot)
        assert isinstance(board.screen, NodeScreen)
        board.screen.show_pane(3)
        assert "not now" in await press(pilot)
        assert "cannot read" in " ".join(
            (await press(pilot, "right_square_bracket")).split()
        )

        club.answers |= ANSWERS
        assert "the fan is loud" in await press(pilot, "r")


async def test_what_was_refused_is_asked_again_when_it_is_seen_again() -> None:
    club = source()
    club.answers[NOTES] = PermissionDenied("looking", "not now")
    async with shown(club) as (board, pilot):
        await opened(board, pilot)
        assert isinstance(board.screen, NodeScreen)
        board.screen.show_pane(4)
        assert "not now" in await press(pilot)

        club.answers |= ANSWERS
        await press(pilot, "question_mark")
        assert "the fan is loud" in await press(pilot, "escape")
        asked = len(club.calls)
        await press(pilot, "question_mark", "escape")
        assert len(club.calls) == asked


async def test_a_member_sees_no_notes_and_the_club_is_not_asked_for_them() -> None:
    club = source(role="member")
    async with shown(club) as (board, pilot):
        await opened(board, pilot)
        assert "operators and auditors alone" in await press(
            pilot, "left_square_bracket"
        )
        assert len(club.calls) == 1
        await press(pilot, "K", "y", "m", "y", "T", "y")
        assert len(club.calls) == 1


async def test_the_keys_of_the_nodes_act_on_it() -> None:
    club = source()
    async with shown(club) as (board, pilot):
        await opened(board, pilot)
        await press(pilot, "d", "y")
        await press(pilot, "m", *"loud", "enter")
        acts = [call for call in club.calls if call[0] != "GET"]
        assert acts == [
            ("PUT", f"/api/nodes/{SHORT}/drain", {}),
            ("POST", f"/api/nodes/{SHORT}/note", {"text": "loud"}),
        ]
    club = source()
    async with shown(club, readonly=True) as (board, pilot):
        assert "Drain" not in await opened(board, pilot)
        await press(pilot, "d", "y")
        assert {call[0] for call in club.calls} == {"GET"}


async def test_a_node_that_is_lost_or_left_keeps_what_was_known_with_its_age() -> None:
    club = source()
    async with shown(club, size=(100, 30)) as (board, pilot):
        assert "It is lost" in await opened(board, pilot, 5)
        assert "As it was 22 s ago." in text_of(board)
        await press(pilot, "escape")

        await opened(board, pilot, 0)
        club.add(ClubEvent(seq=201, at=NOW, kind="node", what="left", node=node(0)))
        text = await press(pilot)
        assert "It left the club. As it was 2 s ago." in text
        assert "smollm2" in await press(pilot, "right_square_bracket")

        club.add(ClubEvent(seq=202, at=NOW, kind="node", what="joined", node=node(0)))
        assert "It left" not in await press(pilot)


async def test_a_node_that_was_never_seen_is_not_here() -> None:
    async with shown(source()) as (board, pilot):
        assert "This node is not here" in await opened(board, pilot, 9)
        await press(pilot, "d", "enter", "right_square_bracket", "c")
        assert isinstance(board.screen, NodeScreen)


async def test_it_reads_well_at_60_columns_in_ascii() -> None:
    async with shown(source(), size=(60, 15), ascii=True) as (board, pilot):
        texts = [await opened(board, pilot)]
        texts += [await press(pilot, "right_square_bracket") for _ in range(4)]
        assert all(text.isascii() for text in texts)
        assert all(f"[{name}]" in text for name, text in zip(PANES, texts, strict=True))


async def test_a_task_stays_in_its_lane() -> None:
    club = source()
    async with shown(club) as (board, pilot):
        await opened(board, pilot)
        first, second = task(3), task(9)
        gone = task(3, state="done", ended_at=NOW)
        club.add(ClubEvent(seq=201, at=NOW, kind="task", what="done", task=gone))
        await press(pilot)
        assert isinstance(board.screen, NodeScreen)
        assert board.screen._lanes == {second.id: 2}
        assert first.id not in board.screen._lanes
