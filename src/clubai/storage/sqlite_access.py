"""Access in SQLite: the part of the SQLite store that keeps it."""

from __future__ import annotations

import sqlite3
from typing import Final, TypeVar

import msgspec
from sqlite_utils import Database

from clubai.model import MemberId
from clubai.storage.access import (
    Admission,
    AuditRow,
    InviteRow,
    RefreshRow,
    RoleChange,
    Rotation,
)
from clubai.storage.base import MemberRow, Role, name_key
from clubai.storage.turns import Turns

T = TypeVar("T")
Row = TypeVar("Row", MemberRow, RefreshRow, InviteRow, AuditRow)
Value = str | bytes | float | None

_COUNT_OPEN: Final = """
    SELECT count(*) FROM invites WHERE sponsor = ? AND expires_at > ?
    AND used_at IS NULL AND revoked_at IS NULL
"""
_USE_INVITE: Final = """
    UPDATE invites SET used_at = :at, used_by = :member
    WHERE digest = :digest AND expires_at > :at
    AND used_at IS NULL AND revoked_at IS NULL
"""
_REVOKE_INVITE: Final = """
    UPDATE invites SET revoked_at = ?
    WHERE id = ? AND used_at IS NULL AND revoked_at IS NULL
"""
_INVITES: Final = "SELECT * FROM invites ORDER BY created_at, rowid"
_INVITES_OF: Final = (
    "SELECT * FROM invites WHERE sponsor = ? ORDER BY created_at, rowid"
)
_NEWEST_AUDIT: Final = "SELECT * FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?"
_NEWEST_AUDIT_OF: Final = (
    "SELECT * FROM audit WHERE seq < ? AND object = ? ORDER BY seq DESC LIMIT ?"
)
_AFTER_ALL: Final = 2**63 - 1
_PRUNE: Final = """
    DELETE FROM refresh_families WHERE member = :member AND (
        expires_at <= :now OR ended_at IS NOT NULL OR id NOT IN (
            SELECT id FROM refresh_families
            WHERE member = :member AND expires_at > :now AND ended_at IS NULL
            ORDER BY created_at DESC, rowid DESC LIMIT :keep))
"""
_ROTATE: Final = """
    UPDATE refresh_families SET digest = :successor, expires_at = :expires_at
    WHERE id = :id AND digest = :digest AND ended_at IS NULL AND expires_at > :at
"""
_END_REUSED: Final = """
    UPDATE refresh_families SET ended_at = :at
    WHERE id = :id AND ended_at IS NULL AND expires_at > :at
"""
_SET_ROLE: Final = """
    UPDATE members SET role = :role WHERE id = :id AND (
        :role = 'operator' OR role != 'operator'
        OR (SELECT count(*) FROM members WHERE role = 'operator') > 1)
"""
_TOKENS: Final = """
    SELECT key_id, sum(prompt_tokens + completion_tokens) FROM tasks
    WHERE ended_at >= ? AND key_id != '' GROUP BY key_id
"""


