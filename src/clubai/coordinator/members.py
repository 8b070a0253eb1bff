"""What those who look after a club see of its members, and may change about them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from clubai.coordinator.audit import AuditLog
from clubai.coordinator.grants import Member, require_role
from clubai.errors import ConfigError, PermissionDenied
from clubai.model import MemberId
from clubai.storage.access import AccessStore, AuditRow
from clubai.storage.base import Role


class MemberSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of a member."""

    id: MemberId
    name: str
    role: Role
    created_at: float


class Members:
    """The members of one coordinator, for those who look after them.

    Args:
        store: Where they are.
        audit: What is done to them is written there.
        changed: Told whose role may have changed, before anybody relies on it.
    """

    def __init__(
        self,
        store: AccessStore,
        *,
        audit: AuditLog,
        changed: Callable[[MemberId], None],
    ) -> None:
        self._store = store
        self._audit = audit
        self._changed = changed

    async def all(self, asker: Member) -> list[MemberSummary]:
        """All members, oldest first.

        Raises:
            PermissionDenied: the asker is no operator, moderator or auditor.
        """
        require_role(asker, "listing members", "operator", "moderator", "auditor")
        return [
            MemberSummary(
                id=row.id, name=row.name, role=row.role, created_at=row.created_at
            )
            for row in await self._store.members()
        ]

    async def set_role(self, asker: Member, member: MemberId, role: Role) -> None:
        """Give a member a role. It counts at once, for what is connected too.

        Raises:
            PermissionDenied: the asker is no operator, or nobody would be one.
            ConfigError: there is no such member.
        """
        require_role(asker, "giving a role", "operator")
        try:
            outcome = await self._store.set_role(member, role)
        finally:
            self._changed(member)
        if outcome == "unknown":
            raise ConfigError("member", member[:64], "there is no such member")
        if outcome == "last_operator":
            reason = "this is the last operator: make another one first"
            raise PermissionDenied("giving a role", reason)
        await self._audit.write(
            "role.changed", actor=asker.id, object=member, detail=role
        )

    async def read_audit(
        self, asker: Member, *, limit: int, before: int | None = None
    ) -> list[AuditRow]:
        """The newest lines of the audit log, newest first.

        Raises:
            PermissionDenied: the asker is no operator or auditor.
        """
        require_role(asker, "reading the audit log", "operator", "auditor")
        return await self._audit.entries(limit=limit, before=before)
