"""What only SQLite promises of the key log; the rest is in `test_keylog`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from clubai.errors import StorageError
from clubai.model import node_text
from clubai.storage.sqlite import SqliteStore
from support.rows import key_log_row, node_owner_row


async def test_it_is_there_after_reopening(database: Path) -> None:
    rows = [key_log_row(n) for n in range(3)]
    async with SqliteStore.open(database) as store:
        for row in rows:
            await store.append_key_log(row)
        await store.put_node_owner(node_owner_row())

    async with SqliteStore.open(database) as store:
        assert await store.key_log(0, 9) == rows
        assert await store.node_owners() == [node_owner_row()]
        await store.append_key_log(key_log_row(3))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE key_log SET leaf = x'00' WHERE position = 1",
        "UPDATE key_log SET position = 7 WHERE position = 1",
        "DELETE FROM key_log WHERE position = 1",
        "DELETE FROM key_log",
        (
            "REPLACE INTO key_log SELECT position, x'00', leaf_hash, node, epoch, at"
            " FROM key_log WHERE position = 1"
        ),
        "INSERT INTO key_log SELECT 9, leaf, x'00', node, epoch, at FROM key_log",
    ],
)
async def test_no_statement_changes_what_was_logged(
    database: Path, statement: str
) -> None:
    async with SqliteStore.open(database) as store:
        for number in range(2):
            await store.append_key_log(key_log_row(number))
        with (
            closing(sqlite3.connect(database)) as visitor,
            pytest.raises(sqlite3.IntegrityError, match="key log"),
        ):
            visitor.execute(statement)

        assert await store.key_log(0, 9) == [key_log_row(0), key_log_row(1)]


async def test_an_entry_is_written_to_the_disk_itself(database: Path) -> None:
    async with SqliteStore.open(database) as store:
        seen: list[str] = []
        store._files.writer.conn.set_trace_callback(seen.append)
        await store.append_key_log(key_log_row(0))
        with pytest.raises(StorageError):
            await store.append_key_log(key_log_row(0))
        store._files.writer.conn.set_trace_callback(None)

    level, synced = "NORMAL", []
    for statement in seen:
        if statement.startswith("PRAGMA synchronous"):
            level = statement.rpartition(" ")[2]
        elif statement.startswith("COMMIT"):
            synced.append(level)
    assert synced == ["FULL"]
    assert level == "NORMAL"


async def test_node_ids_can_be_read_by_people(database: Path) -> None:
    async with SqliteStore.open(database) as store:
        await store.append_key_log(key_log_row(0))
        await store.put_node_owner(node_owner_row())
        with closing(sqlite3.connect(database)) as visitor:
            texts = visitor.execute("SELECT node FROM key_log").fetchall()
            texts += visitor.execute("SELECT node FROM node_owners").fetchall()

    assert texts == [(node_text(key_log_row().node),)] * 2
