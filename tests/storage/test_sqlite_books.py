from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from clubai.errors import StorageError
from clubai.storage.migrations import schema
from clubai.storage.sqlite import SqliteStore
from support.rows import close_row, ledger_row

TASK = b"t" * 16
FORBIDDEN = (
    "DELETE FROM ledger",
    "DELETE FROM closes",
    "DELETE FROM settled",
    "UPDATE ledger SET ts = ts",
    "UPDATE closes SET at = at",
    "UPDATE settled SET task = task",
    "INSERT OR REPLACE INTO ledger SELECT * FROM ledger",
    "INSERT OR REPLACE INTO ledger SELECT seq + 1, ts, key, body, hash FROM ledger",
    "INSERT INTO ledger SELECT seq + 2, ts, 'new', body, hash FROM ledger",
    "INSERT OR REPLACE INTO closes SELECT * FROM closes",
    "INSERT OR REPLACE INTO closes SELECT 2, month, 9, x'', x'', x'' FROM closes",
    "INSERT OR REPLACE INTO closes SELECT seq, 'new', 9, x'', x'', x'' FROM closes",
    "INSERT OR REPLACE INTO settled SELECT seq + 1, task, month FROM settled",
    "INSERT OR REPLACE INTO settled SELECT seq, 'bb', month FROM settled",
)


@pytest.fixture
async def books(database: Path, anyio_backend: str) -> Path:
    async with SqliteStore.open(database) as store:
        assert await store.post([ledger_row()], close=close_row(), settled=[TASK])
    return database


@pytest.mark.parametrize("sql", FORBIDDEN)
def test_no_tool_rewrites_the_books(sql: str, tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    with closing(sqlite3.connect(path)) as connection:
        schema().apply(Database(connection))
        connection.execute("INSERT INTO ledger VALUES (0, 'ts', 'key', x'00', x'01')")
        connection.execute(
            "INSERT INTO closes VALUES (1, '2026-01', 1.5, x'', x'', x'')"
        )
        connection.execute("INSERT INTO settled VALUES (1, 'aa', '2026-01')")
        connection.commit()
    # sqlite-utils turns recursive triggers on, and most other tools do not.
    with closing(sqlite3.connect(path)) as connection:
        before = list(connection.iterdump())

        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            connection.execute(sql)

        assert list(connection.iterdump()) == before


async def test_books_outlive_the_process_and_any_tool_reads_them(books: Path) -> None:
    async with SqliteStore.open(books) as store:
        assert await store.ledger() == [ledger_row()]
        assert await store.closes() == [close_row()]
        assert await store.settled_tasks() == {TASK}
        assert not await store.post([], settled=[TASK])
    with closing(sqlite3.connect(books)) as db:
        found = db.execute("SELECT task, month FROM settled").fetchall()

    assert found == [(TASK.hex(), "2026-01")]


async def test_row_of_another_form_is_an_error_and_not_a_no(books: Path) -> None:
    async with SqliteStore.open(books) as store:
        with pytest.raises(StorageError, match="cannot store"):
            await store.post([ledger_row(1), ledger_row(2, body="text")])

        assert await store.ledger() == [ledger_row()]


async def test_a_post_is_written_through_and_nothing_after_it(books: Path) -> None:
    async with SqliteStore.open(books) as store:
        said: list[str] = []
        connection = store._files.writer.conn
        connection.set_trace_callback(said.append)

        await store.post([ledger_row(1)])
        await store.post([ledger_row(1)])

        connection.set_trace_callback(None)
        (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()

    full, normal = "PRAGMA synchronous = FULL", "PRAGMA synchronous = NORMAL"
    order = [sql for sql in said if sql in (full, "COMMIT", "ROLLBACK", normal)]
    assert order == [full, "COMMIT", normal, full, "ROLLBACK", normal]
    assert synchronous == 1


async def test_tasks_of_a_time_are_found_by_the_index(books: Path) -> None:
    sql = (
        "EXPLAIN QUERY PLAN SELECT * FROM tasks WHERE ended_at >= 0 AND ended_at < 9"
        " AND state = 'done' ORDER BY ended_at, seq"
    )
    with closing(sqlite3.connect(books)) as db:
        plan = " ".join(row[-1] for row in db.execute(sql))

    assert "INDEX" in plan
    assert "TEMP B-TREE" not in plan
