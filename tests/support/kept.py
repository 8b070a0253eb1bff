"""Whether all that a coordinator acknowledged is in its database, and just once."""

from __future__ import annotations

import json
import sqlite3
from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from clubai.economics.verify import Report, verify_statement
from clubai.model import node_text
from clubai.reputation.judge import Judge
from clubai.reputation.rules import CLUB
from clubai.storage.sqlite import SqliteStore
from support.books import check_books
from support.killed_club import Said

FINAL = ("paid", "own", "void", "capped")
"""What no later close looks at again."""
BLAME = ("timeout", "broken", "failed", "convicted", "invalid", "voided", "suspended")
"""None of it is said of nodes that did nothing wrong."""


_ACTIONS = {
    "fee.booked": "fee",
    "balance.credited": "credit",
    "balance.paid_out": "payout",
    "month.closed": "close",
}


class Counts(NamedTuple):
    """What there is in a database."""

    tasks: int
    events: int
    entries: int
    settled: int
    statements: Mapping[str, bytes]


def check_kept(
    path: Path, said: Said, *, key: bytes, owners: Mapping[str, str]
) -> Counts:
    """Fail unless the database is sound, and has all that was `said`.

    Args:
        path: The database, which nobody has open.
        said: What was acknowledged before the coordinator was killed.
        key: The club's, which signed the statements.
        owners: Who owns which node.
    """
    check_books(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA query_only = ON")
        _check_tasks(db, said, owners)
        _check_points(db)
        entries = [
            json.loads(body) for (body,) in db.execute("SELECT body FROM ledger")
        ]
        _check_bookings(entries, said)
        _check_audit(db, entries)
        statements = _check_closes(db, entries, said, key)
        return Counts(
            _count(db, "tasks"),
            _count(db, "standing"),
            len(entries),
            _count(db, "settled"),
            statements,
        )


async def points_by_replay(path: Path) -> dict[str, int]:
    """Each node's points, by a judge who is told the stored events again."""
    judge = Judge(CLUB)
    async with SqliteStore.open(path) as store:
        judge.restore(await store.standing_events())
    return {node_text(record.node): record.points for record in judge.records()}


def points_by_sum(path: Path) -> dict[str, int]:
    """Each node's points, as the sum of its events."""
    sql = "SELECT node, sum(points) FROM standing GROUP BY node"
    with closing(sqlite3.connect(path)) as db:
        return dict(db.execute(sql).fetchall())


def _count(db: sqlite3.Connection, table: str) -> int:
    count: int = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
    return count


def _check_tasks(db: sqlite3.Connection, said: Said, owners: Mapping[str, str]) -> None:
    """What was answered is stored, with what it did to the node's standing."""
    sql = "SELECT id, member, node FROM tasks WHERE state = 'done'"
    done = {task: (member, node) for task, member, node in db.execute(sql)}
    sql = "SELECT cause, node FROM standing WHERE change = 'completed'"
    earned = Counter(db.execute(sql).fetchall())
    assert set(earned.values()) <= {1}, "a task is counted twice"
    assert len(set(said.tasks)) == len(said.tasks), "a task is answered twice"
    for task, (asker, node) in done.items():
        worked = owners[node] != asker
        assert earned[f"task:{task}", node] == worked, f"what {task} earned is gone"
    for task, member in said.tasks:
        assert task in done, f"{task} was answered, and is gone"
        assert done[task][0] == member


def _check_points(db: sqlite3.Connection) -> None:
    """Each total is the sum up to there; nobody is blamed for kills."""
    points = Counter[tuple[str, str]]()
    held = Counter[tuple[str, str]]()
    sql = "SELECT node, member, change, points, held, total FROM standing ORDER BY seq"
    for node, member, change, more, escrow, total in db.execute(sql):
        assert change not in BLAME, change
        points[node, member] += more
        held[node, member] += escrow
        assert points[node, member] == total
        assert held[node, member] >= 0


def _check_bookings(entries: list[Any], said: Said) -> None:
    """What was booked is there once, whatever month the second try was in."""
    found = defaultdict[tuple[str, str, str], list[int]](list)
    for entry in entries:
        kind, _, member, reference, *_ = (*entry["key"].split(":", 3), "", "", "")
        amount = sum(max(minor, 0) for _, _, minor in entry["lines"])
        found[kind, member, reference].append(amount)
    for kind, member, reference, amount in said.bookings:
        assert found[kind, member, reference] == [amount], (kind, member, reference)
    for kind, member, reference in found:
        if kind in ("fee", "credit", "payout"):
            assert len(found[kind, member, reference]) == 1, "booked twice"


def _check_audit(db: sqlite3.Connection, entries: list[Any]) -> None:
    """The audit log names each booking, and no other."""
    sql = "SELECT action, object FROM audit WHERE action IN (?, ?, ?, ?)"
    named = {(_ACTIONS[a], o) for a, o in db.execute(sql, tuple(_ACTIONS))}
    kinds = tuple(_ACTIONS.values())
    keys = [entry["key"].partition(":") for entry in entries]
    booked = {
        (kind, rest if kind == "close" else f"{kind}:{rest}")
        for kind, _, rest in keys
        if kind in kinds
    }
    assert named == booked, "the audit log lacks a booking"


def _check_closes(
    db: sqlite3.Connection, entries: list[Any], said: Said, key: bytes
) -> dict[str, bytes]:
    """Closes follow each other, say what the ledger says, and settle what they list."""
    settled = defaultdict[str, set[str]](set)
    for task, month in db.execute("SELECT task, month FROM settled"):
        settled[month].add(task)
    paid = {
        entry["key"].removeprefix("close:"): entry["lines"]
        for entry in entries
        if entry["key"].startswith("close:")
    }
    sql = "SELECT month, at, statement, closing FROM closes ORDER BY seq"
    statements: dict[str, bytes] = {}
    ats: dict[str, float] = {}
    previous = None
    for month, at, statement, kept in db.execute(sql):
        report = verify_statement(statement, key, previous=previous)
        assert report.statement.month == month
        _check_close(report, paid.pop(month), json.loads(kept)["items"], settled[month])
        statements[month], ats[month], previous = statement, at, statement
    assert paid == {}, "the ledger has a close that is none"
    assert said.closes.items() <= ats.items(), "a close is gone"
    assert said.statements.items() <= statements.items(), "a statement has changed"
    return statements


def _check_close(
    report: Report, lines: list[Any], items: list[Any], settled: set[str]
) -> None:
    got = sorted(-minor for account, _, minor in lines if account[:7] == "member:")
    assert got == sorted(leaf.minor for leaf in report.leaves if leaf.minor)
    assert sum(got) + report.statement.carry == report.statement.pool
    final = {b64decode(each["task"]).hex() for each in items if each["status"] in FINAL}
    assert final == settled, "what it lists is not what it settled"
