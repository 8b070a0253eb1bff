"""What every store promises of the key log and of owners, asked of each of them."""

from __future__ import annotations

import anyio
import msgspec
import pytest

from clubai.errors import StorageError
from clubai.model import NodeId
from clubai.storage import Store
from support.rows import key_log_row, node_owner_row

OTHER = NodeId(b"\x08" * 32)


async def test_an_empty_log(store: Store) -> None:
    assert await store.key_log(0, 10) == []
    assert await store.key_log_hashes() == b""
    assert await store.key_log_position(bytes(32)) is None
    assert await store.key_log_of(OTHER, newest=2) == []


async def test_entries_are_read_in_order(store: Store) -> None:
    rows = [key_log_row(n) for n in range(5)]
    for row in rows:
        await store.append_key_log(row)

    assert await store.key_log(0, 10) == rows
    assert await store.key_log(1, 3) == rows[1:4]
    assert await store.key_log(4, 3) == rows[4:]
    assert await store.key_log(5, 3) == []
    assert await store.key_log(2, 0) == await store.key_log(2, -1) == []
    assert await store.key_log_hashes() == b"".join(row.leaf_hash for row in rows)
    assert await store.key_log_position(rows[3].leaf_hash) == 3


@pytest.mark.parametrize("position", [-1, 0, 1, 3, 2**40])
async def test_an_entry_that_is_not_the_next_one_is_refused(
    store: Store, position: int
) -> None:
    rows = [key_log_row(0), key_log_row(1)]
    for row in rows:
        await store.append_key_log(row)
    stray = msgspec.structs.replace(key_log_row(9), position=position)

    with pytest.raises(StorageError):
        await store.append_key_log(stray)

    assert await store.key_log(0, 10) == rows
    await store.append_key_log(key_log_row(2))
    assert len(await store.key_log(0, 10)) == 3


async def test_an_entry_is_there_once(store: Store) -> None:
    await store.append_key_log(key_log_row(0))
    again = msgspec.structs.replace(key_log_row(0), position=1)

    with pytest.raises(StorageError):
        await store.append_key_log(again)

    assert len(await store.key_log(0, 10)) == 1


async def test_of_two_that_append_the_same_place_one_does(store: Store) -> None:
    lost = 0

    async def append(number: int) -> None:
        nonlocal lost
        row = msgspec.structs.replace(key_log_row(number), position=0)
        try:
            await store.append_key_log(row)
        except StorageError:
            lost += 1

    async with anyio.create_task_group() as tasks:
        for number in range(4):
            tasks.start_soon(append, number)

    assert lost == 3
    assert [row.position for row in await store.key_log(0, 10)] == [0]


async def test_the_entries_of_one_node(store: Store) -> None:
    rows = [
        key_log_row(n, node=OTHER if n in (1, 3) else key_log_row().node)
        for n in range(8)
    ]
    for row in rows:
        await store.append_key_log(row)
    node = rows[0].node

    assert await store.key_log_of(node, newest=2) == [rows[0], rows[6], rows[7]]
    assert await store.key_log_of(node, newest=0) == [rows[0]]
    assert await store.key_log_of(OTHER, newest=2) == [rows[1], rows[3]]
    assert await store.key_log_of(OTHER, newest=1) == [rows[1], rows[3]]
    assert await store.key_log_of(node, newest=99) == [
        row for row in rows if row.node == node
    ]


async def test_an_entry_may_be_about_no_node(store: Store) -> None:
    row = key_log_row(0, node=NodeId(b""))

    await store.append_key_log(row)

    assert await store.key_log(0, 1) == [row]


async def test_the_newest_signature_of_an_owner_counts(store: Store) -> None:
    assert await store.node_owners() == []
    first, other = node_owner_row(), node_owner_row(node=OTHER, at=2000.0)
    newer = node_owner_row(key=b"k" * 32, sig=b"s" * 64, at=3000.0)
    for row in (first, other, newer):
        await store.put_node_owner(row)

    kept = await store.node_owners()

    assert sorted(kept, key=lambda row: row.at) == [other, newer]
