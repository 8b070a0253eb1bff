from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from clubai.errors import StorageError
from clubai.storage import database as database_module
from clubai.storage.database import open_files
from clubai.storage.errors import storage_errors


def refusal(path: Path) -> StorageError:
    with pytest.raises(StorageError) as refused:
        open_files(path).close()
    assert refused.value.where == str(path)
    return refused.value


def test_files_are_for_their_owner_only(database: Path) -> None:
    files = open_files(database)
    try:
        files.writer.table("members").insert(
            {
                "id": "m",
                "name": "n",
                "name_key": "n",
                "password": "p",
                "role": "member",
                "created_at": 0.0,
                "token_epoch": 0,
            }
        )
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode)
            for path in (database.parent, *database.parent.iterdir())
        }
    finally:
        files.close()

    assert modes == {
        "data": 0o700,
        "clubai.db": 0o600,
        "clubai.db-wal": 0o600,
        "clubai.db-shm": 0o600,
        "clubai.db.lock": 0o600,
    }


def test_connections_are_set_up_as_designed(database: Path) -> None:
    files = open_files(database)
    try:
        writer, reader = files.writer, files.reader
        pragmas = {
            name: writer.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "busy_timeout")
        }
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.execute("DELETE FROM tasks")
    finally:
        files.close()

    assert pragmas == {"journal_mode": "wal", "synchronous": 1, "busy_timeout": 5000}


def test_second_coordinator_is_refused_until_the_first_closes(database: Path) -> None:
    files = open_files(database)
    try:
        with pytest.raises(StorageError) as refused:
            open_files(database)
    finally:
        files.close()
        files.close()

    assert refused.value.where == str(database.parent)
    assert f"process {os.getpid()}" in refused.value.reason
    open_files(database).close()


def test_file_that_is_no_database_is_refused_and_kept(database: Path) -> None:
    database.parent.mkdir()
    database.write_text("shopping list\n" * 100)

    assert "choose another file" in refusal(database).reason
    assert database.read_text().startswith("shopping list")


def test_database_of_another_program_is_refused_and_kept(database: Path) -> None:
    database.parent.mkdir()
    with closing(sqlite3.connect(database)) as db:
        db.execute("CREATE TABLE songs (title TEXT)")
    before = database.read_bytes()

    assert "another program" in refusal(database).reason
    assert database.read_bytes() == before


def test_directory_in_place_of_the_file_is_refused(database: Path) -> None:
    database.mkdir(parents=True)

    assert "directory" in refusal(database).reason


def test_place_that_cannot_hold_it_is_refused(database: Path) -> None:
    database.parent.write_text("a file")

    assert "writable" in refusal(database).reason


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unwritable for root")
def test_unwritable_directory_is_refused(database: Path) -> None:
    database.parent.mkdir(mode=0o500)

    assert "Permission denied: make the file" in refusal(database).reason


def test_refusal_leaves_nothing_locked(database: Path) -> None:
    database.parent.mkdir()
    database.write_text("shopping list\n" * 100)
    refusal(database)
    database.unlink()

    open_files(database).close()


def test_program_that_holds_the_database_is_waited_for_and_named(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_files(database).close()
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_MS", 10)
    files = open_files(database)
    try:
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with (
                pytest.raises(StorageError, match="close the other program"),
                storage_errors("here"),
            ):
                files.writer.execute("DELETE FROM tasks")
    finally:
        files.close()
