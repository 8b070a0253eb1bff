"""What every store promises of checks, asked of each of them."""

from __future__ import annotations

import msgspec
import pytest

from clubai.errors import StorageError
from clubai.model import NodeId
from clubai.storage import Store
from support.rows import check_row

OTHER = NodeId(b"\x08" * 32)


async def test_a_check_comes_back_as_it_was(store: Store) -> None:
    rows = [check_row(0), check_row(1, passed=False, references=(), expected="")]
    for row in rows:
        await store.append_check(row)

    assert await store.check("check-0") == rows[0]
    assert await store.check("check-1") == rows[1]
    assert await store.check("check-2") is None


async def test_the_last_ones_are_listed_newest_first(store: Store) -> None:
    rows = [
        check_row(n, at=9.0 - n, node=OTHER if n % 2 else bytes(32))
        for n in (*range(5),)
    ]
    for row in rows:
        await store.append_check(row)

    assert await store.checks(limit=9) == rows[::-1]
    assert await store.checks(limit=2) == [rows[4], rows[3]]
    assert await store.checks(node=OTHER, limit=9) == [rows[3], rows[1]]
    assert await store.checks(node=OTHER, limit=1) == [rows[3]]
    assert await store.checks(limit=0) == await store.checks(limit=-1) == []


async def test_a_check_is_there_once(store: Store) -> None:
    await store.append_check(check_row())

    with pytest.raises(StorageError):
        await store.append_check(msgspec.structs.replace(check_row(), passed=False))

    assert await store.checks(limit=9) == [check_row()]


@pytest.mark.parametrize("keep", [-1, 0, 1, 3, 4, 9])
async def test_old_checks_are_pruned(store: Store, keep: int) -> None:
    rows = [check_row(n) for n in range(4)]
    for row in rows:
        await store.append_check(row)
    kept = rows[::-1][: max(keep, 0)]

    assert await store.prune_checks(keep) == 4 - len(kept)

    assert await store.checks(limit=9) == kept
    assert await store.prune_checks(keep) == 0
    await store.append_check(check_row(7))
    assert await store.checks(limit=9) == [check_row(7), *kept]