class SqliteAccess:
    """What `AccessStore` promises, each change in one transaction."""

    _writing: Turns
    _reading: Turns

    async def add_refresh(self, row: RefreshRow, *, keep: int) -> None:
        """Add a family; those of its member that are over, and all but `keep`, go."""

        def add(db: Database) -> None:
            with db.atomic():
                db.table("refresh_families").insert(msgspec.structs.asdict(row))
                names = {"member": row.member, "now": row.created_at, "keep": keep}
                db.execute(_PRUNE, names)

        await self._writing.run(add)

    async def refresh_family(self, family: str) -> RefreshRow | None:
        """Find a family by its id, an ended one too."""
        sql = "SELECT * FROM refresh_families WHERE id = ?"
        return next(iter(await self._read(RefreshRow, sql, family)), None)

    async def rotate_refresh(
        self,
        family: str,
        *,
        digest: bytes,
        successor: bytes,
        at: float,
        expires_at: float,
    ) -> Rotation:
        """Exchange a token, or end its family when it is not the good one."""
        names = {
            "id": family,
            "digest": digest,
            "successor": successor,
            "at": at,
            "expires_at": expires_at,
        }

        def rotate(db: Database) -> Rotation:
            with db.atomic():
                if db.execute(_ROTATE, names).rowcount:
                    return "rotated"
                ended = db.execute(_END_REUSED, {"id": family, "at": at}).rowcount
            return "reused" if ended else "over"

        return await self._writing.run(rotate)

    async def end_refresh(self, family: str, *, at: float) -> None:
        """End a family; nothing when it is unknown or has ended."""
        sql = "UPDATE refresh_families SET ended_at = ?"
        await self._write(f"{sql} WHERE id = ? AND ended_at IS NULL", at, family)

    async def end_refresh_of(self, member: MemberId, *, at: float) -> None:
        """End every family of a member."""
        sql = "UPDATE refresh_families SET ended_at = ?"
        await self._write(f"{sql} WHERE member = ? AND ended_at IS NULL", at, member)

    async def add_invite(self, row: InviteRow, *, most_open: int) -> bool:
        """Add an invite; False when its sponsor has `most_open` open ones."""

        def add(db: Database) -> bool:
            with db.atomic():
                values = (row.sponsor, row.created_at)
                found = db.execute(_COUNT_OPEN, values).fetchone()
                if found[0] >= most_open:
                    return False
                db.table("invites").insert(msgspec.structs.asdict(row))
            return True

        return await self._writing.run(add)

    async def invite(self, digest: bytes) -> InviteRow | None:
        """Find an invite by its token's SHA-256."""
        sql = "SELECT * FROM invites WHERE digest = ?"
        return next(iter(await self._read(InviteRow, sql, digest)), None)

    async def invites(self, sponsor: MemberId | None = None) -> list[InviteRow]:
        """The invites of a member, or all, oldest first."""
        if sponsor is None:
            return await self._read(InviteRow, _INVITES)
        return await self._read(InviteRow, _INVITES_OF, sponsor)

    async def revoke_invite(self, invite: str, *, at: float) -> bool:
        """End an open invite by its id; False when it was used, revoked or unknown."""
        return await self._write(_REVOKE_INVITE, at, invite) > 0

    async def add_invited_member(
        self, row: MemberRow, *, digest: bytes, at: float
    ) -> Admission:
        """Add an account and use the invite up: both, or neither."""
        record = {**msgspec.structs.asdict(row), "name_key": name_key(row.name)}
        use = {"at": at, "member": row.id, "digest": digest}

        def add(db: Database) -> Admission:
            try:
                with db.atomic():
                    if not db.execute(_USE_INVITE, use).rowcount:
                        return "no_invite"
                    db.table("members").insert(record)
            except sqlite3.IntegrityError as error:
                if "name_key" in str(error):
                    return "name_taken"
                raise
            return "added"

        return await self._writing.run(add)

    async def members(self) -> list[MemberRow]:
        """All accounts, oldest first."""
        sql = "SELECT * FROM members ORDER BY created_at, rowid"
        return await self._read(MemberRow, sql)

    async def set_role(self, member: MemberId, role: Role) -> RoleChange:
        """Give a member a role, unless no operator would be left."""

        def change(db: Database) -> RoleChange:
            with db.atomic():
                if db.execute(_SET_ROLE, {"id": member, "role": role}).rowcount:
                    return "changed"
                known = "SELECT count(*) FROM members WHERE id = ?"
                found = db.execute(known, (member,)).fetchone()
            return "last_operator" if found[0] else "unknown"

        return await self._writing.run(change)

    async def append_audit(self, row: AuditRow) -> None:
        """Add a line to the audit log."""
        record = msgspec.structs.asdict(row)
        del record["seq"]
        await self._writing.run(lambda db: db.table("audit").insert(record))

    async def audit(
        self, *, limit: int, before: int | None = None, object: str | None = None
    ) -> list[AuditRow]:
        """The newest lines, newest first; all, or of one object."""
        newest, most = _AFTER_ALL if before is None else before, max(limit, 0)
        if object is None:
            return await self._read(AuditRow, _NEWEST_AUDIT, newest, most)
        return await self._read(AuditRow, _NEWEST_AUDIT_OF, newest, object, most)

    async def tokens_of_keys(self, *, since: float) -> dict[str, int]:
        """Prompt and answer tokens of the tasks that ended since then, by API key."""

        def count(db: Database) -> dict[str, int]:
            return {key: int(n) for key, n in db.execute(_TOKENS, (since,)).fetchall()}

        return await self._reading.run(count)

    async def _read(self, kind: type[Row], sql: str, *values: Value) -> list[Row]:
        return await self._reading.run(
            lambda db: [
                msgspec.convert(record, kind) for record in db.query(sql, values)
            ]
        )

    async def _write(self, sql: str, *values: Value) -> int:
        return await self._writing.run(lambda db: db.execute(sql, values).rowcount)
