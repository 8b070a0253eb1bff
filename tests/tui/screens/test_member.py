"""One member: use, keys, nodes, tasks; a key is revoked."""

from __future__ import annotations

from clubai.errors import PermissionDenied
from clubai.tui.screens.member import MemberScreen
from support.club_answers import club_answers
from support.dashboard import (
    LARGE,
    Scripted,
    connected,
    script,
    settled,
    shown,
    snapshot,
    text_of,
)

OPEN = ["7", "enter"]
USAGE = "GET /api/members/m_ana/usage?days=30"


def _source(**answers: object) -> Scripted:
    return Scripted(script(), answers={**club_answers(), **answers})


def _acts(source: Scripted) -> list[tuple[str, str, object]]:
    return [call for call in source.calls if call[0] != "GET"]


async def test_all_of_a_member_is_shown() -> None:
    async with shown(_source(), keys=OPEN, size=LARGE, ascii=True) as (board, pilot):
        await settled(pilot)
        text = text_of(board)

    assert "Members > ana" in text
    assert "465 tasks, 15 failed" in text
    assert "Nodes: attic" in text
    assert "kaaa1111" in text
    assert "revoked" in text
    assert "Tasks that are remembered:" in text
    assert text.isascii()


async def test_a_good_key_is_revoked_and_the_keys_are_asked_again() -> None:
    source = _source()
    async with shown(source, keys=[*OPEN, "x"]) as (board, pilot):
        assert "Revoke the key kaaa1111" in text_of(board)
        await pilot.press("y")
        await settled(pilot)

    assert _acts(source) == [("DELETE", "/api/keys/kaaa1111", None)]
    assert source.calls[-1] == ("GET", "/api/keys?member=m_ana", None)


async def test_a_revoked_key_stays_as_it_is() -> None:
    source = _source()
    async with shown(source, keys=[*OPEN, "down", "x"]) as (board, pilot):
        await pilot.pause()
        assert isinstance(board.screen, MemberScreen)
        assert "no key here that is good" in [*board._notifications][-1].message
    assert _acts(source) == []


async def test_onlookers_revoke_nothing() -> None:
    source = _source()
    async with shown(source, keys=[*OPEN, "x"], readonly=True) as (board, _pilot):
        assert isinstance(board.screen, MemberScreen)
        assert _acts(source) == []


async def test_what_is_refused_is_said_beside_what_is_known() -> None:
    refusal = PermissionDenied("looking at what a member used", "not with this key")
    source = _source(**{USAGE: refusal})
    async with shown(source, keys=OPEN, size=(140, 40)) as (board, pilot):
        await settled(pilot)
        text = text_of(board)

    assert "Use: not answered" in text
    assert "not with this key" in text
    assert "kaaa1111" in text


async def test_of_another_member_only_operators_are_told_more() -> None:
    refusal = PermissionDenied("looking", "it takes the role operator")
    answers = {USAGE: refusal, "GET /api/keys?member=m_ana": refusal}
    source = Scripted(
        [snapshot(role="auditor", tasks=0), connected()],
        answers={**club_answers(), **answers},
    )
    async with shown(source, keys=[*OPEN, "x"], size=LARGE) as (board, _pilot):
        text = text_of(board)

    assert "Use: not answered: looking" in text
    assert "Keys, not answered: looking" in text
    assert "No task is told: operators alone see those of others" in text
    assert "Nodes: attic" in text
    assert "Revoke" not in text
    assert _acts(source) == []


async def test_ones_own_keys_are_revoked_by_whatever_role() -> None:
    source = Scripted(script(role="auditor"), answers=club_answers())
    async with shown(source, keys=[*OPEN, "x", "y"]) as (_board, pilot):
        await settled(pilot)

    assert _acts(source) == [("DELETE", "/api/keys/kaaa1111", None)]


async def test_enter_on_a_task_opens_it_or_says_why_not() -> None:
    async with shown(_source(), keys=[*OPEN, "tab", "enter"]) as (board, pilot):
        await pilot.pause()
        opened = not isinstance(board.screen, MemberScreen)
        said = [each.message for each in board._notifications]
        assert opened or "The task is no longer remembered here." in said
