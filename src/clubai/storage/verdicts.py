"""Verdicts as they are kept: append-only, and without a word of what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from clubai.model import VerdictFacts


class VerdictStore(Protocol):
    """Where verdicts are kept."""

    async def append_verdicts(self, rows: Sequence[VerdictFacts]) -> None:
        """Add verdicts in one transaction; a second one of an attempt is skipped."""

    async def verdicts(self, *, limit: int) -> list[VerdictFacts]:
        """The last ones that came, newest first."""
