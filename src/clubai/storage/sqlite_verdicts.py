"""Verdicts in SQLite."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec
from sqlite_utils import Database

from clubai.model import NodeId, VerdictFacts, node_text

if TYPE_CHECKING:
    from clubai.storage.turns import Turns

_COLUMNS: Final = VerdictFacts.__struct_fields__
_APPEND: Final = (
    f"INSERT INTO verdicts ({', '.join(_COLUMNS)})"  # noqa: S608 - our own names
    f" VALUES ({', '.join('?' * len(_COLUMNS))})"
    " ON CONFLICT (task, part, attempt) DO NOTHING"
)
_NEWEST: Final = "SELECT * FROM verdicts ORDER BY seq DESC LIMIT ?"
_KEPT: Final = """
    CREATE TRIGGER verdicts_kept BEFORE DELETE ON verdicts
    BEGIN SELECT RAISE(ABORT, 'verdicts are only added to'); END
"""
_UNCHANGED: Final = """
    CREATE TRIGGER verdicts_unchanged BEFORE UPDATE ON verdicts
    BEGIN SELECT RAISE(ABORT, 'verdicts are only added to'); END
"""


def create_verdicts(db: Database) -> None:
    """Make the table, and the triggers that let it only grow."""
    columns = {
        "task": str,
        "part": int,
        "attempt": int,
        "node": str,
        "member": str,
        "value": int,
        "score_milli": int,
        "checked": int,
        "at_ms": int,
    }
    table = db.table("verdicts").create(
        {"seq": int, **columns}, pk="seq", not_null=set(columns), strict=True
    )
    table.create_index(["task", "part", "attempt"], unique=True)
    table.create_index(["node", "seq"])
    for trigger in (_KEPT, _UNCHANGED):
        db.execute(trigger)


class SqliteVerdicts:
    """A part of `SqliteStore`, which says whose turn it is."""

    _reading: Turns
    _writing: Turns

    async def append_verdicts(self, rows: Sequence[VerdictFacts]) -> None:
        """Add verdicts in one transaction; a second one of an attempt is skipped."""
        if not rows:
            return

        def append(db: Database) -> None:
            with db.atomic():
                db.conn.executemany(_APPEND, map(_values, rows))

        await self._writing.run(append)

    async def verdicts(self, *, limit: int) -> list[VerdictFacts]:
        """The last ones that came, newest first."""
        return await self._reading.run(
            lambda db: [_row(record) for record in db.query(_NEWEST, [max(limit, 0)])]
        )


def _values(row: VerdictFacts) -> list[object]:
    record = msgspec.structs.asdict(row)
    record["task"] = row.task.hex()
    record["node"] = node_text(NodeId(row.node))
    record["checked"] = int(row.checked)
    return [record[name] for name in _COLUMNS]


def _row(record: dict[str, object]) -> VerdictFacts:
    text = str(record["node"]).upper()
    record["task"] = bytes.fromhex(str(record["task"]))
    record["node"] = base64.b32decode(text + "=" * (-len(text) % 8))
    record["checked"] = bool(record["checked"])
    return msgspec.convert(record, VerdictFacts)
