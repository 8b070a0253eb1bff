"""Checks in a dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clubai.errors import StorageError
from clubai.model import NodeId
from clubai.storage.checks import CheckRow


class MemoryChecks:
    """A part of `MemoryStore`, which says whose turn it is."""

    def __init__(self) -> None:
        self._checks: dict[str, CheckRow] = {}

    if TYPE_CHECKING:

        async def _turn(self) -> None: ...

    async def append_check(self, row: CheckRow) -> None:
        """Add a check; `StorageError` when there is one with this id."""
        await self._turn()
        if row.id in self._checks:
            raise StorageError("memory://", f"there is a check {row.id!r} already")
        self._checks[row.id] = row

    async def check(self, check: str) -> CheckRow | None:
        """Find a check by its id; None when it is unknown or was pruned."""
        await self._turn()
        return self._checks.get(check)

    async def checks(self, *, node: NodeId | None = None, limit: int) -> list[CheckRow]:
        """The last ones that came, of all nodes or of one, newest first."""
        await self._turn()
        newest_first = reversed(self._checks.values())
        found = [row for row in newest_first if node in (None, row.node)]
        return found[: max(limit, 0)]

    async def prune_checks(self, keep: int) -> int:
        """Forget all but the last `keep` ones; tells how many it forgot."""
        await self._turn()
        old = list(self._checks)[: max(len(self._checks) - max(keep, 0), 0)]
        for check in old:
            del self._checks[check]
        return len(old)
