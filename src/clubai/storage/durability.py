"""How much of a transaction outlives a loss of power."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlite_utils import Database


@contextmanager
def through_power_loss(db: Database) -> Iterator[None]:
    """What is committed within is on the disk then, and all that came before it."""
    db.execute("PRAGMA synchronous = FULL")
    try:
        yield
    finally:
        db.execute("PRAGMA synchronous = NORMAL")
