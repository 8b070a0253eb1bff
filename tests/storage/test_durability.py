from __future__ import annotations

import pytest
from sqlite_utils import Database

from clubai.storage.durability import through_power_loss


def synchronous(db: Database) -> int:
    return int(db.execute("PRAGMA synchronous").fetchone()[0])


def test_it_is_full_within_and_normal_after_a_failure_too() -> None:
    db = Database(memory=True)

    found = []

    def fail() -> None:
        with through_power_loss(db):
            found.append(synchronous(db))
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert (found, synchronous(db)) == ([2], 1)
    db.close()
