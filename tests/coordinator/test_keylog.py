from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from clubai.coordinator.keylog import BUNDLES_PER_DAY, KeyLog, NotInKeyLog
from clubai.crypto.checkpoint import read_checkpoint
from clubai.crypto.leaves import BundleLeaf, encode_leaf, read_leaf
from clubai.crypto.merkle import (
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    prove,
    root,
    verify_consistency,
    verify_inclusion,
)
from clubai.crypto.tiles import (
    Entries,
    decode_entries,
    entries_between,
    hashes_in_tiles,
    tiles_for,
)
from clubai.errors import RateLimited, StorageError, TrustError
from clubai.model import TrustCode, node_text
from clubai.protocol.keylog import NodeLeaves, node_path, read_json
from clubai.storage import MemoryStore, Store, open_store
from clubai.storage.keylog import KeyLogRow
from support.bundles import bundle, identity

CLUB = identity("club")


class FailingStore(MemoryStore):
    """Refuses every entry until it is told not to."""

    failing = True

    async def append_key_log(self, row: KeyLogRow) -> None:
        if self.failing:
            raise StorageError("memory://", "the disk is full")
        await super().append_key_log(row)


class SlowStore(MemoryStore):
    """Goes on for a moment after an entry is stored."""

    async def append_key_log(self, row: KeyLogRow) -> None:
        await super().append_key_log(row)
        await anyio.lowlevel.checkpoint()


async def opened(store: Store | None = None) -> KeyLog:
    """A log by whose clock two days pass between two looks."""
    clock = iter(range(0, 10**9, 2 * 86_400))
    return await KeyLog.open(
        store or MemoryStore(), CLUB, "clubai/x", lambda: float(next(clock))
    )


async def log_of(count: int, store: Store | None = None) -> KeyLog:
    log = await opened(store)
    for number in range(count):
        each = bundle(f"node {number % 5}", number // 5)
        assert await log.append_bundle(each.body, each.sig) == number
    return log


async def test_an_empty_log_is_signed_too() -> None:
    log = await opened()

    point = read_checkpoint(log.checkpoint(), key=CLUB.key)

    assert (point.origin, point.size, point.root) == ("clubai/x", 0, root([]))
    assert log.size == 0


async def test_each_growth_is_signed_and_served() -> None:
    log = await opened()
    hashes = []
    for number in range(4):
        each = bundle("attic", number)
        index = await log.append_bundle(each.body, each.sig, b"o" * 64)
        hashes.append(
            leaf_hash(encode_leaf(BundleLeaf(each.body, each.sig, b"o" * 64)))
        )

        point = read_checkpoint(log.checkpoint(), key=CLUB.key)
        assert (index, point.size, log.size) == (number, number + 1, number + 1)
        assert point.root == root(hashes)
        assert await log.read("checkpoint") == log.checkpoint()


async def test_the_same_entry_is_logged_once() -> None:
    log = await log_of(3)
    again = bundle("node 1")
    note = log.checkpoint()

    assert await log.append_bundle(again.body, again.sig) == 1
    assert (log.size, log.checkpoint()) == (3, note)

    assert await log.append_bundle(again.body, again.sig, b"o" * 64) == 3


async def test_what_the_node_did_not_sign_is_not_logged() -> None:
    log = await opened()
    good, other = bundle("attic"), bundle("attic", 1)

    with pytest.raises(TrustError) as refused:
        await log.append_bundle(good.body, other.sig)

    assert refused.value.code is TrustCode.BAD_BUNDLE
    assert log.size == 0


async def test_proofs_are_made_from_what_is_served() -> None:
    """Over two levels of tiles."""
    log = await log_of(300)
    point = read_checkpoint(log.checkpoint(), key=CLUB.key)
    inclusion, consistency = inclusion_ranges(7, 300), consistency_ranges(270, 300)
    tiles = {
        tile: await log.read(tile.path)
        for tile in tiles_for([*inclusion, *consistency], 300)
    }
    hash_of = hashes_in_tiles(tiles, 300)

    entries = [
        decode_entries(await log.read(each.path), each)
        for each in entries_between(0, 300)
    ]
    leaves = [leaf for each in entries for leaf in each]
    old_root = root([leaf_hash(leaf) for leaf in leaves[:270]])

    assert len(leaves) == 300
    assert verify_inclusion(
        leaf_hash(leaves[7]), 7, 300, prove(inclusion, hash_of), point.root
    )
    assert verify_consistency(
        270, 300, prove(consistency, hash_of), old_root, point.root
    )


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/000",
        "tile/0/000.p/4",
        "tile/0/001.p/1",
        "tile/1/000.p/1",
        "tile/entries/000.p/4",
        "tile/entries/000",
        "tile/entries/x999/x999/x999/999",
        "node/short",
        "node/" + "a" * 52,
        "checkpoint/",
        "../checkpoint",
    ],
)
async def test_nothing_else_is_served(path: str) -> None:
    log = await log_of(3)

    with pytest.raises(NotInKeyLog) as missing:
        await log.read(path)

    assert missing.value.path == path


