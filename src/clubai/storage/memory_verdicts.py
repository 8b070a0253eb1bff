"""Verdicts in a dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from clubai.model import VerdictFacts


class MemoryVerdicts:
    """A part of `MemoryStore`, which says whose turn it is."""

    def __init__(self) -> None:
        self._verdicts: dict[tuple[bytes, int, int], VerdictFacts] = {}

    if TYPE_CHECKING:

        async def _turn(self) -> None: ...

    async def append_verdicts(self, rows: Sequence[VerdictFacts]) -> None:
        """Add verdicts; a second one of an attempt is skipped."""
        await self._turn()
        for row in tuple(rows):
            self._verdicts.setdefault((row.task, row.part, row.attempt), row)

    async def verdicts(self, *, limit: int) -> list[VerdictFacts]:
        """The last ones that came, newest first."""
        await self._turn()
        return list(reversed(self._verdicts.values()))[: max(limit, 0)]
