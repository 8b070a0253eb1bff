"""What those who look after a club see of its members, and may change about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from clubai.coordinator.audit import AuditLog
from clubai.coordinator.grants import Member, require, require_role
from clubai.errors import ConfigError, PermissionDenied
from clubai.model import MemberId
from clubai.reputation.days import DAY_S, day_at, iso_day
from clubai.storage.access import AuditRow
from clubai.storage.base import Role, Store
from clubai.storage.usage import DayUse, MemberUse

MOST_DAYS: Final = 90
"""Of use that one answer shows."""
_MONTH_DAYS: Final = 30


class MemberSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of a member."""

    id: MemberId
    name: str
    role: Role
    created_at: float
    tasks_today: int = 0
    """Those that ended since the day (UTC) began, failed ones too."""
    tokens_today: int = 0
    """Prompt and answer tokens of these."""
    last_asked_at: float = 0.0
    """When the latest of the tasks that have ended was asked; 0: never."""
    tokens_30d: int = 0
    """Prompt and answer tokens of today and the 29 days before."""


class UsageDay(msgspec.Struct, frozen=True, kw_only=True):
    """What one member used within one day: the tasks that ended in it."""

    day: str
    """Of UTC, as 2026-11-24."""
    tasks: int
    failed: int
    """As many of `tasks` gave no answer."""
    prompt_tokens: int
    completion_tokens: int


class Members:
    """The members of one coordinator, for those who look after them.

    Args:
        store: Where they are.
        audit: What is done to them is written there.
        changed: Told whose role may have changed, before anybody relies on it.
        clock: Unix seconds.
    """

    def __init__(
        self,
        store: Store,
        *,
        audit: AuditLog,
        changed: Callable[[MemberId], None],
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._audit = audit
        self._changed = changed
        self._clock = clock

    async def all(self, asker: Member) -> list[MemberSummary]:
        """All members, oldest first, with what they used.

        Raises:
            PermissionDenied: the asker is no operator, moderator or auditor.
        """
        require_role(asker, "listing members", "operator", "moderator", "auditor")
        today = day_at(self._clock())
        used = await self._store.use_of_members(
            today=today * DAY_S, since=(today - _MONTH_DAYS + 1) * DAY_S
        )
        return [
            MemberSummary(
                id=row.id,
                name=row.name,
                role=row.role,
                created_at=row.created_at,
                **msgspec.structs.asdict(used.get(row.id, MemberUse())),
            )
            for row in await self._store.members()
        ]

    async def usage(
        self, asker: Member, member: MemberId, *, days: int
    ) -> list[UsageDay]:
        """What a member used in the last `days` days, today the last of them.

        Raises:
            PermissionDenied: it is another member, and the asker is no operator.
            ConfigError: there is no such member, or so many days are not shown.
        """
        action = "looking at what a member used"
        require(asker, action, "read")
        if member != asker.id:
            require_role(asker, action, "operator")
        if not 1 <= days <= MOST_DAYS:
            raise ConfigError("days", days, f"give a number from 1 to {MOST_DAYS}")
        if await self._store.member(member) is None:
            raise ConfigError("member", member[:64], "there is no such member")
        last = day_at(self._clock())
        first = last - days + 1
        used = await self._store.use_by_day(member, first=first, last=last)
        return [
            UsageDay(
                day=iso_day(day), **msgspec.structs.asdict(used.get(day, DayUse()))
            )
            for day in range(first, last + 1)
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
        self,
        asker: Member,
        *,
        limit: int,
        before: int | None = None,
        object: str | None = None,
    ) -> list[AuditRow]:
        """The newest lines of the audit log, newest first; all, or of one object.

        Raises:
            PermissionDenied: the asker is no operator or auditor.
        """
        require_role(asker, "reading the audit log", "operator", "auditor")
        return await self._audit.entries(limit=limit, before=before, object=object)
