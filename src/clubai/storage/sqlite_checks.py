"""Checks in SQLite.

A check is never changed. Unlike the other tables that are added to, old rows may go:
what a check did to a node's standing is kept by the event that names it, and its words
are evidence only for as long as somebody may still ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from sqlite_utils import Database

from clubai.model import NodeId, node_bytes, node_text
from clubai.storage.checks import CheckRow

if TYPE_CHECKING:
    from clubai.storage.turns import Turns

_NEWEST: Final = "SELECT * FROM checks ORDER BY seq DESC LIMIT :limit"
_NEWEST_OF: Final = (
    "SELECT * FROM checks WHERE node = :node ORDER BY seq DESC LIMIT :limit"
)
_PRUNE: Final = """
    DELETE FROM checks WHERE seq <= (
        SELECT seq FROM checks ORDER BY seq DESC LIMIT 1 OFFSET ?
    )
"""
_TRIGGER: Final = """
    CREATE TRIGGER checks_{name} BEFORE {event}
    BEGIN SELECT RAISE(ABORT, 'a check is not changed'); END
"""
_UNCHANGED: Final = {
    "unchanged": "UPDATE ON checks",
    # INSERT OR REPLACE is a change, too.
    "once": "INSERT ON checks WHEN EXISTS"
    " (SELECT 1 FROM checks WHERE seq = NEW.seq OR id = NEW.id)",
}


def create_checks(db: Database) -> None:
    """Make the table, and the triggers that let nothing in it change."""
    columns = {
        "id": str,
        "at": float,
        "node": str,
        "model": str,
        "kind": str,
        "prompt": str,
        "expected": str,
        "got": str,
        "passed": int,
        "why": str,
        "references": str,
    }
    table = db.table("checks").create(
        {"seq": int, **columns}, pk="seq", not_null=set(columns), strict=True
    )
    table.create_index(["id"], unique=True)
    table.create_index(["node", "seq"])
    for name, event in _UNCHANGED.items():
        db.execute(_TRIGGER.format(name=name, event=event))


class SqliteChecks:
    """A part of `SqliteStore`, which says whose turn it is."""

    _reading: Turns
    _writing: Turns

    async def append_check(self, row: CheckRow) -> None:
        """Add a check; `StorageError` when there is one with this id."""
        record = {
            **msgspec.structs.asdict(row),
            "node": node_text(row.node),
            "passed": int(row.passed),
            "references": msgspec.json.encode(row.references).decode(),
        }
        await self._writing.run(lambda db: db.table("checks").insert(record))

    async def check(self, check: str) -> CheckRow | None:
        """Find a check by its id; None when it is unknown or was pruned."""
        sql = "SELECT * FROM checks WHERE id = :id"
        return next(iter(await self._checks(sql, id=check)), None)

    async def checks(self, *, node: NodeId | None = None, limit: int) -> list[CheckRow]:
        """The last ones that came, of all nodes or of one, newest first."""
        limit = max(limit, 0)
        if node is None:
            return await self._checks(_NEWEST, limit=limit)
        return await self._checks(_NEWEST_OF, node=node_text(node), limit=limit)

    async def prune_checks(self, keep: int) -> int:
        """Forget all but the last `keep` ones; tells how many it forgot."""

        def prune(db: Database) -> int:
            with db.atomic():
                return db.execute(_PRUNE, [max(keep, 0)]).rowcount

        return await self._writing.run(prune)

    async def _checks(self, sql: str, **values: object) -> list[CheckRow]:
        return await self._reading.run(
            lambda db: [_row(record) for record in db.query(sql, values)]
        )


def _row(record: dict[str, object]) -> CheckRow:
    record["node"] = node_bytes(str(record["node"]))
    record["passed"] = bool(record["passed"])
    record["references"] = msgspec.json.decode(str(record["references"]))
    return msgspec.convert(record, CheckRow)
