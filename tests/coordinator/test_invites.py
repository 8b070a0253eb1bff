from __future__ import annotations

import pytest

from clubai.coordinator.audit import AuditLog
from clubai.coordinator.grants import Grants, Member
from clubai.coordinator.invites import INVITE_LIFETIME_S, OPEN_PER_MEMBER, Invites
from clubai.errors import PermissionDenied
from clubai.model import MemberId
from clubai.storage import MemoryStore
from support.clock import Clock
from support.rows import member_row

ALICE = Member(MemberId("m_alice"), "alice", "member")
BOB = Member(MemberId("m_bob"), "bob", "member")
OPERATOR = Member(MemberId("m_op"), "op", "operator")
KEY = Member(MemberId("m_alice"), "alice", "member", Grants(key_id="k", login=False))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def invites(store: MemoryStore, clock: Clock) -> Invites:
    return Invites(store, clock=clock, audit=AuditLog(store, clock=clock))


async def actions(store: MemoryStore) -> list[tuple[str, str, str]]:
    lines = reversed(await store.audit(limit=99))
    return [(line.action, line.actor, line.object) for line in lines]


async def test_an_invite_is_open_for_two_weeks(invites: Invites, clock: Clock) -> None:
    made = await invites.create(ALICE)
    assert made.expires_at == clock.now + INVITE_LIFETIME_S == clock.now + 14 * 86_400

    clock.forward(INVITE_LIFETIME_S - 1)
    assert await invites.check(made.token.text) == made.token
    clock.forward(1)

    with pytest.raises(PermissionDenied, match="older than 14 days"):
        await invites.check(made.token.text)
    [shown] = await invites.all(ALICE)
    assert (shown.id, shown.state, shown.sponsor) == (
        made.token.id,
        "expired",
        ALICE.id,
    )


async def test_what_is_kept_of_it_is_a_hash(
    invites: Invites, store: MemoryStore
) -> None:
    made = await invites.create(ALICE)

    [row] = await store.invites()
    assert row.digest == made.token.digest
    assert made.token.text not in repr(row)
    assert made.token.text.split("_")[2] not in repr(made)


async def test_a_member_has_three_open_invites_at_most(
    invites: Invites, store: MemoryStore
) -> None:
    made = [await invites.create(ALICE) for _ in range(OPEN_PER_MEMBER)]
    with pytest.raises(PermissionDenied, match="3 of your invites are open"):
        await invites.create(ALICE)
    await invites.create(BOB)

    await invites.revoke(ALICE, made[0].token.id)
    await invites.create(ALICE)

    states = [invite.state for invite in await invites.all(ALICE)]
    assert states == ["revoked", "open", "open", "open"]
    told = await actions(store)
    assert ("invite.revoked", ALICE.id, made[0].token.id) in told
    assert [action for action, _, _ in told].count("invite.made") == 5


async def test_another_members_invite_is_not_to_be_told_from_none(
    invites: Invites,
) -> None:
    made = await invites.create(ALICE)
    reasons = set()
    for invite in (made.token.id, "unknown0"):
        with pytest.raises(PermissionDenied) as refused:
            await invites.revoke(BOB, invite)
        reasons.add(refused.value.reason)

    assert reasons == {"you have no open invite with this id"}
    assert await invites.all(BOB) == []
    await invites.check(made.token.text)


async def test_an_operator_sees_and_ends_all(
    invites: Invites, store: MemoryStore
) -> None:
    made = await invites.create(ALICE)

    assert [invite.id for invite in await invites.all(OPERATOR)] == [made.token.id]
    await invites.revoke(OPERATOR, made.token.id)

    with pytest.raises(PermissionDenied):
        await invites.check(made.token.text)
    assert (await actions(store))[-1] == (
        "invite.revoked",
        OPERATOR.id,
        made.token.id,
    )


async def test_a_used_invite_names_its_guest_and_is_not_revoked(
    invites: Invites, store: MemoryStore, clock: Clock
) -> None:
    made = await invites.create(ALICE)
    guest = member_row("guest")
    await store.add_invited_member(guest, digest=made.token.digest, at=clock.now)

    [shown] = await invites.all(ALICE)
    assert (shown.state, shown.used_by) == ("used", guest.id)
    with pytest.raises(PermissionDenied):
        await invites.revoke(ALICE, made.token.id)
    with pytest.raises(PermissionDenied):
        await invites.check(made.token.text)


async def test_an_api_key_invites_nobody(invites: Invites) -> None:
    for act in (invites.create(KEY), invites.all(KEY), invites.revoke(KEY, "x")):
        with pytest.raises(PermissionDenied, match="clubai login"):
            await act


@pytest.mark.parametrize("text", ["", "civ_x", "crt_abcdefgh", "é" * 9])
async def test_what_is_no_invite_is_answered_like_a_used_one(
    invites: Invites, text: str
) -> None:
    with pytest.raises(PermissionDenied, match="ask for another"):
        await invites.check(text)
