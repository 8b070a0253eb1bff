"""The store that coordinators use: one SQLite file that any tool may read.

Calls run in two threads: writes one after the other on the one connection that writes,
reads beside them on a second one. What runs in a thread runs to its end: a cancelled
call has either not begun or is finished, and leaves no transaction open.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Self, TypeVar

import msgspec
from anyio import CancelScope, to_thread
from sqlite_utils import Database

from clubai.model import MemberId, node_bytes, node_text
from clubai.storage.base import ApiKeyRow, MemberRow, NodeRow, TaskRow, name_key
from clubai.storage.database import Files, open_files
from clubai.storage.sqlite_access import SqliteAccess
from clubai.storage.sqlite_books import SqliteBooks
from clubai.storage.sqlite_checks import SqliteChecks
from clubai.storage.sqlite_enrolment import SqliteEnrolment
from clubai.storage.sqlite_keylog import SqliteKeyLog
from clubai.storage.sqlite_standing import SqliteStanding
from clubai.storage.sqlite_tasks import APPEND_TASK, task_facts, task_values
from clubai.storage.sqlite_usage import SqliteUsage
from clubai.storage.sqlite_verdicts import SqliteVerdicts
from clubai.storage.turns import Turns

T = TypeVar("T")
Row = TypeVar("Row", MemberRow, ApiKeyRow, NodeRow)
Value = str | bytes | float | None
Record = dict[str, Value]

_PUT_NODE: Final = """
    INSERT INTO nodes (id, key, name, name_key, owner, first_seen_at, last_seen_at)
    VALUES (:id, :key, :name, :name_key, :owner, :first_seen_at, :last_seen_at)
    ON CONFLICT (id) DO UPDATE SET
        key = excluded.key, name = excluded.name, name_key = excluded.name_key,
        owner = excluded.owner, first_seen_at = excluded.first_seen_at,
        last_seen_at = excluded.last_seen_at