async def test_where_a_nodes_keys_are() -> None:
    log = await log_of(23)
    node = bundle("node 2").node

    found = read_json(await log.read(node_path(node)), NodeLeaves)

    assert [leaf.index for leaf in found.leaves] == [2, 17, 22]
    leaf = read_leaf(found.leaves[2].leaf)
    assert isinstance(leaf, BundleLeaf)
    assert leaf.body == bundle("node 2", 4).body
    assert node_text(node) in node_path(node)


async def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'club.db'}"
    async with open_store(url) as store:
        before = (await log_of(7, store)).checkpoint()

    async with open_store(url) as store:
        log = await opened(store)
        assert log.checkpoint() == before
        new = bundle("cellar")
        assert await log.append_bundle(new.body, new.sig) == 7
        assert len(
            decode_entries(await log.read("tile/entries/000.p/8"), Entries(0, 8))
        )


async def test_an_entry_that_is_not_stored_is_not_signed() -> None:
    store = FailingStore()
    log = await opened(store)
    note = log.checkpoint()
    each = bundle("attic")

    with pytest.raises(StorageError):
        await log.append_bundle(each.body, each.sig)
    assert (log.size, log.checkpoint()) == (0, note)

    store.failing = False
    assert await log.append_bundle(each.body, each.sig) == 0


async def test_whoever_stops_waiting_leaves_tree_and_store_the_same() -> None:
    store = SlowStore()
    log = await opened(store)
    for steps in range(10):
        other = bundle(f"node {steps}")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(log.append_bundle, other.body, other.sig)
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()

    assert log.size > 0
    assert await store.key_log_hashes() == await log.read(f"tile/0/000.p/{log.size}")


async def test_many_append_at_once_without_a_gap() -> None:
    log = await opened()
    found = []

    async def append(number: int) -> None:
        each = bundle(f"node {number}")
        found.append(await log.append_bundle(each.body, each.sig))

    async with anyio.create_task_group() as tasks:
        for number in [*range(20), *range(20)]:
            tasks.start_soon(append, number)

    assert sorted(found) == sorted([*range(20), *range(20)])
    assert log.size == 20


async def test_an_entry_that_is_stored_and_not_signed_yet_is_not_told_of() -> None:
    store = MemoryStore()
    log = await opened(store)
    each = bundle("attic")
    ahead = await opened(store)
    await ahead.append_bundle(each.body, each.sig)

    with pytest.raises(NotInKeyLog):
        await log.read(node_path(each.node))


async def test_older_keys_than_those_in_the_log_are_not_logged() -> None:
    log = await opened()
    newer = bundle("attic", 3)
    await log.append_bundle(newer.body, newer.sig)
    note = log.checkpoint()

    for other in (bundle("attic", 2), bundle("attic", 3, ek=b"x" * 32)):
        with pytest.raises(TrustError, match="are in the key log") as refused:
            await log.append_bundle(other.body, other.sig)
        assert refused.value.code is TrustCode.EPOCH_ROLLBACK

    assert log.checkpoint() == note
    assert await log.append_bundle(newer.body, newer.sig) == 0
    assert await log.append_bundle(newer.body, newer.sig, b"o" * 64) == 1


async def test_one_node_does_not_fill_the_log() -> None:
    now = 1000.0
    log = await KeyLog.open(MemoryStore(), CLUB, "clubai/x", lambda: now)
    for epoch in range(BUNDLES_PER_DAY):
        each = bundle("attic", epoch)
        await log.append_bundle(each.body, each.sig)
        now += 60
    one_more, other = bundle("attic", 99), bundle("cellar")

    with pytest.raises(RateLimited) as refused:
        await log.append_bundle(one_more.body, one_more.sig)
    await log.append_bundle(other.body, other.sig)

    assert refused.value.retry_after == 86_400 - 60 * BUNDLES_PER_DAY
    assert log.size == BUNDLES_PER_DAY + 1
    now = 1000.0 + 86_400
    assert await log.append_bundle(one_more.body, one_more.sig) == log.size - 1
