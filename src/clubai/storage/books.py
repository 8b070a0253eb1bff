"""The books of the club as they are kept: the ledger, the closes, and what is settled.

They are only ever added to. A mistake is corrected by an entry that names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from clubai.model import Redacted, TaskFacts, Value
from clubai.storage.access import AuditRow


class LedgerRow(Value, frozen=True, kw_only=True):
    """One entry of the ledger."""

    seq: int
    """From 0 and without gaps."""
    ts: str
    """When it was posted, ISO 8601 in UTC."""
    key: str
    """What it is for; no two entries have the same."""
    body: bytes
    """Canonical JSON of the entry."""
    hash: bytes
    """SHA-256 of the hash before it and the body, 32 bytes."""


class CloseRow(Redacted, frozen=True, kw_only=True):
    """One month that was closed."""

    month: str
    """`2026-01`; a month is closed once."""
    at: float
    statement: bytes
    """What was signed and published."""
    secret: bytes
    """From which the pseudonyms and salts of the month are made."""
    closing: bytes
    """All that the close has computed, for who may see it."""

    def __repr__(self) -> str:
        return f"CloseRow(month={self.month!r}, at={self.at!r})"


class BookStore(Protocol):
    """What a store promises of the books; it raises as `Store` does."""

    async def ledger(self, *, since: int = 0) -> list[LedgerRow]:
        """The entries with a `seq` of `since` or more, in order."""

    async def post(
        self,
        rows: Sequence[LedgerRow],
        *,
        close: CloseRow | None = None,
        settled: Sequence[bytes] = (),
        audit: AuditRow | None = None,
    ) -> bool:
        """Add entries, a close and the ids of the tasks it paid, in one transaction.

        `audit` is the line of the audit log that says who did it: it is there when the
        entries are.

        It is durable against a loss of power when this returns. False, and no change
        at all, when a seq, a key, the month or a task is there already or is given
        twice, or when a seq is not the next one.
        """

    async def closes(self) -> list[CloseRow]:
        """All closes, in the order in which they were made."""

    async def settled_tasks(self) -> set[bytes]:
        """The ids of all tasks that a close has paid."""

    async def tasks_between(self, start: float, end: float) -> list[TaskFacts]:
        """Tasks that ended well from `start` until before `end`, oldest first."""
