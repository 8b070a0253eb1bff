"""What every store promises of access, asked of each of them."""

from __future__ import annotations

from typing import Any

import anyio
import msgspec
import pytest

from clubai.errors import StorageError
from clubai.model import MemberId
from clubai.storage import Store
from clubai.storage.access import AuditRow, Rotation
from support.rows import api_key_row, invite_row, member_row, refresh_row, task_row

ALICE, BOB = MemberId("m_alice"), MemberId("m_bob")
GOOD, NEXT = b"\x01" * 32, b"\x02" * 32


async def rotate(
    store: Store, family: str = "fam", digest: bytes = GOOD, *, at: float = 10.0
) -> Rotation:
    return await store.rotate_refresh(
        family, digest=digest, successor=NEXT, at=at, expires_at=at + 100
    )


async def test_a_token_is_exchanged_for_the_next(store: Store) -> None:
    row = refresh_row("fam", digest=GOOD)
    await store.add_refresh(row, keep=9)
    assert await store.refresh_family("fam") == row

    assert await rotate(store) == "rotated"

    after = msgspec.structs.replace(row, digest=NEXT, expires_at=110.0)
    assert await store.refresh_family("fam") == after
    assert await store.refresh_family("none") is None


async def test_a_token_that_was_used_ends_its_family_and_no_other(store: Store) -> None:
    other = refresh_row("other", digest=GOOD)
    for row in (refresh_row("fam", digest=GOOD), other):
        await store.add_refresh(row, keep=9)
    await rotate(store)

    assert await rotate(store, at=11.0) == "reused"

    ended = await store.refresh_family("fam")
    assert ended is not None
    assert ended.ended_at == 11.0
    assert await rotate(store, digest=NEXT, at=12.0) == "over"
    assert await store.refresh_family("other") == other


async def test_of_many_exchanges_at_once_one_wins(store: Store) -> None:
    await store.add_refresh(refresh_row("fam", digest=GOOD), keep=9)
    outcomes: list[Rotation] = []

    async def try_it() -> None:
        outcomes.append(await rotate(store))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(try_it)

    assert sorted(outcomes) == ["over", "over", "over", "reused", "rotated"]


async def test_an_expired_or_unknown_family_is_over(store: Store) -> None:
    await store.add_refresh(refresh_row("fam", digest=GOOD, expires_at=50.0), keep=9)

    assert await rotate(store, at=50.0) == "over"
    assert await rotate(store, "none") == "over"
    assert await rotate(store, at=49.9) == "rotated"


async def test_families_are_ended_alone_or_together(store: Store) -> None:
    for name, member in (("a", ALICE), ("b", ALICE), ("c", BOB)):
        await store.add_refresh(refresh_row(name, member=member), keep=9)

    await store.end_refresh("a", at=5.0)
    await store.end_refresh("none", at=5.0)
    await store.end_refresh_of(ALICE, at=6.0)

    ends = []
    for name in "abc":
        row = await store.refresh_family(name)
        assert row is not None
        ends.append(row.ended_at)
    assert ends == [5.0, 6.0, None]


async def test_old_families_make_room_for_new_ones(store: Store) -> None:
    await store.add_refresh(refresh_row("late", created_at=3.0), keep=9)
    await store.add_refresh(refresh_row("gone", created_at=1.0, expires_at=4.0), keep=9)
    await store.add_refresh(refresh_row("theirs", member=BOB, created_at=0.0), keep=9)
    await store.add_refresh(refresh_row("mid", created_at=2.0), keep=9)

    await store.add_refresh(refresh_row("ended", created_at=3.5), keep=9)
    await store.end_refresh("ended", at=3.6)

    await store.add_refresh(refresh_row("new", created_at=4.0), keep=2)

    names = ("late", "gone", "theirs", "mid", "ended", "new")
    found = [name for name in names if await store.refresh_family(name)]
    assert found == ["late", "theirs", "new"]