"""
_NEWEST_TASKS: Final = "SELECT * FROM tasks ORDER BY ended_at DESC, seq DESC LIMIT ?"
_NEWEST_TASKS_OF: Final = (
    "SELECT * FROM tasks WHERE member = ? ORDER BY ended_at DESC, seq DESC LIMIT ?"
)


class SqliteStore(
    SqliteAccess,
    SqliteBooks,
    SqliteChecks,
    SqliteEnrolment,
    SqliteKeyLog,
    SqliteStanding,
    SqliteUsage,
    SqliteVerdicts,
):
    """A `Store` in a SQLite file; get one from `open`."""

    _writing: Turns
    _reading: Turns

    def __init__(self, path: Path, files: Files) -> None:
        self._where = str(path)
        self._files = files
        self._writing = Turns.begin(files.writer, self._where)
        self._reading = Turns.begin(files.reader, self._where)

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> AsyncIterator[Self]:
        """Open the database at `path`, and make it first when it is not there.

        Raises:
            StorageError: it cannot be used, or another coordinator uses it.
        """
        store = cls(path, await to_thread.run_sync(open_files, path))
        try:
            yield store
        finally:
            await store.aclose()

    async def add_member(self, row: MemberRow) -> bool:
        """Add an account; False, and no change, when the name is taken."""
        record = {**_record(row), "name_key": name_key(row.name)}
        return await self._writing.run(
            lambda db: _unless_name_taken(lambda: db.table("members").insert(record))
        )

    async def member_named(self, name: str) -> MemberRow | None:
        """Find an account by its name, without regard to case."""
        sql = "SELECT * FROM members WHERE name_key = ?"
        return await self._first(MemberRow, sql, name_key(name))

    async def member(self, member: MemberId) -> MemberRow | None:
        """Find an account by its id."""
        sql = "SELECT * FROM members WHERE id = ?"
        return await self._first(MemberRow, sql, member)

    async def count_members(self) -> int:
        """Count the accounts."""
        return await self._count("SELECT count(*) FROM members")

    async def set_password(self, member: MemberId, password: str) -> None:
        """Replace the argon2id string of an account; nothing when it is unknown."""
        await self._change(
            "UPDATE members SET password = ? WHERE id = ?", password, member
        )

    async def bump_token_epoch(self, member: MemberId) -> None:
        """Make every token of an account worthless; nothing when it is unknown."""
        await self._change(
            "UPDATE members SET token_epoch = token_epoch + 1 WHERE id = ?", member
        )

    async def add_api_key(self, row: ApiKeyRow) -> None:
        """Add a key; `StorageError` when there is one with this id."""
        record = _record(row)
        await self._writing.run(lambda db: db.table("api_keys").insert(record))

    async def api_key(self, key_id: str) -> ApiKeyRow | None:
        """Find a key by its public id, a revoked one too."""
        return await self._first(
            ApiKeyRow, "SELECT * FROM api_keys WHERE id = ?", key_id
        )

    async def api_keys_of(self, member: MemberId) -> list[ApiKeyRow]:
        """All keys of a member, oldest first."""
        sql = "SELECT * FROM api_keys WHERE member = ? ORDER BY created_at, rowid"
        return await self._all(ApiKeyRow, sql, member)

    async def revoke_api_key(self, key_id: str, *, at: float) -> None:
        """Mark a key as no longer good; nothing when it is unknown or was revoked."""
        await self._change(
            "UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
            at,
            key_id,
        )

    async def nodes(self) -> list[NodeRow]:
        """All nodes that ever joined, oldest first."""
        sql = "SELECT * FROM nodes ORDER BY first_seen_at, rowid"
        return await self._all(NodeRow, sql)

    async def put_node(self, row: NodeRow) -> bool:
        """Add a node, or replace what is known of the one with this id."""
        record = {
            **_record(row),
            "id": node_text(row.id),
            "name_key": name_key(row.name),
        }
        return await self._writing.run(
            lambda db: _unless_name_taken(lambda: db.execute(_PUT_NODE, record))
        )

    async def append_tasks(self, rows: Sequence[TaskRow]) -> None:
        """Add ended tasks in one transaction; a row whose id is there is skipped."""

        def append(db: Database) -> None:
            with db.atomic():
                db.conn.executemany(APPEND_TASK, map(task_values, rows))

        await self._writing.run(append)

    async def tasks(
        self, *, limit: int, member: MemberId | None = None
    ) -> list[TaskRow]:
        """The most recently ended tasks, newest first."""
        sql = _NEWEST_TASKS if member is None else _NEWEST_TASKS_OF
        values = [*([] if member is None else [member]), max(limit, 0)]
        return await self._reading.run(
            lambda db: [task_facts(record) for record in db.query(sql, values)]
        )

    async def count_tasks(self) -> int:
        """Count the ended tasks."""
        return await self._count("SELECT count(*) FROM tasks")

    async def aclose(self) -> None:
        """Wait for the calls that are under way and close the files.

        Safe to call twice. No deadline: a thread cannot be abandoned, and what it can
        wait for is bounded by the busy timeout.
        """
        with CancelScope(shield=True):
            await self._reading.end()
            await self._writing.end(self._files.close)

    async def _all(self, kind: type[Row], sql: str, *values: Value) -> list[Row]:
        return await self._reading.run(
            lambda db: [_row(kind, record) for record in db.query(sql, values)]
        )

    async def _first(self, kind: type[Row], sql: str, *values: Value) -> Row | None:
        return next(iter(await self._all(kind, sql, *values)), None)

    async def _count(self, sql: str) -> int:
        def count(db: Database) -> int:
            return int(db.execute(sql).fetchone()[0])

        return await self._reading.run(count)

    async def _change(self, sql: str, *values: Value) -> None:
        await self._writing.run(lambda db: db.execute(sql, values))


def _unless_name_taken(insert: Callable[[], object]) -> bool:
    try:
        insert()
    except sqlite3.IntegrityError as error:
        if "name_key" in str(error):
            return False
        raise
    return True


def _record(row: MemberRow | ApiKeyRow | NodeRow) -> Record:
    record = msgspec.structs.asdict(row)
    if isinstance(row, ApiKeyRow):
        for name in _LISTS:
            record[name] = msgspec.json.encode(record[name]).decode()
    return record


_LISTS: Final = ("scopes", "models")
"""Columns of API keys that hold a list, as JSON."""


def _row(kind: type[Row], record: Record) -> Row:
    if kind is NodeRow:
        record["id"] = node_bytes(str(record["id"]))
    elif kind is ApiKeyRow:
        for name in _LISTS:
            record[name] = msgspec.json.decode(str(record[name]))
        record["login"] = bool(record["login"])
    return msgspec.convert(record, kind)
