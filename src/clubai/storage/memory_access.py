"""Access in dictionaries: the part of the memory store that keeps it."""

from __future__ import annotations

from collections import Counter

import msgspec

from clubai.errors import StorageError
from clubai.model import MemberId
from clubai.storage.access import (
    Admission,
    AuditRow,
    InviteRow,
    RefreshRow,
    RoleChange,
    Rotation,
)
from clubai.storage.base import MemberRow, Role, TaskRow, name_key


class MemoryAccess:
    """What `AccessStore` promises. Each method acts at once, after its turn."""

    _members: dict[MemberId, MemberRow]
    _member_names: dict[str, MemberId]
    _tasks: dict[bytes, TaskRow]

    def __init__(self) -> None:
        super().__init__()
        self._families: dict[str, RefreshRow] = {}
        self._invites: dict[str, InviteRow] = {}
        self._audit: list[AuditRow] = []

    async def _turn(self) -> None:
        raise NotImplementedError

    async def add_refresh(self, row: RefreshRow, *, keep: int) -> None:
        """Add a family; those of its member that are over, and all but `keep`, go."""
        await self._turn()
        if row.id in self._families:
            raise StorageError("memory://", "there is such a family already")
        self._families[row.id] = row
        mine = [each for each in self._families.values() if each.member == row.member]
        live = [
            each
            for each in mine
            if each.expires_at > row.created_at and each.ended_at is None
        ]
        live.sort(key=lambda each: each.created_at)
        kept = {each.id for each in live[-keep:]}
        for each in mine:
            if each.id not in kept:
                del self._families[each.id]

    async def refresh_family(self, family: str) -> RefreshRow | None:
        """Find a family by its id, an ended one too."""
        await self._turn()
        return self._families.get(family)

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
        await self._turn()
        row = self._families.get(family)
        if row is None or row.ended_at is not None or at >= row.expires_at:
            return "over"
        good = row.digest == digest
        self._families[family] = (
            msgspec.structs.replace(row, digest=successor, expires_at=expires_at)
            if good
            else msgspec.structs.replace(row, ended_at=at)
        )
        return "rotated" if good else "reused"

    async def end_refresh(self, family: str, *, at: float) -> None:
        """End a family; nothing when it is unknown or has ended."""
        await self._turn()
        row = self._families.get(family)
        if row is not None and row.ended_at is None:
            self._families[family] = msgspec.structs.replace(row, ended_at=at)

    async def end_refresh_of(self, member: MemberId, *, at: float) -> None:
        """End every family of a member."""
        await self._turn()
        for row in list(self._families.values()):
            if row.member == member and row.ended_at is None:
                self._families[row.id] = msgspec.structs.replace(row, ended_at=at)

    async def add_invite(self, row: InviteRow, *, most_open: int) -> bool:
        """Add an invite; False when its sponsor has `most_open` open ones."""
        await self._turn()
        mine = [each for each in self._invites.values() if each.sponsor == row.sponsor]
        if sum(each.is_open(row.created_at) for each in mine) >= most_open:
            return False
        if row.id in self._invites or self._invite_of(row.digest):
            raise StorageError("memory://", "there is such an invite already")
        self._invites[row.id] = row
        return True

    async def invite(self, digest: bytes) -> InviteRow | None:
        """Find an invite by its token's SHA-256."""
        await self._turn()
        return self._invite_of(digest)

    async def invites(self, sponsor: MemberId | None = None) -> list[InviteRow]:
        """The invites of a member, or all, oldest first."""
        await self._turn()
        rows = [row for row in self._invites.values() if sponsor in (None, row.sponsor)]
        return sorted(rows, key=lambda row: row.created_at)

    async def revoke_invite(self, invite: str, *, at: float) -> bool:
        """End an open invite by its id; False when it was used, revoked or unknown."""
        await self._turn()
        row = self._invites.get(invite)
        if row is None or row.used_at is not None or row.revoked_at is not None:
            return False
        self._invites[invite] = msgspec.structs.replace(row, revoked_at=at)
        return True

    async def add_invited_member(
        self, row: MemberRow, *, digest: bytes, at: float
    ) -> Admission:
        """Add an account and use the invite up: both, or neither."""
        await self._turn()
        invite = self._invite_of(digest)
        if invite is None or not invite.is_open(at):
            return "no_invite"
        if name_key(row.name) in self._member_names:
            return "name_taken"
        if row.id in self._members:
            raise StorageError("memory://", f"there is a member {row.id!r} already")
        self._invites[invite.id] = msgspec.structs.replace(
            invite, used_at=at, used_by=row.id
        )
        self._members[row.id] = row
        self._member_names[name_key(row.name)] = row.id
        return "added"

    async def members(self) -> list[MemberRow]:
        """All accounts, oldest first."""
        await self._turn()
        return sorted(self._members.values(), key=lambda row: row.created_at)

    async def set_role(self, member: MemberId, role: Role) -> RoleChange:
        """Give a member a role, unless no operator would be left."""
        await self._turn()
        row = self._members.get(member)
        if row is None:
            return "unknown"
        operators = [
            each.id for each in self._members.values() if each.role == "operator"
        ]
        if operators == [member] and role != "operator":
            return "last_operator"
        self._members[member] = msgspec.structs.replace(row, role=role)
        return "changed"

    async def append_audit(self, row: AuditRow) -> None:
        """Add a line to the audit log."""
        await self._turn()
        seq = len(self._audit) + 1
        self._audit.append(msgspec.structs.replace(row, seq=seq))

    async def audit(
        self, *, limit: int, before: int | None = None, object: str | None = None
    ) -> list[AuditRow]:
        """The newest lines, newest first; all, or of one object."""
        await self._turn()
        rows = [
            row
            for row in self._audit
            if (before is None or row.seq < before) and object in (None, row.object)
        ]
        return rows[::-1][: max(limit, 0)]

    async def tokens_of_keys(self, *, since: float) -> dict[str, int]:
        """Prompt and answer tokens of the tasks that ended since then, by API key."""
        await self._turn()
        found: Counter[str] = Counter()
        for row in self._tasks.values():
            if row.key_id and row.ended_at >= since:
                found[row.key_id] += row.prompt_tokens + row.completion_tokens
        return dict(found)

    def _invite_of(self, digest: bytes) -> InviteRow | None:
        found = (row for row in self._invites.values() if row.digest == digest)
        return next(found, None)
