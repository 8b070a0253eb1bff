"""Whether the books in a coordinator's database are sound, by another reading of them.

It shares no code with what writes the books: SQL, JSON and SHA-256 are all it uses.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

GENESIS = bytes(32)


def canonical(value: object) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def chained(previous: bytes, body: bytes) -> bytes:
    return hashlib.sha256(b"clubai/1 ledger\0" + previous + body).digest()


def check_books(path: Path) -> None:
    """Fail unless all that must be true of the database at `path` is.

    It may be open elsewhere: one moment of it is looked at.
    """
    with closing(sqlite3.connect(path)) as db:
        db.execute("BEGIN")
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        check_ledger(db)
        check_settled(db)
        check_standing(db)


def check_ledger(db: sqlite3.Connection) -> None:
    """Numbers without gaps, hashes that chain, unique keys, sums of zero."""
    previous = GENESIS
    keys = Counter[str]()
    rows = db.execute("SELECT seq, ts, key, body, hash FROM ledger ORDER BY seq")
    for place, (seq, ts, key, body, found) in enumerate(rows):
        assert seq == place, f"entry {place} has the number {seq}"
        entry: Any = json.loads(body)
        assert canonical(entry) == body, f"entry {seq} is not canonical"
        assert (entry["seq"], entry["ts"], entry["key"]) == (seq, ts, key)
        previous = chained(previous, body)
        assert found == previous, f"the chain breaks at {seq}"
        keys[key] += 1
        sums = Counter[str]()
        for _, currency, minor in entry["lines"]:
            sums[currency] += minor
        assert not any(sums.values()), f"the lines of {seq} add up to {sums}"
    assert set(keys.values()) <= {1}, f"keys of several entries: {keys.most_common(3)}"


def check_settled(db: sqlite3.Connection) -> None:
    """Every month is closed once, every task paid once, in one of them, if done."""
    months = [month for (month,) in db.execute("SELECT month FROM closes")]
    assert len(set(months)) == len(months), months
    paid = db.execute("SELECT task, month FROM settled").fetchall()
    assert len({task for task, _ in paid}) == len(paid), "a task is paid twice"
    assert {month for _, month in paid} <= set(months), "a task is paid by no close"
    done = {task for (task,) in db.execute("SELECT id FROM tasks WHERE state = 'done'")}
    assert {task for task, _ in paid} <= done, "what was paid was not done"


def check_standing(db: sqlite3.Connection) -> None:
    """Numbers without gaps; what rests on a task has one."""
    count, last = db.execute("SELECT count(*), max(seq) FROM standing").fetchone()
    assert last is None or last == count - 1, f"{count} events, the last is {last}"
    lost = db.execute(
        "SELECT cause FROM standing WHERE cause LIKE 'task:%'"
        " AND substr(cause, 6) NOT IN (SELECT id FROM tasks)"
    )
    assert lost.fetchall() == []
