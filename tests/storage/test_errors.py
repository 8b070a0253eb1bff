from __future__ import annotations

import errno
import sqlite3

import msgspec
import pytest

from clubai.errors import StorageError
from clubai.storage.errors import storage_errors


def no_such_table() -> sqlite3.Error:
    db = sqlite3.connect(":memory:")
    try:
        db.execute("SELECT * FROM nowhere")
    except sqlite3.Error as error:
        return error
    finally:
        db.close()
    raise AssertionError


def full() -> sqlite3.Error:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (no_such_table(), "no such table: nowhere"),
        (full(), "database or disk is full: free some space on the disk"),
        (
            PermissionError(errno.EACCES, "Permission denied"),
            "Permission denied: make the file and its directory writable",
        ),
        (OverflowError("too large"), "a row is not as it should be: too large"),
        (msgspec.ValidationError("no role"), "a row is not as it should be: no role"),
    ],
    ids=["as it says", "with the fix", "of the system", "a number", "a field"],
)
def test_an_error_names_the_place_the_reason_and_the_fix(
    error: Exception, said: str
) -> None:
    with pytest.raises(StorageError) as told, storage_errors("the/file.db"):
        raise error

    assert told.value.where == "the/file.db"
    assert told.value.reason.startswith(said)
    assert told.value.__cause__ is error


def test_another_error_is_left_as_it_is() -> None:
    with pytest.raises(KeyError), storage_errors("the/file.db"):
        raise KeyError
