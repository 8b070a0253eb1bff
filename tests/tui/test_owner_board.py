"""Every key of the owner's view, and what it does to the agent."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from clubai.client.feed import FeedState
from clubai.errors import AuthenticationError
from clubai.protocol.feed import ClubEvent
from clubai.tui.owner_board import OwnerBoard, owner_of
from support.dashboard import NOW, Scripted, broken, node, settled, text_of
from support.owner import (
    ScriptedOwner,
    agent,
    backend,
    club,
    earned,
    owner_shown,
    reconnecting,
)


async def press(pilot: Pilot[None], *keys: str) -> str:
    await pilot.press(*keys)
    await settled(pilot)
    assert isinstance(pilot.app, OwnerBoard)
    return text_of(pilot.app)


def notified(board: OwnerBoard) -> list[str]:
    return [notice.message for notice in board._notifications]


async def test_a_pause_asks_and_is_taken_back_by_the_same_key() -> None:
    owner = ScriptedOwner(agent())
    async with owner_shown(owner) as (board, pilot):
        assert owner_of(board.screen) is board
        assert "What runs (2" in await press(pilot, "p")
        await press(pilot, "n")
        assert owner.done == []

        await press(pilot, "p", "y")
        assert owner.done == [("pause", True)]
        assert "paused: takes no tasks" in text_of(board)
        assert notified(board) == ["The node takes no new tasks."]

        assert "Take tasks again" in await press(pilot, "p")
        await press(pilot, "y")
        assert owner.done[1:] == [("pause", False)]
        assert "working: 2/4" in text_of(board)


async def test_a_drain_says_what_is_left_and_ends_the_screen_by_itself() -> None:
    owner = ScriptedOwner(agent())
    async with owner_shown(owner) as (board, pilot):
        assert "2 tasks will be ended first" in await press(pilot, "d")
        assert "draining: 2 tasks left" in await press(pilot, "y")
        assert owner.done == [("drain", None)]

        await press(pilot, "p")
        await press(pilot, "d")
        assert notified(board)[1:] == 2 * ["It drains already, and ends by itself."]

        owner.change(lanes=agent(lanes=1).lanes)
        await settled(pilot)
        assert "draining: 1 task left" in text_of(board)
        owner.ended = True
        board.flush()
        await pilot.pause()
    assert board.return_code == 0


async def test_the_model_server_is_looked_at_without_a_question() -> None:
    owner = ScriptedOwner(agent())
    async with owner_shown(owner) as (board, pilot):
        await press(pilot, "b")
        owner.answers = False
        await press(pilot, "b")

        assert owner.done == [("look", None), ("look", None)]
        assert notified(board) == ["It answers.", "It does not answer."]


async def test_slots_are_asked_for_as_a_number() -> None:
    owner = ScriptedOwner(agent())
    async with owner_shown(owner) as (board, pilot):
        assert "It takes 4 now. 1 to 8" in await press(pilot, "s")
        await press(pilot, "9", "enter")
        assert owner.done == []
        await press(pilot, "backspace", "2", "enter")
        assert owner.done == [("set_slots", 2)]
        assert "slots 2: you want 2, server has 4" in text_of(board)
        await press(pilot, "s", "escape")
        assert len(owner.done) == 1
        assert notified(board)[-1] == "It takes 2 tasks at once."


async def test_what_cannot_be_done_says_why() -> None:
    owner = ScriptedOwner(agent())
    owner.refuses = "it was not done within 20 s"
    async with owner_shown(owner) as (board, pilot):
        await press(pilot, "p", "y")
        await press(pilot, "b")
        await press(pilot, "s", "1", "enter")

        assert notified(board) == 3 * ["it was not done within 20 s"]


async def test_a_waiting_agent_connects_at_once() -> None:
    owner = ScriptedOwner(reconnecting())
    source = club()
    async with owner_shown(owner, source) as (board, pilot):
        await press(pilot, "R")
        assert owner.done == [("try_now", None)]

        owner.snapshot = agent()
        await press(pilot, "R")
        assert len(owner.done) == 1
        assert notified(board)[-1] == "The node is connected."


async def test_quitting_asks_only_while_tasks_run() -> None:
    owner = ScriptedOwner(agent(lanes=2))
    async with owner_shown(owner) as (board, pilot):
        assert "they go to other nodes" in await press(pilot, "q")
        assert board.is_running
        await press(pilot, "n")

        owner.change(lanes=())
        await pilot.press("q")
        await pilot.pause()
        assert board._exit
    owner = ScriptedOwner(agent(lanes=1))
    async with owner_shown(owner, keys=["q"]) as (board, pilot):
        await pilot.press("y")
        await pilot.pause()
        assert board._exit


async def test_one_who_only_looks_can_do_nothing() -> None:
    owner = ScriptedOwner(reconnecting())
    async with owner_shown(owner, readonly=True) as (board, pilot):
        shown = await press(pilot, "p", "d", "b", "s", "R")

        assert "READ-ONLY" in shown
        assert "Drain" not in shown
        assert owner.done == []
        assert len(board.screen_stack) == 1
        await pilot.press("q")
        await pilot.pause()
        assert board._exit


async def test_a_frozen_screen_says_so_while_the_agent_goes_on() -> None:
    owner = ScriptedOwner(agent())
    async with owner_shown(owner, keys=["P"]) as (board, pilot):
        assert "FROZEN" in text_of(board)
        owner.change(lanes=())
        board.flush()
        await pilot.pause()
        assert "working: 2/4" in text_of(board)
        assert "idle" in await press(pilot, "P")


async def test_numbers_go_from_screen_to_screen() -> None:
    async with owner_shown(ScriptedOwner(agent()), club()) as (board, pilot):
        assert "no answer within 30 s" in await press(pilot, "2")
        assert "line 8: node attic joined" in await press(pilot, "3")
        assert "Backend lmstudio" in await press(pilot, "1")
        await press(pilot, "enter")
        assert len(board.screen_stack) == 2
        await press(pilot, "1")
        assert len(board.screen_stack) == 1


async def test_points_come_from_the_club_and_change_while_one_looks() -> None:
    source = club()
    async with owner_shown(ScriptedOwner(agent()), source, size=(140, 40)) as (
        board,
        pilot,
    ):
        shown = text_of(board)
        assert "Points 100 reference rank 6 of 6" in shown
        assert "-20 timeout 47 min ago no answer within 30 s" in shown
        assert "+0 points today, 3 changes" in shown
        assert "balance 1250 EUR" in shown

        event = ClubEvent(
            seq=300, at=NOW, kind="standing", what="x", standing=earned(9)
        )
        source.add(event)
        await pilot.pause()
        await settled(pilot)
        shown = text_of(board)
        assert "+5 audit passed 0 s ago the answers agree check:c_1" in shown
        assert "+5 points today, 4 changes" in shown

        source.add(broken())
        await pilot.pause()
        await settled(pilot)
        assert "+5 audit passed" in text_of(board)


async def test_what_was_missed_is_read_again() -> None:
    source = club()
    path = f"/api/reputation/{agent().nickname}?limit=500"
    async with owner_shown(ScriptedOwner(agent()), source) as (_, pilot):
        source.add(FeedState(connected=True, since=NOW, gaps=1, reason="too slow"))
        await pilot.pause()
        await settled(pilot)
        await settled(pilot)

        assert [call[1] for call in source.calls].count(path) == 2


async def test_quitting_is_possible_while_a_look_takes_its_time() -> None:
    owner = ScriptedOwner(agent())
    async with owner_shown(owner) as (board, pilot):
        board._acting = True
        assert "they go to other nodes" in await press(pilot, "q")
        await press(pilot, "n")


async def test_a_pause_by_an_operator_is_seen_by_the_clubs_feed() -> None:
    source = club()
    async with owner_shown(ScriptedOwner(agent(lanes=0)), source) as (board, pilot):
        source.add(
            ClubEvent(
                seq=301,
                at=NOW,
                kind="node",
                what="changed",
                node=node(0, state="paused"),
            )
        )
        await pilot.pause()
        await settled(pilot)

        assert "paused by the club" in text_of(board)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (None, "Points are shown to members"),
        (Scripted([AuthenticationError("no such key")]), "no such key"),
        (Scripted([broken()]), "The club's feed is not there"),
    ],
)
async def test_why_there_are_no_points_is_said(
    source: Scripted | None, said: str
) -> None:
    async with owner_shown(ScriptedOwner(agent()), source) as (board, pilot):
        assert board.no_feed.startswith(said)
        assert "points cannot be seen" in await press(pilot, "2")


async def test_a_refused_ledger_says_why() -> None:
    refusal = AuthenticationError("not your node")
    path = f"GET /api/reputation/{agent().nickname}?limit=500"
    source = club(**{path: refusal})
    async with owner_shown(ScriptedOwner(agent()), source, keys=["2"]) as (
        board,
        pilot,
    ):
        assert "not your node" in text_of(board)
        source.answers[path] = {"changes": [], "next": None}
        await press(pilot, "r")
        assert "No changes yet" in await press(pilot)


async def test_an_odd_ledger_is_told_and_ends_nothing() -> None:
    path = f"GET /api/reputation/{agent().nickname}?limit=500"
    source = club(**{path: {"changes": [{"seq": 1}], "next": None}})
    async with owner_shown(ScriptedOwner(agent()), source, keys=["2"]) as (
        board,
        _pilot,
    ):
        assert "cannot read" in text_of(board)
        assert board.is_running


async def test_since_when_the_model_server_is_gone_is_kept() -> None:
    gone = backend(answers=False, error="refused", looked_at=NOW - 50)
    owner = ScriptedOwner(agent(backend=gone))
    async with owner_shown(owner) as (board, pilot):
        owner.change(backend=backend(answers=False, error="refused", looked_at=NOW - 5))
        await settled(pilot)
        assert "NO ANSWER for 50 s" in text_of(board)
        owner.change(backend=backend())
        await settled(pilot)
        assert board.silent_since == 0.0