async def test_a_member_has_so_many_open_invites(store: Store) -> None:
    assert await store.add_invite(invite_row("a"), most_open=2)
    assert await store.add_invite(invite_row("b"), most_open=2)
    assert not await store.add_invite(invite_row("c"), most_open=2)
    assert await store.add_invite(invite_row("d", sponsor=BOB), most_open=2)

    assert await store.revoke_invite("a", at=5.0)
    assert await store.add_invite(invite_row("c"), most_open=2)
    late = invite_row("e", created_at=999.0, expires_at=2000.0)
    assert await store.add_invite(late, most_open=1)

    assert [row.id for row in await store.invites(ALICE)] == ["a", "b", "c", "e"]
    assert [row.id for row in await store.invites()] == ["a", "b", "d", "c", "e"]


async def test_an_invite_is_found_by_its_digest(store: Store) -> None:
    row = invite_row("a")
    await store.add_invite(row, most_open=3)

    assert await store.invite(row.digest) == row
    assert await store.invite(b"\x00" * 32) is None
    with pytest.raises(StorageError):
        await store.add_invite(msgspec.structs.replace(row, id="b"), most_open=3)


async def test_an_invite_makes_one_account(store: Store) -> None:
    invite = invite_row("a")
    await store.add_invite(invite, most_open=3)
    carol, dave = member_row("carol"), member_row("dave")

    added = [
        await store.add_invited_member(row, digest=invite.digest, at=7.0)
        for row in (carol, dave)
    ]

    assert added == ["added", "no_invite"]
    assert await store.invites() == [
        msgspec.structs.replace(invite, used_at=7.0, used_by=carol.id)
    ]
    assert await store.member(carol.id) == carol
    assert await store.member(dave.id) is None
    assert not await store.revoke_invite("a", at=8.0)


async def test_an_account_that_cannot_be_burns_no_invite(store: Store) -> None:
    invite = invite_row("a")
    await store.add_invite(invite, most_open=3)
    await store.add_member(member_row("carol"))
    twin = msgspec.structs.replace(member_row("CAROL"), id=MemberId("m_twin"))
    same_id = msgspec.structs.replace(member_row("carol"), name="dave")

    taken = await store.add_invited_member(twin, digest=invite.digest, at=7.0)
    with pytest.raises(StorageError):
        await store.add_invited_member(same_id, digest=invite.digest, at=7.0)

    assert taken == "name_taken"
    assert await store.invite(invite.digest) == invite


@pytest.mark.parametrize("why", ["revoked", "expired", "unknown"])
async def test_an_invite_that_is_not_open_makes_none(store: Store, why: str) -> None:
    invite = invite_row("a", expires_at=50.0)
    await store.add_invite(invite, most_open=3)
    if why == "revoked":
        assert await store.revoke_invite("a", at=6.0)
        assert not await store.revoke_invite("a", at=7.0)
    digest = b"\x00" * 32 if why == "unknown" else invite.digest
    at = 50.0 if why == "expired" else 7.0

    added = await store.add_invited_member(member_row("carol"), digest=digest, at=at)

    assert added == "no_invite"
    assert await store.count_members() == 0
    assert not await store.revoke_invite("none", at=7.0)


async def test_of_two_with_one_invite_at_once_one_comes_in(store: Store) -> None:
    invite = invite_row("a")
    await store.add_invite(invite, most_open=3)
    outcomes: list[str] = []

    async def come(name: str) -> None:
        outcomes.append(
            await store.add_invited_member(
                member_row(name), digest=invite.digest, at=7.0
            )
        )

    async with anyio.create_task_group() as tasks:
        for name in ("carol", "dave", "erin"):
            tasks.start_soon(come, name)

    assert sorted(outcomes) == ["added", "no_invite", "no_invite"]
    assert await store.count_members() == 1


