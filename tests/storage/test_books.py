"""What every store promises of the books, asked of each of them."""

from __future__ import annotations

import anyio
import msgspec
import pytest

from clubai.errors import StorageError
from clubai.storage import Store
from clubai.storage.access import AuditRow
from clubai.storage.books import CloseRow, LedgerRow
from support.rows import close_row, ledger_row, task_row

A, B, C = (number.to_bytes(16) for number in (1, 2, 3))


async def everything(store: Store) -> tuple[object, ...]:
    return await store.ledger(), await store.closes(), await store.settled_tasks()


async def test_books_begin_empty(store: Store) -> None:
    assert await everything(store) == ([], [], set())
    assert await store.post([])
    assert await everything(store) == ([], [], set())


async def test_entries_come_back_as_they_were_in_order(store: Store) -> None:
    rows = [ledger_row(n) for n in range(4)]

    assert await store.post(rows[:1])
    assert await store.post(rows[1:])

    assert await store.ledger() == rows
    assert await store.ledger(since=2) == rows[2:]
    assert await store.ledger(since=-2) == rows
    assert await store.ledger(since=9) == []


async def test_a_close_is_kept_with_its_entries_and_tasks(store: Store) -> None:
    february, january = close_row("2026-02"), close_row("2026-01")

    assert await store.post([ledger_row(0)], close=february, settled=[A, B])
    assert await store.post([], close=january)
    assert await store.post([], settled=[C])

    assert await store.ledger() == [ledger_row(0)]
    assert await store.closes() == [february, january]
    assert await store.settled_tasks() == {A, B, C}


@pytest.mark.parametrize(
    ("rows", "close", "settled"),
    [
        ([ledger_row(0, key="new")], None, []),
        ([ledger_row(2)], None, []),
        ([ledger_row(-1)], None, []),
        ([ledger_row(1), ledger_row(3)], None, []),
        ([ledger_row(2), ledger_row(1)], None, []),
        ([ledger_row(1), ledger_row(1, key="new")], None, []),
        ([ledger_row(1, key="fee:0")], None, []),
        ([ledger_row(1), ledger_row(2, key="fee:1")], None, []),
        ([ledger_row(1)], close_row("2026-01", at=9.0), [B]),
        ([ledger_row(1)], close_row("2026-02"), [B, A]),
        ([ledger_row(1)], close_row("2026-02"), [B, B]),
    ],
)
async def test_what_is_there_already_or_leaves_a_gap_changes_nothing(
    store: Store, rows: list[LedgerRow], close: CloseRow | None, settled: list[bytes]
) -> None:
    assert await store.post([ledger_row(0)], close=close_row(), settled=[A])
    before = await everything(store)

    assert not await store.post(rows, close=close, settled=settled)

    assert await everything(store) == before
    assert await store.post([ledger_row(1)], close=close_row("2026-02"), settled=[B])


async def test_of_many_that_close_one_month_one_does(store: Store) -> None:
    done: list[bool] = []

    async def close() -> None:
        done.append(await store.post([], close=close_row(), settled=[A]))

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(close)

    assert sorted(done) == [False] * 4 + [True]
    assert await everything(store) == ([], [close_row()], {A})


async def test_post_that_breaks_midway_leaves_nothing(store: Store) -> None:
    class Broken(list):  # type: ignore[type-arg]
        def __iter__(self):  # type: ignore[no-untyped-def]
            yield A
            raise KeyError("midway")

    with pytest.raises(KeyError, match="midway"):
        await store.post([ledger_row()], close=close_row(), settled=Broken())

    assert await everything(store) == ([], [], set())


async def test_tasks_that_ended_well_in_a_time(store: Store) -> None:
    late, early = task_row(1, ended_at=20.0), task_row(2, ended_at=10.0)
    tie, failed = task_row(3, ended_at=20.0), task_row(4, ended_at=15.0, state="failed")
    after = task_row(5, ended_at=30.0)
    await store.append_tasks([late, early, tie, failed, after])

    assert await store.tasks_between(10.0, 30.0) == [early, late, tie]
    assert await store.tasks_between(10.5, 30.5) == [late, tie, after]
    assert await store.tasks_between(30.0, 10.0) == []


async def test_closed_store_refuses(store: Store) -> None:
    await store.aclose()

    with pytest.raises(StorageError, match="closed"):
        await store.post([ledger_row()])
    with pytest.raises(StorageError, match="closed"):
        await store.ledger()


def test_a_close_does_not_show_its_secret() -> None:
    assert "x05" not in repr(close_row())
    assert "2026-01" in repr(close_row())


async def test_the_audit_line_is_there_when_the_entries_are(store: Store) -> None:
    line = AuditRow(at=1.0, actor="m_a", action="fee.booked", object="k", detail="d")

    assert await store.post([ledger_row(0)], audit=line)
    assert not await store.post([ledger_row(0)], audit=line)
    assert await store.audit(limit=9) == [msgspec.structs.replace(line, seq=1)]
