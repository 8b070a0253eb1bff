from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from clubai.errors import PermissionDenied
from clubai.protocol.feed import ClubEvent
from clubai.tui.board import Board
from clubai.tui.screens.node import NodeScreen
from clubai.tui.widgets.table import LiveTable
from support.dashboard import (
    NOW,
    Scripted,
    connected,
    node,
    node_id,
    script,
    settled,
    shown,
    snapshot,
    text_of,
)


def source(**fields: Any) -> Scripted:
    return Scripted(script(events=0, **fields))


def of(number: int, tail: str) -> str:
    return f"/api/nodes/{node_id(number)[:12]}/{tail}"


def said(board: Board) -> str:
    return "\n".join(f"{each.title}: {each.message}" for each in board._notifications)


async def typed(pilot: Pilot[None], key: str, reason: str = "") -> None:
    await pilot.press(key)
    await pilot.press(*(["y"] if not reason else [*reason, "enter"]))
    await settled(pilot)


async def test_each_key_asks_and_makes_its_call() -> None:
    club = source()
    async with shown(club, keys=["2"]) as (_, pilot):
        await typed(pilot, "d")
        await typed(pilot, "p")
        await typed(pilot, "K", "hangs")
        await typed(pilot, "m", "loud")
        await typed(pilot, "T")  # attic is trusted
        await pilot.press("down")
        await typed(pilot, "T")
        await pilot.press("down", "down")
        await typed(pilot, "u")

        assert club.calls == [
            ("PUT", of(0, "drain"), {}),
            ("PUT", of(0, "pause"), {}),
            ("DELETE", of(0, "connection"), {"why": "hangs"}),
            ("POST", of(0, "note"), {"text": "loud"}),
            ("DELETE", of(0, "trusted"), None),
            ("PUT", of(1, "trusted"), {}),
            ("DELETE", of(3, "pause"), None),
        ]


async def test_marked_nodes_are_asked_about_once_and_the_feed_shows_the_change() -> (
    None
):
    club = source()
    async with shown(club, keys=["2", "space", "space"]) as (board, pilot):
        await pilot.press("d")
        await settled(pilot)
        assert "Drain attic" in text_of(board)
        assert "Drain barn" in text_of(board)
        await pilot.press("y")
        await settled(pilot)
        states = [row.state for row in board.screen.query_one(LiveTable).grid.shown]
        assert len(club.calls) == 2
        assert states[:2] == ["alive", "alive"]  # the club did not say so yet

        drained = node(0, state="draining")
        club.add(ClubEvent(seq=201, at=NOW, kind="node", what="draining", node=drained))
        await settled(pilot)
        states = [row.state for row in board.screen.query_one(LiveTable).grid.shown]
        assert states[:2] == ["draining", "alive"]


async def test_what_is_so_already_is_said_and_k_moves_up() -> None:
    club = source()
    async with shown(club, keys=["2", "end"]) as (board, pilot):
        await pilot.press("K", "y")
        assert "forge is not connected." in said(board)
        await pilot.press("k")
        assert board.screen.query_one(LiveTable).grid.row.name == "eaves"
        assert club.calls == []


async def test_a_refusal_is_told() -> None:
    club = source()
    club.answers[f"PUT {of(0, 'drain')}"] = PermissionDenied("pausing", "not yours")
    async with shown(club, keys=["2", "d", "y"]) as (board, _):
        assert "Not done: Drain attic" in said(board)
        assert "not yours" in said(board)


@pytest.mark.parametrize("readonly", [True, False])
async def test_keys_that_one_may_not_use_are_not_there(readonly: bool) -> None:
    club = source(role="operator" if readonly else "member")
    async with shown(club, keys=["2"], readonly=readonly, size=(140, 24)) as (
        board,
        pilot,
    ):
        foot = text_of(board).splitlines()[-1]
        assert ("Drain" in foot) == (not readonly)
        assert not any(word in foot for word in ("Kick", "Note", "Trust"))
        for key in ("K", "m", "T", *("dpu" if readonly else "")):
            await pilot.press(key, "y")
        assert club.calls == []
        if not readonly:
            await typed(pilot, "d")
            assert len(club.calls) == 1


async def test_the_times_to_the_first_token_are_in_the_table() -> None:
    async with shown(source(), keys=["2"], size=(140, 24)) as (board, pilot):
        barn = next(line for line in text_of(board).splitlines() if " barn " in line)
        assert "First" in text_of(board)
        assert "550 ms" in barn  # of its tasks 4 and 10

        await pilot.press("enter")
        assert isinstance(board.screen, NodeScreen)
        assert board.screen.node == node_id(0)


async def test_without_nodes_the_screen_says_how_to_get_one() -> None:
    club = Scripted([snapshot(nodes=0), connected()])
    async with shown(club, keys=["2", "d", "enter"]) as (board, _):
        assert "clubai-agent --coordinator http://club.example:8000" in text_of(board)
        assert club.calls == []