async def test_members_are_listed_oldest_first(store: Store) -> None:
    young, old = member_row("young", created_at=2.0), member_row("old", created_at=1.0)
    for row in (young, old):
        await store.add_member(row)

    assert await store.members() == [old, young]


async def test_the_last_operator_stays_one(store: Store) -> None:
    alice, bob = member_row("alice", role="operator"), member_row("bob")
    for row in (alice, bob):
        await store.add_member(row)

    assert await store.set_role(alice.id, "auditor") == "last_operator"
    assert await store.set_role(alice.id, "operator") == "changed"
    assert await store.set_role(MemberId("m_none"), "member") == "unknown"
    assert await store.set_role(bob.id, "operator") == "changed"
    assert await store.set_role(alice.id, "auditor") == "changed"
    assert await store.set_role(bob.id, "member") == "last_operator"

    assert [row.role for row in await store.members()] == ["auditor", "operator"]


async def test_of_two_operators_who_step_back_at_once_one_stays(store: Store) -> None:
    for name in ("alice", "bob"):
        await store.add_member(member_row(name, role="operator"))
    outcomes: list[str] = []

    async def demote(name: str) -> None:
        outcomes.append(await store.set_role(member_row(name).id, "member"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(demote, "alice")
        tasks.start_soon(demote, "bob")

    assert sorted(outcomes) == ["changed", "last_operator"]


async def test_the_audit_log_is_read_from_its_end(store: Store) -> None:
    rows = [AuditRow(at=float(n), actor=ALICE, action=f"a{n}") for n in range(1, 6)]
    for row in rows:
        await store.append_audit(row)

    newest = await store.audit(limit=2)
    before = await store.audit(limit=9, before=newest[-1].seq)

    numbered = [msgspec.structs.replace(row, seq=n) for n, row in enumerate(rows, 1)]
    assert [*newest, *before] == numbered[::-1]
    assert await store.audit(limit=0) == []
    assert await store.audit(limit=9, before=1) == []


async def test_the_audit_log_is_read_for_one_object(store: Store) -> None:
    for number, name in enumerate(["a", "b", "a", "ab", "a", ""], 1):
        row = AuditRow(at=1.0, actor=ALICE, action=f"a{number}", object=name)
        await store.append_audit(row)

    async def seqs(**wanted: Any) -> list[int]:
        return [row.seq for row in await store.audit(**wanted)]

    assert await seqs(limit=9, object="a") == [5, 3, 1]
    assert await seqs(limit=2, object="a") == [5, 3]
    assert await seqs(limit=9, object="a", before=5) == [3, 1]
    assert await seqs(limit=9, object="") == [6]
    assert await seqs(limit=9, object="A") == []


async def test_tokens_are_counted_by_key(store: Store) -> None:
    await store.append_tasks(
        [
            task_row(1, key_id="a", ended_at=10.0, prompt_tokens=1),
            task_row(2, key_id="a", ended_at=11.0, prompt_tokens=2),
            task_row(3, key_id="b", ended_at=12.0, prompt_tokens=3),
            task_row(4, key_id="", ended_at=12.0),
            task_row(5, key_id="a", ended_at=9.9),
        ]
    )

    assert await store.tokens_of_keys(since=10.0) == {"a": 103, "b": 53}
    assert await store.tokens_of_keys(since=13.0) == {}


async def test_grants_of_a_key_are_kept(store: Store) -> None:
    row = api_key_row(
        "abcd1234",
        scopes=("chat", "read"),
        models=("m-1", 'a "model", quoted'),
        monthly_tokens=5,
        expires_at=99.5,
        login=True,
    )
    await store.add_api_key(row)

    assert await store.api_key("abcd1234") == row


def test_rows_show_no_digest() -> None:
    shown = repr(refresh_row("f" * 64, digest=b"secret" * 5)) + repr(
        invite_row("a", digest=b"secret" * 5)
    )

    assert "secret" not in shown
    assert "f" * 9 not in shown
