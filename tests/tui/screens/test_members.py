"""The members screen: fetched, invites, roles, and what others are told."""

from __future__ import annotations

import logging

import pytest

from clubai.errors import PermissionDenied
from clubai.protocol.feed import ClubEvent
from clubai.tui.screens.members import MembersScreen
from clubai.tui.widgets.choose import Choose
from clubai.tui.widgets.once import Once
from support.club_answers import SECRET, club_answers
from support.dashboard import (
    NOW,
    Scripted,
    connected,
    script,
    settled,
    shown,
    snapshot,
    text_of,
)

MEMBERS = ("GET", "/api/members", None)


def _source(**answers: object) -> Scripted:
    return Scripted(script(), answers={**club_answers(), **answers})


def _acts(source: Scripted) -> list[tuple[str, str, object]]:
    return [call for call in source.calls if call[0] != "GET"]


async def test_members_and_their_use_are_shown_with_an_age() -> None:
    async with shown(_source(), keys=["7"]) as (board, _pilot):
        text = text_of(board)

    assert "asked 0 s ago" in text
    assert "12.0k" in text
    assert "75 %" in text
    assert "never" in text


async def test_a_member_event_is_a_reason_to_ask_again() -> None:
    source = _source()
    async with shown(source, keys=["7"]) as (board, pilot):
        screen = board.screen
        assert isinstance(screen, MembersScreen)
        screen.tick()
        await settled(pilot)
        asked = source.calls.count(MEMBERS)
        source.add(
            ClubEvent(seq=301, at=NOW, kind="member", what="joined", subject="m")
        )
        await settled(pilot)
        screen.tick()
        await settled(pilot)
        assert source.calls.count(MEMBERS) == asked + 1

        screen.tick()
        await settled(pilot)
        assert source.calls.count(MEMBERS) == asked + 1


async def test_an_invite_is_shown_once_and_nowhere_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    source = _source()
    async with shown(source, keys=["7", "n"]) as (board, pilot):
        assert "club.example:8000" in text_of(board)
        await pilot.press("y")
        await settled(pilot)
        assert isinstance(board.screen, Once)
        assert SECRET in text_of(board)

        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(board.screen, MembersScreen)
        assert SECRET not in text_of(board)
        assert all(SECRET not in each.message for each in board._notifications)
    assert _acts(source) == [("POST", "/api/invites", None)]
    assert SECRET not in caplog.text


async def test_a_refused_invite_shows_no_box() -> None:
    refusal = PermissionDenied("inviting", "you have three open invites")
    source = _source(**{"POST /api/invites": refusal})
    async with shown(source, keys=["7", "n", "y"]) as (board, pilot):
        await settled(pilot)
        assert isinstance(board.screen, MembersScreen)
        assert "three open invites" in [*board._notifications][-1].message


async def test_a_role_is_chosen_and_asked_about() -> None:
    source = _source()
    async with shown(source, keys=["7", "down", "o"]) as (board, pilot):
        assert isinstance(board.screen, Choose)
        assert "bo is member" in text_of(board)
        await pilot.press("escape")
        await settled(pilot)
        assert _acts(source) == []

        await pilot.press("o", "down", "enter")
        await settled(pilot)
        assert "Make bo treasurer" in text_of(board)
        await pilot.press("y")
        await settled(pilot)

    role = ("PUT", "/api/members/m_bo/role", {"role": "treasurer"})
    assert _acts(source) == [role]
    assert source.calls[-1] == MEMBERS


async def test_others_are_told_what_to_do_instead() -> None:
    source = Scripted([snapshot(role="treasurer"), connected()], answers=club_answers())
    async with shown(source, keys=["7", "o", "n"]) as (board, pilot):
        text = text_of(board)
        assert "Invite somebody" in text  # that everybody may
        await pilot.press("escape")
        text = text_of(board)

    assert "Operators, moderators and auditors see the members" in text
    assert "clubai key list" in text
    assert "Role" not in text
    assert source.calls == []


@pytest.mark.parametrize("role", ["moderator", "auditor"])
async def test_those_who_look_after_members_see_them_and_give_no_roles(
    role: str,
) -> None:
    source = Scripted(script(role=role), answers=club_answers())
    async with shown(source, keys=["7", "o"]) as (board, _pilot):
        text = text_of(board)

    assert "12.0k" in text
    assert "n Invite" in text
    assert "Role " not in text.splitlines()[-1]
    assert _acts(source) == []


async def test_onlookers_change_nothing() -> None:
    source = _source()
    async with shown(source, keys=["7", "n", "o"], readonly=True) as (board, _pilot):
        assert isinstance(board.screen, MembersScreen)
        assert "ana" in text_of(board)
        assert _acts(source) == []


async def test_a_refusal_is_shown() -> None:
    refusal = PermissionDenied("listing members", "the key may not")
    async with shown(_source(**{"GET /api/members": refusal}), keys=["7"]) as (
        board,
        _,
    ):
        assert "The members cannot be read" in text_of(board)
        assert "the key may not" in text_of(board)
