"""Enrolment in SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlite_utils import Database

from clubai.model import MemberId, NodeId, node_bytes, node_text
from clubai.storage.enrolment import (
    EnrolledRow,
    EnrolledState,
    EnrolmentRow,
    EnrolOutcome,
)

if TYPE_CHECKING:
    from clubai.storage.turns import Turns

_DROP_EXPIRED: Final = "DELETE FROM enrolments WHERE member = ? AND expires_at <= ?"
_COUNT_OPEN: Final = "SELECT count(*) FROM enrolments WHERE member = ?"
_COUNT_GOOD: Final = """
    SELECT count(*) FROM enrolments
    WHERE token_hash = ? AND member = ? AND expires_at > ?
"""
_COUNT_OTHERS: Final = """
    SELECT count(*) FROM enrolled_nodes
    WHERE owner = ? AND id <> ? AND state <> 'removed'
"""


class SqliteEnrolment:
    """The part of `SqliteStore` that enrolment uses."""

    if TYPE_CHECKING:
        _writing: Turns
        _reading: Turns

    async def add_enrolment(self, row: EnrolmentRow, *, limit: int) -> bool:
        """Add a token; False, and no change, when the member has `limit` open ones."""

        def add(db: Database) -> bool:
            with db.atomic():
                db.execute(_DROP_EXPIRED, [row.member, row.created_at])
                if _number(db, _COUNT_OPEN, row.member) >= limit:
                    return False
                db.table("enrolments").insert(msgspec.structs.asdict(row))
                return True

        return await self._writing.run(add)

    async def enrolments_of(self, member: MemberId) -> list[EnrolmentRow]:
        """The tokens of a member, oldest first, expired ones too."""
        sql = "SELECT * FROM enrolments WHERE member = ? ORDER BY created_at, rowid"
        return await self._reading.run(
            lambda db: [_enrolment(record) for record in db.query(sql, [member])]
        )

    async def remove_enrolment(self, member: MemberId, enrolment: str) -> bool:
        """End a token of the member; False when they have none of this id."""
        sql = "DELETE FROM enrolments WHERE member = ? AND id = ?"
        return await self._writing.run(
            lambda db: db.execute(sql, [member, enrolment]).rowcount > 0
        )

    async def enrolment(self, token_hash: bytes) -> EnrolmentRow | None:
        """Find a token by its hash."""
        sql = "SELECT * FROM enrolments WHERE token_hash = ?"
        found = await self._reading.run(lambda db: list(db.query(sql, [token_hash])))
        return _enrolment(found[0]) if found else None

    async def enrol_node(
        self, token_hash: bytes, row: EnrolledRow, *, limit: int | None
    ) -> EnrolOutcome:
        """Use a token up and make the node its member's, both or neither."""

        def enrol(db: Database) -> EnrolOutcome:
            with db.atomic():
                values = (token_hash, row.owner, row.enrolled_at)
                if not _number(db, _COUNT_GOOD, *values):
                    return "no_token"
                known = _find(db, row.id)
                if known is not None and known.owner != row.owner:
                    return "foreign"
                if known is not None and known.state == "removed":
                    return "removed"
                others = _number(db, _COUNT_OTHERS, row.owner, node_text(row.id))
                if limit is not None and others >= limit:
                    return "full"
                db.execute("DELETE FROM enrolments WHERE token_hash = ?", [token_hash])
                db.table("enrolled_nodes").insert(_record(row), replace=True)
                return "done"

        return await self._writing.run(enrol)

    async def enrolled_node(self, node: NodeId) -> EnrolledRow | None:
        """Find an enrolled node, a removed one too."""
        return await self._reading.run(lambda db: _find(db, node))

    async def enrolled_nodes(self, owner: MemberId | None = None) -> list[EnrolledRow]:
        """All enrolled nodes, or those of one owner; oldest first."""
        sql = """
            SELECT * FROM enrolled_nodes WHERE ? IS NULL OR owner = ?
            ORDER BY enrolled_at, rowid
        """
        return await self._reading.run(
            lambda db: [_enrolled(record) for record in db.query(sql, [owner, owner])]
        )

    async def set_node_state(
        self, node: NodeId, state: EnrolledState, *, at: float
    ) -> bool:
        """Change a node's state; False when it is unknown, or removed already."""
        sql = """
            UPDATE enrolled_nodes SET state = ?, changed_at = ?
            WHERE id = ? AND state <> 'removed'
        """
        values = [state, at, node_text(node)]
        return await self._writing.run(lambda db: db.execute(sql, values).rowcount > 0)


def _number(db: Database, sql: str, *values: str | bytes | float) -> int:
    return int(db.execute(sql, values).fetchone()[0])


def _find(db: Database, node: NodeId) -> EnrolledRow | None:
    sql = "SELECT * FROM enrolled_nodes WHERE id = ?"
    found = list(db.query(sql, [node_text(node)]))
    return _enrolled(found[0]) if found else None


def _enrolment(record: dict[str, Any]) -> EnrolmentRow:
    return msgspec.convert(record, EnrolmentRow, strict=False)


def _enrolled(record: dict[str, Any]) -> EnrolledRow:
    record["id"] = node_bytes(str(record["id"]))
    return msgspec.convert(record, EnrolledRow)


def _record(row: EnrolledRow) -> dict[str, Any]:
    return {**msgspec.structs.asdict(row), "id": node_text(row.id)}
