"""The books in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
from sqlite_utils import Database

from clubai.model import TaskFacts
from clubai.storage.access import AuditRow
from clubai.storage.books import CloseRow, LedgerRow
from clubai.storage.durability import through_power_loss
from clubai.storage.sqlite_tasks import task_facts

if TYPE_CHECKING:
    from clubai.storage.turns import Turns

_ADD_ENTRY: Final = (
    "INSERT INTO ledger (seq, ts, key, body, hash) VALUES (?, ?, ?, ?, ?)"
)
_ADD_CLOSE: Final = """
    INSERT INTO closes (month, at, statement, secret, closing) VALUES (?, ?, ?, ?, ?)
"""
_ADD_SETTLED: Final = "INSERT INTO settled (task, month) VALUES (?, ?)"
_DONE_BETWEEN: Final = """
    SELECT * FROM tasks WHERE ended_at >= ? AND ended_at < ? AND state = 'done'
    ORDER BY ended_at, seq
"""
_ADD_AUDIT: Final = (
    "INSERT INTO audit (at, actor, action, object, detail) VALUES (?, ?, ?, ?, ?)"
)
_TRIGGER: Final = """
    CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} {when}
    BEGIN SELECT RAISE(ABORT, 'the books are only added to'); END
"""
# INSERT OR REPLACE deletes without asking the trigger that keeps the rows.
_REFUSED: Final = {
    "ledger": "NEW.seq IS NOT (SELECT coalesce(max(seq) + 1, 0) FROM ledger)"
    " OR EXISTS (SELECT 1 FROM ledger WHERE key = NEW.key)",
    "closes": "EXISTS (SELECT 1 FROM closes WHERE month = NEW.month OR seq = NEW.seq)",
    "settled": "EXISTS (SELECT 1 FROM settled WHERE task = NEW.task OR seq = NEW.seq)",
}
_TAKEN: Final = (
    sqlite3.SQLITE_CONSTRAINT_TRIGGER,
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
)


def create_books(db: Database) -> None:
    """Make the tables, and the triggers that let them only grow."""
    entry = {"ts": str, "key": str, "body": bytes, "hash": bytes}
    db.table("ledger").create(
        {"seq": int, **entry}, pk="seq", not_null=set(entry), strict=True
    ).create_index(["key"], unique=True)
    close = {
        "month": str,
        "at": float,
        "statement": bytes,
        "secret": bytes,
        "closing": bytes,
    }
    db.table("closes").create(
        {"seq": int, **close}, pk="seq", not_null=set(close), strict=True
    ).create_index(["month"], unique=True)
    settled = {"task": str, "month": str}
    db.table("settled").create(
        {"seq": int, **settled}, pk="seq", not_null=set(settled), strict=True
    ).create_index(["task"], unique=True)
    for table, refused in _REFUSED.items():
        for name, event, when in (
            ("kept", "DELETE", ""),
            ("unchanged", "UPDATE", ""),
            ("once", "INSERT", f"WHEN {refused}"),
        ):
            db.execute(_TRIGGER.format(table=table, name=name, event=event, when=when))


class SqliteBooks:
    """A part of `SqliteStore`, which says whose turn it is."""

    _reading: Turns
    _writing: Turns

    async def ledger(self, *, since: int = 0) -> list[LedgerRow]:
        """The entries with a `seq` of `since` or more, in order."""
        sql = "SELECT * FROM ledger WHERE seq >= ? ORDER BY seq"
        return await self._reading.run(
            lambda db: [
                msgspec.convert(record, LedgerRow) for record in db.query(sql, [since])
            ]
        )

    async def post(
        self,
        rows: Sequence[LedgerRow],
        *,
        close: CloseRow | None = None,
        settled: Sequence[bytes] = (),
        audit: AuditRow | None = None,
    ) -> bool:
        """Add entries, a close and what it paid; False, and no change, if taken."""
        month = "" if close is None else close.month

        def add(db: Database) -> None:
            with through_power_loss(db), db.atomic():
                db.conn.executemany(_ADD_ENTRY, map(msgspec.structs.astuple, rows))
                if close is not None:
                    db.execute(_ADD_CLOSE, msgspec.structs.astuple(close))
                db.conn.executemany(
                    _ADD_SETTLED, [(task.hex(), month) for task in settled]
                )
                if audit is not None:
                    line = (audit.actor, audit.action, audit.object, audit.detail)
                    db.execute(_ADD_AUDIT, (audit.at, *line))

        return await self._writing.run(lambda db: _unless_taken(add, db))

    async def closes(self) -> list[CloseRow]:
        """All closes, in the order in which they were made."""
        sql = "SELECT month, at, statement, secret, closing FROM closes ORDER BY seq"
        return await self._reading.run(
            lambda db: [msgspec.convert(record, CloseRow) for record in db.query(sql)]
        )

    async def settled_tasks(self) -> set[bytes]:
        """The ids of all tasks that a close has paid."""
        sql = "SELECT task FROM settled"
        return await self._reading.run(
            lambda db: {bytes.fromhex(task) for (task,) in db.execute(sql)}
        )

    async def tasks_between(self, start: float, end: float) -> list[TaskFacts]:
        """Tasks that ended well from `start` until before `end`, oldest first."""
        return await self._reading.run(
            lambda db: [
                task_facts(record) for record in db.query(_DONE_BETWEEN, [start, end])
            ]
        )


def _unless_taken(add: Callable[[Database], None], db: Database) -> bool:
    try:
        add(db)
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode in _TAKEN:
            return False
        raise
    return True
