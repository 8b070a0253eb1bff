"""The audit log: who did what to whom, for those who must be able to tell later.

Lines name ids, never secrets. Nothing changes or removes one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from clubai.coordinator.throttle import Tries, address_key
from clubai.errors import RateLimited
from clubai.storage.access import AccessStore, AuditRow

FAILURES_PER_MINUTE: Final = 30
"""Of failed logins no more are written; the next line says how many were not."""
DETAIL_LENGTH: Final = 256


class AuditLog:
    """Writes to the audit log of one coordinator, and reads it."""

    def __init__(self, store: AccessStore, *, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._failures = Tries(
            "failures", per_minute=FAILURES_PER_MINUTE, clock=clock, limit=1
        )
        self._unwritten = 0
        self.on_written: Callable[[AuditRow], None] = lambda row: None
        """Told each line, once the store has it, by whoever stored it."""

    async def write(
        self, action: str, *, actor: str = "", object: str = "", detail: str = ""
    ) -> None:
        """Add a line.

        Args:
            action: What was done, such as `key.made`.
            actor: The member who did it; empty when nobody is known to have.
            object: The id of what it was done to.
            detail: What else there is to say, without secrets.
        """
        line = self.line(action, actor=actor, object=object, detail=detail)
        await self._store.append_audit(line)
        self.on_written(line)

    def line(
        self, action: str, *, actor: str = "", object: str = "", detail: str = ""
    ) -> AuditRow:
        """A line for now, as `write` adds it: for who stores it with what was done.

        They call `on_written` with it then.
        """
        return AuditRow(
            at=self._clock(),
            actor=actor,
            action=action,
            object=object,
            detail=detail[:DETAIL_LENGTH],
        )

    async def write_failed_login(self, member: str, address: str) -> None:
        """Add that a login failed, unless too many did lately.

        Args:
            member: Id of the member whose name was given; empty: nobody has the name.
                The name itself is not kept: it may be a password in the wrong field.
            address: Where it came from.
        """
        try:
            self._failures.take("")
        except RateLimited:
            self._unwritten += 1
            return
        detail = f"from {address_key(address)}" if address else "from this machine"
        if self._unwritten:
            detail += f"; {self._unwritten} before it were not written down"
            self._unwritten = 0
        await self.write("login.failed", object=member, detail=detail)

    async def entries(
        self, *, limit: int, before: int | None = None, object: str | None = None
    ) -> list[AuditRow]:
        """The newest lines, newest first.

        Args:
            limit: As many at most.
            before: Only those with a lower `seq`.
            object: Only what was done to exactly this one: the id of a member, a key,
                a task or an invite, the nickname of a node, a month.
        """
        return await self._store.audit(limit=limit, before=before, object=object)
