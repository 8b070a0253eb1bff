"""What every store promises of enrolment, asked of each of them."""

from __future__ import annotations

import anyio
import msgspec
import pytest

from clubai.errors import StorageError
from clubai.model import MemberId, NodeId
from clubai.storage import Store
from clubai.storage.enrolment import EnrolledRow, EnrolmentRow, EnrolOutcome

ALICE, BOB = MemberId("m_alice"), MemberId("m_bob")


def token(number: int = 1, **changes: object) -> EnrolmentRow:
    row = EnrolmentRow(
        id=f"token{number}",
        member=ALICE,
        token_hash=bytes([number]) * 32,
        confirm=False,
        created_at=1000.0,
        expires_at=2000.0,
    )
    return msgspec.structs.replace(row, **changes)


def node(number: int = 1, **changes: object) -> EnrolledRow:
    row = EnrolledRow(
        id=NodeId(bytes([number]) * 32),
        key=bytes([100 + number]) * 32,
        name="attic",
        owner=ALICE,
        state="enrolled",
        enrolled_at=1500.0 + number,
        changed_at=1500.0,
    )
    return msgspec.structs.replace(row, **changes)


async def enrol(
    store: Store, row: EnrolledRow, *, number: int = 9, limit: int | None = None
) -> EnrolOutcome:
    """With a token of its own."""
    made = token(number, member=row.owner)
    assert await store.add_enrolment(made, limit=99)
    return await store.enrol_node(made.token_hash, row, limit=limit)


async def test_a_token_is_found_by_its_hash_and_its_member(store: Store) -> None:
    rows = [token(1), token(2, confirm=True, created_at=1001.0), token(3, member=BOB)]
    for row in rows:
        assert await store.add_enrolment(row, limit=5)

    assert await store.enrolments_of(ALICE) == rows[:2]
    assert await store.enrolment(rows[1].token_hash) == rows[1]
    assert await store.enrolment(bytes(32)) is None


async def test_open_tokens_are_limited_for_each_member(store: Store) -> None:
    for number in (1, 2):
        assert await store.add_enrolment(token(number), limit=2)

    assert not await store.add_enrolment(token(3), limit=2)

    assert len(await store.enrolments_of(ALICE)) == 2
    assert await store.add_enrolment(token(4, member=BOB), limit=2)


async def test_expired_tokens_of_the_member_make_room(store: Store) -> None:
    await store.add_enrolment(token(1, expires_at=1500.0), limit=1)
    await store.add_enrolment(token(2, member=BOB, expires_at=1500.0), limit=1)

    assert not await store.add_enrolment(token(3, created_at=1499.9), limit=1)
    assert await store.add_enrolment(token(3, created_at=1500.0), limit=1)

    assert [row.id for row in await store.enrolments_of(ALICE)] == ["token3"]
    assert [row.id for row in await store.enrolments_of(BOB)] == ["token2"]


async def test_a_member_ends_their_own_tokens_only(store: Store) -> None:
    await store.add_enrolment(token(1), limit=5)

    assert not await store.remove_enrolment(BOB, "token1")
    assert not await store.remove_enrolment(ALICE, "token2")
    assert await store.remove_enrolment(ALICE, "token1")
    assert not await store.remove_enrolment(ALICE, "token1")

    assert await store.enrolments_of(ALICE) == []


async def test_a_token_brings_one_node_in_and_is_used_up(store: Store) -> None:
    made = token()
    await store.add_enrolment(made, limit=5)

    assert await store.enrol_node(made.token_hash, node(1), limit=5) == "done"
    assert await store.enrol_node(made.token_hash, node(2), limit=5) == "no_token"

    assert await store.enrolled_nodes() == [node(1)]
    assert await store.enrolments_of(ALICE) == []


async def test_of_many_at_once_one_uses_the_token(store: Store) -> None:
    made = token()
    await store.add_enrolment(made, limit=5)
    outcomes: list[EnrolOutcome] = []

    async def use(number: int) -> None:
        outcome = await store.enrol_node(made.token_hash, node(number), limit=None)
        outcomes.append(outcome)

    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(use, number)

    assert sorted(outcomes) == ["done"] + ["no_token"] * 9
    assert len(await store.enrolled_nodes()) == 1


@pytest.mark.parametrize(
    "changes", [{"owner": BOB}, {"enrolled_at": 2000.0}], ids=["foreign", "late"]
)
async def test_a_token_is_no_use_to_others_or_later(
    store: Store, changes: dict[str, object]
) -> None:
    made = token()
    await store.add_enrolment(made, limit=5)

    outcome = await store.enrol_node(made.token_hash, node(**changes), limit=5)

    assert outcome == "no_token"
    assert await store.enrolled_nodes() == []
    assert await store.enrol_node(made.token_hash, node(), limit=5) == "done"


async def test_a_refused_node_leaves_the_token_and_the_rows_as_they_were(
    store: Store,
) -> None:
    await enrol(store, node(1, owner=BOB))
    await enrol(store, node(2))
    await store.set_node_state(node(2).id, "removed", at=1600.0)
    await enrol(store, node(3))
    before = await store.enrolled_nodes()

    assert await enrol(store, node(1), number=1) == "foreign"
    assert await enrol(store, node(2), number=2) == "removed"
    assert await enrol(store, node(4), number=3, limit=1) == "full"

    assert await store.enrolled_nodes() == before
    assert len(await store.enrolments_of(ALICE)) == 3


async def test_the_limit_counts_neither_the_node_itself_nor_removed_ones(
    store: Store,
) -> None:
    await enrol(store, node(1))
    await enrol(store, node(2))
    await store.set_node_state(node(2).id, "removed", at=1600.0)
    await enrol(store, node(3, owner=BOB))

    assert await enrol(store, node(1, name="again"), limit=1) == "done"
    assert await enrol(store, node(4), number=1, limit=2) == "done"

    again = await store.enrolled_node(node(1).id)
    assert again is not None
    assert again.name == "again"


async def test_nodes_are_listed_oldest_first_and_by_owner(store: Store) -> None:
    rows = [node(2, owner=BOB), node(3), node(4, state="pending")]
    for row in reversed(rows):
        await enrol(store, row)

    assert await store.enrolled_nodes() == rows
    assert await store.enrolled_nodes(ALICE) == rows[1:]
    assert await store.enrolled_nodes(BOB) == rows[:1]


async def test_a_state_changes_until_it_is_removed(store: Store) -> None:
    await enrol(store, node(1, state="pending"))
    node_id = node(1).id

    assert await store.set_node_state(node_id, "enrolled", at=1600.0)
    assert await store.set_node_state(node_id, "removed", at=1700.0)
    assert not await store.set_node_state(node_id, "enrolled", at=1800.0)
    assert not await store.set_node_state(node(5).id, "enrolled", at=1800.0)

    expected = node(1, state="removed", changed_at=1700.0)
    assert await store.enrolled_node(node_id) == expected
    assert await store.enrolled_node(node(5).id) is None


async def test_two_tokens_of_one_id_are_a_fault(store: Store) -> None:
    await store.add_enrolment(token(1), limit=5)

    with pytest.raises(StorageError):
        await store.add_enrolment(token(1), limit=5)
