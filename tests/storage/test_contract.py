"""What every store promises, asked of each of them."""

from __future__ import annotations

import anyio
import msgspec
import pytest

from clubai.errors import StorageError
from clubai.model import MemberId
from clubai.storage import Store
from clubai.storage.base import name_key
from support.rows import api_key_row, member_row, node_row, task_row

ALICE = MemberId("m_alice")


async def test_member_is_found_by_id_and_by_name(store: Store) -> None:
    row = member_row("Alice", role="operator", token_epoch=3)

    assert await store.add_member(row)

    assert await store.member(row.id) == row
    assert await store.member_named("aLICE") == row
    assert await store.count_members() == 1


async def test_unknown_member_is_none(store: Store) -> None:
    assert await store.member(ALICE) is None
    assert await store.member_named("alice") is None
    assert await store.count_members() == 0


@pytest.mark.parametrize(
    ("first", "second"), [("alice", "ALICE"), ("Jürgen", "JÜRGEN"), ("ß", "SS")]
)
async def test_name_is_taken_without_regard_to_case(
    store: Store, first: str, second: str
) -> None:
    assert await store.add_member(member_row(first))

    assert not await store.add_member(member_row(second))

    found = await store.member_named(second)
    assert found is not None
    assert found.name == first
    assert await store.count_members() == 1


async def test_member_id_is_unique(store: Store) -> None:
    row = member_row("alice")
    await store.add_member(row)

    with pytest.raises(StorageError):
        await store.add_member(msgspec.structs.replace(row, name="bob"))

    assert await store.member_named("bob") is None


async def test_password_and_token_epoch_change_alone(store: Store) -> None:
    alice, bob = member_row("alice"), member_row("bob")
    await store.add_member(alice)
    await store.add_member(bob)

    await store.set_password(alice.id, "new")
    await store.bump_token_epoch(alice.id)
    await store.bump_token_epoch(alice.id)

    changed = msgspec.structs.replace(alice, password="new", token_epoch=2)
    assert await store.member(alice.id) == changed
    assert await store.member(bob.id) == bob


async def test_change_of_unknown_member_is_nothing(store: Store) -> None:
    await store.set_password(ALICE, "new")
    await store.bump_token_epoch(ALICE)

    assert await store.count_members() == 0


async def test_api_keys_are_listed_oldest_first(store: Store) -> None:
    late, early = api_key_row("late", created_at=2.0), api_key_row("early")
    early = msgspec.structs.replace(early, created_at=1.0)
    same = api_key_row("again", created_at=2.0)
    for row in (late, early, same, api_key_row("other", member=MemberId("m_bob"))):
        await store.add_api_key(row)

    assert await store.api_keys_of(ALICE) == [early, late, same]
    assert await store.api_key("late") == late
    assert await store.api_key("unknown") is None


async def test_api_key_id_is_unique(store: Store) -> None:
    row = api_key_row("abcd1234")
    await store.add_api_key(row)

    with pytest.raises(StorageError):
        await store.add_api_key(msgspec.structs.replace(row, label="other"))

    assert await store.api_key("abcd1234") == row


async def test_revoked_key_keeps_its_first_revocation(store: Store) -> None:
    row = api_key_row("abcd1234")
    await store.add_api_key(row)

    await store.revoke_api_key("abcd1234", at=5.0)
    await store.revoke_api_key("abcd1234", at=9.0)
    await store.revoke_api_key("unknown", at=9.0)

    revoked = msgspec.structs.replace(row, revoked_at=5.0)
    assert await store.api_key("abcd1234") == revoked
    assert await store.api_keys_of(ALICE) == [revoked]


async def test_nodes_are_listed_oldest_first(store: Store) -> None:
    young = node_row("young", first_seen_at=20.0)
    old = node_row("old", first_seen_at=10.0)
    twin = node_row("twin", first_seen_at=20.0)
    for row in (young, old, twin):
        assert await store.put_node(row)

    assert await store.nodes() == [old, young, twin]


