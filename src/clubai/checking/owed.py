"""What a `Checker` has to know of standing, and tells it."""

from __future__ import annotations

from typing import Protocol

from clubai.core.standing import Owed
from clubai.model import NodeId
from clubai.reputation.facts import CheckEnded
from clubai.verification.review import Evidence


class Standing(Protocol):
    """Who is to be checked, by whom others are judged, and what came of it."""

    async def next_owed(self) -> Owed:
        """The next audit that is owed; waits while there is none.

        Several may wait at once. Whoever gets one ends it, by `tell` or by `dropped`.
        """

    def dropped(self, owed: Owed, why: str, *, unclear: bool = False) -> None:
        """The audit did not take place, or told nothing: it may come up again.

        `unclear`: the node did answer, and it could not be compared. The first such
        audit is owed again.
        """

    def trusted(self) -> tuple[NodeId, ...]:
        """The nodes that an operator made references."""

    def in_probation(self, node: NodeId) -> bool:
        """Whether a node is new: its audits take place whatever they cost."""

    def doubted(self, node: NodeId) -> bool:
        """Whether a node is suspended or under review: it is no reference."""

    async def keep(self, evidence: Evidence) -> None:
        """Keep what a review shows. Raises `StorageError`."""

    async def tell(self, fact: CheckEnded) -> None:
        """An audit has ended; its evidence is kept. Raises `StorageError`."""
