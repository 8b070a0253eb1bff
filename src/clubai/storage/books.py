"""What is kept of the money: the ledger's rows, the closes, and what they paid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from clubai.model import Redacted, TaskFacts
from clubai.reputation.events import StandingEvent


class LedgerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the ledger. It is never changed and never removed."""

    seq: int
    """From 0, without gaps."""
    ts: str
    """UTC with milliseconds: `2026-01-31T23:59:59.999Z`."""
    key: str
    """Unique."""
    body: bytes
    """The entry's canonical JSON, which the hash is of."""
    hash: bytes
    """Of the chain up to this entry; 32 bytes."""


class CloseRow(Redacted, frozen=True, kw_only=True):
    """One month that was closed."""

    month: str
    """Such as `2026-01`; unique."""
    at: float
    """When, Unix seconds."""
    statement: bytes
    """The statement's file, JSON."""
    secret: bytes
    """From which the month's pseudonyms and salts are made."""
    closing: bytes
    """All that was decided, JSON: for what is shown to each member."""

    def __repr__(self) -> str:
        return f"CloseRow(month={self.month!r})"


class BookStore(Protocol):
    """Where the money's books are kept."""

    async def ledger(self, *, since: int = 0) -> list[LedgerRow]:
        """The rows from number `since` on, in order."""

    async def post(
        self,
        rows: Sequence[LedgerRow],
        *,
        close: CloseRow | None = None,
        settled: Sequence[bytes] = (),
    ) -> bool:
        """Add rows, a close and the tasks that it settled, in one transaction.

        False, and no change, when any number, key, closed month or settled task is
        there already.
        """

    async def closes(self) -> list[CloseRow]:
        """All closes, the earliest month first."""

    async def settled_tasks(self) -> set[bytes]:
        """The ids of all tasks that a close has settled."""

    async def tasks_between(self, start: float, end: float) -> list[TaskFacts]:
        """The tasks that ended well in [start, end), Unix seconds."""

    async def standing_events(self, *, since: int = 0) -> list[StandingEvent]:
        """The events of standing from number `since` on, in order."""