async def test_node_is_replaced_by_its_id(store: Store) -> None:
    before = node_row("lab", first_seen_at=20.0)
    other = node_row("other", first_seen_at=20.0)
    await store.put_node(before)
    await store.put_node(other)
    after = msgspec.structs.replace(before, name="attic", last_seen_at=9000.0)

    assert await store.put_node(after)

    assert await store.nodes() == [after, other]
    assert await store.put_node(node_row("lab", first_seen_at=30.0, id=b"\x09" * 32))


async def test_node_name_of_another_node_changes_nothing(store: Store) -> None:
    lab, attic = node_row("Lab"), node_row("attic")
    await store.put_node(lab)
    await store.put_node(attic)

    assert not await store.put_node(node_row("LAB", id=b"\x09" * 32))
    assert not await store.put_node(msgspec.structs.replace(attic, name="lAb"))

    assert await store.nodes() == [lab, attic]


async def test_tasks_are_listed_by_their_end_newest_first(store: Store) -> None:
    first, second = task_row(1, ended_at=50.0), task_row(2, ended_at=70.0)
    tie, early = task_row(3, ended_at=70.0), task_row(4, ended_at=10.0)
    await store.append_tasks([first, second])
    await store.append_tasks([tie, early])

    assert await store.tasks(limit=10) == [tie, second, first, early]
    assert await store.tasks(limit=2) == [tie, second]
    assert await store.tasks(limit=0) == []
    assert await store.tasks(limit=-1) == []
    assert await store.count_tasks() == 4


async def test_tasks_of_one_member(store: Store) -> None:
    mine = [task_row(n) for n in (1, 2, 3)]
    await store.append_tasks([*mine, task_row(4, member=MemberId("m_bob"))])

    assert await store.tasks(limit=2, member=ALICE) == [mine[2], mine[1]]
    assert await store.tasks(limit=9, member=MemberId("m_nobody")) == []


async def test_failed_task_without_a_node_comes_back_as_it_was(store: Store) -> None:
    row = task_row(1, state="failed", code="no_capacity", node=b"", attempts=0)

    await store.append_tasks([row])

    assert await store.tasks(limit=1) == [row]


async def test_task_that_is_there_is_skipped(store: Store) -> None:
    row = task_row(1)
    await store.append_tasks([row])

    await store.append_tasks(
        [msgspec.structs.replace(row, model="other"), task_row(2), task_row(2)]
    )

    assert await store.tasks(limit=9) == [task_row(2), row]
    assert await store.count_tasks() == 2


async def test_empty_batch_is_nothing(store: Store) -> None:
    await store.append_tasks([])

    assert await store.count_tasks() == 0


async def test_many_tasks_at_once_from_many_places(store: Store) -> None:
    async def append(start: int) -> None:
        await store.append_tasks([task_row(start * 100 + n) for n in range(20)])

    async with anyio.create_task_group() as group:
        for start in range(10):
            group.start_soon(append, start)

    assert await store.count_tasks() == 200


async def test_batch_that_breaks_midway_leaves_nothing(store: Store) -> None:
    class Broken(list):  # type: ignore[type-arg]
        def __iter__(self):  # type: ignore[no-untyped-def]
            yield task_row(1)
            raise KeyError("midway")

    with pytest.raises(KeyError, match="midway"):
        await store.append_tasks(Broken())

    assert await store.count_tasks() == 0
    await store.append_tasks([task_row(2)])
    assert await store.tasks(limit=9) == [task_row(2)]


async def test_cancelled_call_changes_nothing(store: Store) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await store.append_tasks([task_row(1)])

    assert scope.cancelled_caught
    assert await store.count_tasks() == 0


async def test_closed_store_refuses(store: Store) -> None:
    await store.aclose()
    await store.aclose()

    with pytest.raises(StorageError, match="closed"):
        await store.count_tasks()
    with pytest.raises(StorageError, match="closed"):
        await store.append_tasks([task_row(1)])


async def test_store_closes_when_cancelled(store: Store) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await store.aclose()

    with pytest.raises(StorageError, match="closed"):
        await store.nodes()


def test_name_key_is_blind_to_case_only() -> None:
    assert name_key("LaB") == name_key("lAb")
    assert name_key("lab") != name_key("lab ")


def test_rows_with_secrets_do_not_show_them() -> None:
    assert "argon2" not in repr(member_row())
    assert "x01" not in repr(api_key_row())
