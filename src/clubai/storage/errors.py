"""What SQLite and the file system say, as an error that names the place and the fix."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from clubai.errors import StorageError

_WRITABLE: Final = "make the file and its directory writable for this user"
_FIXES: Final = {
    sqlite3.SQLITE_NOTADB: "choose another file, or move this one away",
    sqlite3.SQLITE_CORRUPT: "restore a backup",
    sqlite3.SQLITE_FULL: "free some space on the disk",
    sqlite3.SQLITE_BUSY: "close the other program that has it open for writing",
    sqlite3.SQLITE_READONLY: _WRITABLE,
    sqlite3.SQLITE_CANTOPEN: _WRITABLE,
    sqlite3.SQLITE_PERM: _WRITABLE,
}


@contextmanager
def storage_errors(where: str) -> Iterator[None]:
    """Turn what SQLite, the file system and bad rows raise into `StorageError`."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        fix = _FIXES.get(code)
        reason = f"{error}: {fix}" if fix else str(error)
        raise StorageError(where, reason) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(where, f"{reason}: {_WRITABLE}") from error
    except (OverflowError, ValueError, msgspec.ValidationError) as error:
        raise StorageError(where, f"a row is not as it should be: {error}") from error
