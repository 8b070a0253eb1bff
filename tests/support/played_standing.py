"""A `Standing` that a test plays: who owes what, and what was told."""

from __future__ import annotations

from collections import deque

import anyio

from clubai.core.standing import Owed
from clubai.errors import StorageError
from clubai.model import NodeId
from clubai.reputation.facts import CheckEnded
from clubai.verification.review import Evidence


class PlayedStanding:
    """Hands out what is put into `owe`; keeps what is told."""

    def __init__(self) -> None:
        self.sure: tuple[NodeId, ...] = ()
        self.new: frozenset[NodeId] = frozenset()
        self.bad: frozenset[NodeId] = frozenset()
        self.told: list[CheckEnded] = []
        self.kept: list[Evidence] = []
        self.drops: list[tuple[Owed, str]] = []
        self.unclear = 0
        self.broken = False
        self._owed: deque[Owed] = deque()
        self._changed = anyio.Event()

    def owe(self, node: NodeId, model: str = "m") -> None:
        self._owed.append(Owed(node=node, model=model))
        self._ring()

    async def next_owed(self) -> Owed:
        while not self._owed:
            await self._changed.wait()
        return self._owed.popleft()

    async def ended(self, count: int = 1) -> None:
        """Wait until so many audits have ended, one way or the other."""
        with anyio.fail_after(10):
            while len(self.told) + len(self.drops) < count:
                await self._changed.wait()

    def dropped(self, owed: Owed, why: str, *, unclear: bool = False) -> None:
        self.drops.append((owed, why))
        self.unclear += unclear
        self._ring()

    def trusted(self) -> tuple[NodeId, ...]:
        return self.sure

    def in_probation(self, node: NodeId) -> bool:
        return node in self.new

    def doubted(self, node: NodeId) -> bool:
        return node in self.bad

    async def keep(self, evidence: Evidence) -> None:
        if self.broken:
            raise StorageError("checks", "the disk is full")
        self.kept.append(evidence)

    async def tell(self, fact: CheckEnded) -> None:
        self.told.append(fact)
        self._ring()

    def _ring(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()
