"""The reviews: open and ended ones, their evidence, and how they end."""

from __future__ import annotations

import msgspec
import pytest

from clubai.errors import PermissionDenied
from clubai.tui.screens.reading import ReadingScreen
from clubai.tui.screens.reviews import ReviewsScreen
from support.club_answers import club_answers
from support.dashboard import (
    Scripted,
    connected,
    happened,
    script,
    settled,
    shown,
    snapshot,
    text_of,
)

OPEN = ["4", "v"]


def _source(**answers: object) -> Scripted:
    return Scripted(script(), answers={**club_answers(), **answers})


def _acts(source: Scripted) -> list[tuple[str, str, object]]:
    return [call for call in source.calls if call[0] != "GET"]


async def test_open_ones_are_listed_and_ended_ones_when_asked() -> None:
    async with shown(_source(), keys=OPEN) as (board, pilot):
        text = text_of(board)
        await pilot.press("e")
        await settled(pilot)
        every = text_of(board)

    assert "1 check" in text
    assert "verdict" in text
    assert "ended" in every
    assert "all reviews" in every


async def test_they_are_listed_anew_when_one_is_opened() -> None:
    source = _source(**{"GET /api/reviews": {"reviews": []}})
    async with shown(source, keys=OPEN) as (board, pilot):
        screen = board.screen
        assert isinstance(screen, ReviewsScreen)
        assert "No review is open" in text_of(board)
        asked = len(source.calls)
        screen.tick()
        await settled(pilot)
        assert len(source.calls) == asked

        source.answers |= club_answers()
        source.add(msgspec.structs.replace(happened(1), seq=900, kind="review"))
        await settled(pilot)
        screen.tick()
        await settled(pilot)
        assert "1 check" in text_of(board)
        assert len(source.calls) == asked + 1


async def test_what_is_shown_is_named_as_what_it_is_when_the_next_is_refused() -> None:
    refused = PermissionDenied("looking", "not now")
    source = _source(**{"GET /api/reviews?all=1": refused})
    async with shown(source, keys=[*OPEN, "e"]) as (board, pilot):
        await settled(pilot)
        text = text_of(board)
        assert "open reviews: not answered" in text
        assert "all reviews" not in text

        await pilot.press("e")
        await settled(pilot)
        assert "open reviews: asked" in text_of(board)


async def test_enter_shows_the_evidence() -> None:
    async with shown(_source(), keys=[*OPEN, "enter"], size=(80, 40)) as (board, pilot):
        await settled(pilot)
        assert isinstance(board.screen, ReadingScreen)
        assert "the node answered" in text_of(board)


async def test_one_is_ended_either_way_with_a_reason() -> None:
    source = _source()
    keys = [*OPEN, "u", "s", "o", "enter", "d", "n", "o", "enter"]
    async with shown(source, keys=keys) as (_board, pilot):
        await settled(pilot)

    assert _acts(source) == [
        ("POST", "/api/reviews/47", {"upheld": True, "why": "so"}),
        ("POST", "/api/reviews/47", {"upheld": False, "why": "no"}),
    ]


async def test_an_ended_one_is_not_decided_again() -> None:
    source = _source()
    async with shown(source, keys=[*OPEN, "e"]) as (board, pilot):
        await settled(pilot)
        await pilot.press("u")
        await pilot.pause()
        assert isinstance(board.screen, ReviewsScreen)
        assert "no open review" in [*board._notifications][-1].message


async def test_nothing_open_is_said() -> None:
    source = _source(**{"GET /api/reviews": {"reviews": []}})
    async with shown(source, keys=[*OPEN, "u"]) as (board, _pilot):
        assert "No review is open" in text_of(board)
        assert _acts(source) == []


@pytest.mark.parametrize("role", ["moderator", "auditor"])
async def test_moderators_end_them_and_auditors_look(role: str) -> None:
    source = Scripted(script(role=role), answers=club_answers())
    async with shown(source, keys=[*OPEN, "u", "s", "o", "enter"]) as (board, pilot):
        await settled(pilot)
        foot = text_of(board).splitlines()[-1]

    ended = ("POST", "/api/reviews/47", {"upheld": True, "why": "so"})
    assert _acts(source) == ([ended] if role == "moderator" else [])
    assert ("Uphold" in foot) == (role == "moderator")


async def test_members_are_told_why_they_see_none() -> None:
    refusal = PermissionDenied("reading reviews", "it needs the role operator")
    source = Scripted(
        [snapshot(role="member"), connected()],
        answers={**club_answers(), "GET /api/reviews": refusal},
    )
    async with shown(source, view="member", keys=["5", "v"]) as (board, pilot):
        assert not isinstance(board.screen, ReviewsScreen)
        assert "Reviews" not in text_of(board)
        board.push_screen(ReviewsScreen())  # there from when one had the role
        await settled(pilot)
        await pilot.press("u")
        text = text_of(board)

    assert "The reviews cannot be read" in text
    assert "it needs the role operator" in text
    assert "Uphold" not in text
    assert _acts(source) == []
