"""Events of standing in SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec
from sqlite_utils import Database

from clubai.model import NodeId, TaskFacts, node_bytes, node_text
from clubai.reputation.events import StandingEvent
from clubai.storage.sqlite_tasks import APPEND_TASK, task_values

if TYPE_CHECKING:
    from clubai.storage.turns import Turns

_COLUMNS: Final = StandingEvent.__struct_fields__
_NODE: Final = _COLUMNS.index("node")
_CHANGE: Final = _COLUMNS.index("change")
_APPEND: Final = (
    f"INSERT INTO standing ({', '.join(_COLUMNS)})"  # noqa: S608 - our own names
    f" VALUES ({', '.join('?' * len(_COLUMNS))})"
)
_ALL: Final = "SELECT * FROM standing WHERE seq >= :since ORDER BY seq LIMIT :limit"
_OF_NODE: Final = """
    SELECT * FROM standing WHERE node = :node AND seq >= :since
    ORDER BY seq LIMIT :limit
"""
_TRIGGER: Final = """
    CREATE TRIGGER standing_{name} BEFORE {event}
    BEGIN SELECT RAISE(ABORT, 'events of standing are only added to'); END
"""
_APPEND_ONLY: Final = {
    "kept": "DELETE ON standing",
    "unchanged": "UPDATE ON standing",
    # INSERT OR REPLACE deletes without asking the trigger above.
    "once": "INSERT ON standing WHEN EXISTS"
    " (SELECT 1 FROM standing WHERE seq = NEW.seq)",
}


def create_standing(db: Database) -> None:
    """Make the table, and the triggers that let it only grow."""
    columns = {
        "at": float,
        "node": str,
        "member": str,
        "change": str,
        "points": int,
        "held": int,
        "total": int,
        "count": int,
        "model": str,
        "cause": str,
        "why": str,
        "by": str,
    }
    db.table("standing").create(
        {"seq": int, **columns}, pk="seq", not_null=set(columns), strict=True
    ).create_index(["node", "seq"])
    for name, event in _APPEND_ONLY.items():
        db.execute(_TRIGGER.format(name=name, event=event))


class SqliteStanding:
    """A part of `SqliteStore`, which says whose turn it is."""

    _reading: Turns
    _writing: Turns

    async def append_standing(self, events: Sequence[StandingEvent]) -> None:
        """Add events; `StorageError`, and no change, when one is there already."""
        await self.append_tasks_and_standing((), events)

    async def append_tasks_and_standing(
        self, tasks: Sequence[TaskFacts], events: Sequence[StandingEvent]
    ) -> None:
        """Add ended tasks and what follows from them, in one transaction."""

        def append(db: Database) -> None:
            with db.atomic():
                db.conn.executemany(APPEND_TASK, map(task_values, tasks))
                db.conn.executemany(_APPEND, map(_values, events))

        await self._writing.run(append)

    async def standing_events(
        self, *, since: int = 0, node: NodeId | None = None, limit: int | None = None
    ) -> list[StandingEvent]:
        """Those with a `seq` of `since` or more, in its order; at most `limit`."""
        values: dict[str, object] = {
            "since": since,
            "limit": -1 if limit is None else max(limit, 0),
        }
        if node is not None:
            values["node"] = node_text(node)
        sql = _ALL if node is None else _OF_NODE
        return await self._reading.run(
            lambda db: [_event(record) for record in db.query(sql, values)]
        )


def _values(event: StandingEvent) -> Sequence[str | float]:
    values = list(msgspec.structs.astuple(event))
    values[_NODE] = node_text(event.node)
    values[_CHANGE] = event.change.value
    return values


def _event(record: dict[str, object]) -> StandingEvent:
    record["node"] = node_bytes(str(record["node"]))
    return msgspec.convert(record, StandingEvent)
