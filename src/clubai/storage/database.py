"""The files under the SQLite store: made, locked, checked, migrated, and closed.

Two connections to one database in WAL mode: the only one that writes, and one that
only reads and never waits for the first. All of it blocks: call it in a thread.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
from sqlite_utils import Database

from clubai.errors import StorageError
from clubai.storage.errors import storage_errors
from clubai.storage.lockfile import LockFile
from clubai.storage.migrations import is_foreign, schema, unknown_steps

BUSY_TIMEOUT_MS: Final = 5000
"""How long a program that only visits the database may hold it up."""


class Files(msgspec.Struct, frozen=True):
    """An open database and the lock on it."""

    writer: Database
    reader: Database
    lock: LockFile

    def close(self) -> None:
        """Close all of it; safe to call twice. The last to close tidies the log up."""
        self.reader.close()
        self.writer.close()
        self.lock.release()


def open_files(path: Path) -> Files:
    """Open the database, or make it with its directory, readable for nobody else.

    Raises:
        StorageError: it cannot be used; nothing is left open or locked.
    """
    with storage_errors(str(path)), ExitStack() as undo:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = LockFile.take(path.with_name(path.name + ".lock"))
        undo.callback(lock.release)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        writer = _connect(path)
        undo.callback(writer.close)
        _refuse_unknown(path, writer)
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA synchronous = NORMAL")
        schema().apply(writer)
        reader = _connect(path)
        reader.execute("PRAGMA query_only = ON")
        undo.pop_all()
    return Files(writer, reader, lock)


def _connect(path: Path) -> Database:
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    return Database(connection, execute_plugins=False)


def _refuse_unknown(path: Path, db: Database) -> None:
    if unknown := unknown_steps(db):
        raise StorageError(
            str(path),
            f"a newer ClubAI wrote it (it has {unknown[-1]}):"
            " upgrade ClubAI, or restore a backup from before",
        )
    if is_foreign(db):
        raise StorageError(
            str(path), "it belongs to another program: choose another file"
        )
