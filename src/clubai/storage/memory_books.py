"""The books in lists and dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from clubai.model import TaskFacts
from clubai.storage.access import AuditRow
from clubai.storage.books import CloseRow, LedgerRow


class MemoryBooks:
    """A part of `MemoryStore`, which says whose turn it is."""

    _tasks: dict[bytes, TaskFacts]
    _audit: list[AuditRow]

    def __init__(self) -> None:
        self._ledger: list[LedgerRow] = []
        self._ledger_keys: set[str] = set()
        self._closes: dict[str, CloseRow] = {}
        self._settled: set[bytes] = set()

    if TYPE_CHECKING:

        async def _turn(self) -> None: ...

    async def ledger(self, *, since: int = 0) -> list[LedgerRow]:
        """The entries with a `seq` of `since` or more, in order."""
        await self._turn()
        return self._ledger[max(since, 0) :]

    async def post(
        self,
        rows: Sequence[LedgerRow],
        *,
        close: CloseRow | None = None,
        settled: Sequence[bytes] = (),
        audit: AuditRow | None = None,
    ) -> bool:
        """Add entries, a close and what it paid; False, and no change, if taken."""
        await self._turn()
        rows, settled = tuple(rows), tuple(settled)
        keys, tasks = {row.key for row in rows}, set(settled)
        length = len(self._ledger)
        if (
            [row.seq for row in rows] != list(range(length, length + len(rows)))
            or (len(keys), len(tasks)) != (len(rows), len(settled))
            or keys & self._ledger_keys
            or tasks & self._settled
            or (close is not None and close.month in self._closes)
        ):
            return False
        self._ledger += rows
        self._ledger_keys |= keys
        self._settled |= tasks
        if close is not None:
            self._closes[close.month] = close
        if audit is not None:
            seq = len(self._audit) + 1
            self._audit.append(msgspec.structs.replace(audit, seq=seq))
        return True

    async def closes(self) -> list[CloseRow]:
        """All closes, in the order in which they were made."""
        await self._turn()
        return list(self._closes.values())

    async def settled_tasks(self) -> set[bytes]:
        """The ids of all tasks that a close has paid."""
        await self._turn()
        return set(self._settled)

    async def tasks_between(self, start: float, end: float) -> list[TaskFacts]:
        """Tasks that ended well from `start` until before `end`, oldest first."""
        await self._turn()
        found = (
            row
            for row in self._tasks.values()
            if row.state == "done" and start <= row.ended_at < end
        )
        return sorted(found, key=lambda row: row.ended_at)
