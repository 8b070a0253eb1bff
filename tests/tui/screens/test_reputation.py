"""The reputation screen: live points, acts of operators, what members see."""

from __future__ import annotations

import pytest

from clubai.errors import PermissionDenied
from clubai.protocol.feed import ClubEvent
from clubai.tui.screens.ledger import LedgerScreen
from clubai.tui.screens.reputation import ReputationScreen
from clubai.tui.screens.reviews import ReviewsScreen
from clubai.tui.widgets.confirm import Confirm
from support.club_answers import club_answers
from support.dashboard import (
    NOW,
    Scripted,
    change,
    connected,
    node_id,
    script,
    settled,
    shown,
    snapshot,
    text_of,
)

FORGE = f"/api/reputation/{node_id(5)}/points"


def _source(**answers: object) -> Scripted:
    return Scripted(script(), answers={**club_answers(), **answers})


def _acts(source: Scripted) -> list[tuple[str, str, object]]:
    return [call for call in source.calls if call[0] != "GET"]


def _typed(text: str) -> list[str]:
    names = {"+": "plus", "-": "minus", " ": "space"}
    return [names.get(sign, sign) for sign in text]


async def test_points_and_ranks_move_by_the_feed() -> None:
    source = _source()
    async with shown(source, keys=["4"]) as (board, pilot):
        assert isinstance(board.screen, ReputationScreen)
        before = text_of(board)
        moved = ClubEvent(
            seq=300,
            at=NOW,
            kind="standing",
            what="fast",
            standing=change(0, "fast", 900),
        )
        source.add(moved)
        await settled(pilot)
        after = text_of(board)

    assert "asked 0 s ago" in before
    assert "1 forge          325 proven" in before
    assert "suspended" in before
    assert "1 attic         1000 trusted" in after
    assert "fast +900" in after
    assert "500-999  0" in after


async def test_points_are_adjusted_with_a_number_and_a_reason() -> None:
    source = _source()
    async with shown(source, keys=["4", "a"]) as (board, pilot):
        assert isinstance(board.screen, Confirm)
        await pilot.press("enter", "enter")  # nothing is typed in either line
        assert isinstance(board.screen, Confirm)
        await pilot.press(*_typed("0"), "enter", *_typed("late"), "enter")
        await pilot.pause()
        assert isinstance(board.screen, Confirm)
        said = [each.message for each in board._notifications]
        assert any("points = 0 cannot be used: give a whole" in each for each in said)
        assert _acts(source) == []

        await pilot.press("backspace", *_typed("-20"), "enter", "enter")
        await settled(pilot)

        assert _acts(source) == [("POST", FORGE, {"points": -20, "why": "late"})]
        assert source.calls[-1] == ("GET", "/api/reputation", None)
        said = [each.message for each in board._notifications]
        assert "The points are moved." in said


async def test_a_reason_is_needed_and_escape_leaves_it() -> None:
    source = _source()
    async with shown(source, keys=["4", "a"]) as (board, pilot):
        await pilot.press(*_typed("5"), "enter", "enter")
        await pilot.pause()
        assert isinstance(board.screen, Confirm)

        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(board.screen, ReputationScreen)
        assert _acts(source) == []


async def test_only_a_suspended_node_is_reinstated() -> None:
    source = _source()
    async with shown(source, keys=["4", "i"]) as (board, pilot):
        assert isinstance(board.screen, ReputationScreen)
        await pilot.press("down", "i", *_typed("seen"), "enter")
        await settled(pilot)

        path = f"/api/reputation/{node_id(4)}/reinstated"
        assert _acts(source) == [("POST", path, {"why": "seen"})]


async def test_what_is_refused_is_said() -> None:
    refusal = PermissionDenied("moving points", "only operators may")
    source = _source(**{f"POST {FORGE}": refusal})
    async with shown(source, keys=["4", "a"]) as (board, pilot):
        await pilot.press(*_typed("5"), "enter", *_typed("x"), "enter")
        await settled(pilot)

        said = {each.title: each.message for each in board._notifications}
        assert "only operators may" in said["Not done: Adjust the points of forge"]


@pytest.mark.parametrize("readonly", [False, True])
async def test_members_and_onlookers_see_all_points_and_no_acts(readonly: bool) -> None:
    role = "operator" if readonly else "member"
    source = Scripted([snapshot(role=role), connected()], answers=club_answers())
    options = {"view": "operator" if readonly else "member", "readonly": readonly}
    key = "4" if readonly else "5"
    async with shown(source, keys=[key, "a", "i"], **options) as (board, _pilot):
        assert isinstance(board.screen, ReputationScreen)
        assert "forge" in text_of(board)
        assert "a Adjust" not in text_of(board)
        assert _acts(source) == []


async def test_enter_opens_the_ledger_and_v_the_reviews() -> None:
    async with shown(_source(), keys=["4", "v"]) as (board, pilot):
        assert isinstance(board.screen, ReviewsScreen)
        await pilot.press("escape", "enter")
        await settled(pilot)
        assert isinstance(board.screen, LedgerScreen)
        assert board.screen.node == node_id(5)


async def test_a_refused_question_leaves_the_live_points() -> None:
    refusal = PermissionDenied("looking", "the key may not read")
    source = _source(**{"GET /api/reputation": refusal})
    async with shown(source, keys=["4"], size=(140, 40)) as (board, _pilot):
        text = text_of(board)

    assert "the key may not read" in text
    assert "forge" in text


async def test_a_club_without_nodes_says_how_there_will_be_some() -> None:
    source = Scripted([snapshot(nodes=0), connected()])
    async with shown(source, keys=["4"]) as (board, _pilot):
        assert "No node is judged yet" in text_of(board)


@pytest.mark.parametrize("size", [(60, 16), (200, 50)])
async def test_it_is_ascii_when_asked(size: tuple[int, int]) -> None:
    async with shown(_source(), keys=["4"], size=size, ascii=True) as (board, _pilot):
        text = text_of(board)

    assert "forge" in text
    assert text.isascii()
    assert ("200-499" in text) == (size[1] >= 20)
