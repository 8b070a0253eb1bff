"""A program that writes tasks, events, entries and closes until it is killed.

Each line that it prints is of a write that the store has acknowledged.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import anyio

from clubai.model import MemberId, NodeId, TaskFacts
from clubai.reputation.events import Change, StandingEvent
from clubai.storage.books import CloseRow, LedgerRow
from clubai.storage.sqlite import SqliteStore
from support.books import GENESIS, canonical, chained
from support.rows import task_row

TASKS = 20
"""At once: enough that a kill can fall in the midst of them."""
ENTRIES = 3
TS = "2026-01-31T23:59:59.999Z"
Lines = Sequence[tuple[str, str, int]]


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def work(store: SqliteStore, ended: int) -> None:
    """End tasks, two events each."""
    seq = 2 * ended
    for start in count(ended, TASKS):
        tasks = [task_row(start + n) for n in range(TASKS)]
        events = [event(seq + n, tasks[n // 2]) for n in range(2 * TASKS)]
        await store.append_tasks_and_standing(tasks, events)
        seq += len(events)
        say("tasks", start + TASKS, seq)


async def keep(
    store: SqliteStore, rows: list[LedgerRow], closes: list[CloseRow]
) -> None:
    """Post entries, and close a month, by turns."""
    head = rows[-1].hash if rows else GENESIS
    seq, month = len(rows), len(closes)
    since = closes[-1].at if closes else 0.0
    while True:
        fees = entries(seq, head, [(f"fee:{seq + n}", FEE) for n in range(ENTRIES)])
        assert await store.post(fees)
        seq, head = seq + len(fees), fees[-1].hash
        say("ledger", seq, head.hex())
        (newest, *_) = [*await store.tasks(limit=1), None]
        until = newest.ended_at if newest else since
        paid = [row.id for row in await store.tasks_between(since, until)]
        name = f"{2026 + month // 12}-{month % 12 + 1:02}"
        pay = [("pool", "EUR", len(paid)), ("member:m_alice", "EUR", -len(paid))]
        closing = entries(seq, head, [(f"close:{name}", pay)])
        close = close_of(name, until)
        assert await store.post(closing, close=close, settled=paid)
        seq, head, month, since = seq + 1, closing[-1].hash, month + 1, until
        say("ledger", seq, head.hex())
        say("close", name, len(paid))


async def refuse_again(
    store: SqliteStore, rows: list[LedgerRow], closes: list[CloseRow]
) -> None:
    """A close or a task that a killed program has paid is not paid again."""
    if closes:
        assert not await store.post([], close=closes[-1])
        assert not await store.post([rows[-1]])
    for task in sorted(await store.settled_tasks())[-1:]:
        assert not await store.post([], close=close_of("9999-12", 0.0), settled=[task])


FEE: Lines = [("psp_clearing", "EUR", 1000), ("fee_income", "EUR", -1000)]


def entries(
    seq: int, head: bytes, what: Sequence[tuple[str, Lines]]
) -> list[LedgerRow]:
    rows = []
    for place, (key, lines) in enumerate(what, seq):
        body = canonical({"key": key, "lines": lines, "seq": place, "ts": TS})
        head = chained(head, body)
        rows.append(LedgerRow(seq=place, ts=TS, key=key, body=body, hash=head))
    return rows


def close_of(month: str, at: float) -> CloseRow:
    return CloseRow(month=month, at=at, statement=b"{}", secret=bytes(32), closing=b"")


def event(seq: int, task: TaskFacts) -> StandingEvent:
    return StandingEvent(
        seq=seq,
        at=task.ended_at,
        node=NodeId(task.node),
        member=MemberId("m_alice"),
        change=Change.COMPLETED if seq % 2 else Change.FAST,
        held=10,
        cause=f"task:{task.id.hex()}",
    )


async def main(path: Path) -> None:
    async with SqliteStore.open(path) as store:
        say("open")
        rows, closes = await store.ledger(), await store.closes()
        await refuse_again(store, rows, closes)
        ended = await store.count_tasks()
        async with anyio.create_task_group() as group:
            group.start_soon(keep, store, rows, closes)
            group.start_soon(work, store, ended)


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]))
