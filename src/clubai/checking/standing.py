"""The standing of a coordinator's nodes, as a `Checker` needs it."""

from __future__ import annotations

import logging
from collections import deque

import anyio

from clubai.coordinator.coordinator import Coordinator
from clubai.core.standing import Owed
from clubai.model import NodeId, node_nickname
from clubai.reputation.facts import CheckEnded
from clubai.storage.checks import CheckRow
from clubai.verification.review import Evidence

logger = logging.getLogger(__name__)

KEPT = 10_000
"""Checks whose evidence is kept."""
PRUNED_EVERY = 500


class ClubStanding:
    """Takes the audits that the coordinator's machine says are owed.

    There is one for a coordinator: it is told when an audit is owed.
    """

    def __init__(self, coordinator: Coordinator) -> None:
        self._owing = coordinator.driver.machine.standing
        self._standings = coordinator.standings
        self._store = coordinator.store
        self._waiting: deque[anyio.Event] = deque()
        self._kept = 0
        self._owing.on_owed = self._ring

    async def next_owed(self) -> Owed:
        """The next audit that is owed; waits while there is none."""
        while (owed := self._owing.take_owed()) is None:
            owing = anyio.Event()
            self._waiting.append(owing)
            try:
                await owing.wait()
            except anyio.get_cancelled_exc_class():
                if owing in self._waiting:
                    self._waiting.remove(owing)
                else:
                    self._ring()  # it was for another one who waits
                raise
        if self._owing.owes_audits:
            self._ring()
        return owed

    def dropped(self, owed: Owed, why: str, *, unclear: bool = False) -> None:
        """The audit told nothing: further work makes the node owe another.

        One that is `unclear` is owed again, once.
        """
        logger.debug("no audit of %s: %s", node_nickname(owed.node), why)
        if unclear:
            self._owing.owe_again(owed)

    def trusted(self) -> tuple[NodeId, ...]:
        """The nodes that are references."""
        return self._standings.trusted()

    def in_probation(self, node: NodeId) -> bool:
        """Whether a node is new, or kept from members' work."""
        return self._standings.in_probation(node)

    def doubted(self, node: NodeId) -> bool:
        """Whether a node is suspended, marked or under review."""
        return self._standings.doubted(node)

    async def keep(self, evidence: Evidence) -> None:
        """Keep what a review shows, and forget the oldest beyond `KEPT`."""
        await self._store.append_check(row_of(evidence))
        self._kept += 1
        if self._kept % PRUNED_EVERY == 0:
            await self._store.prune_checks(KEPT)

    async def tell(self, fact: CheckEnded) -> None:
        """An audit has ended; its evidence is kept."""
        await self._standings.tell(fact)

    def _ring(self) -> None:
        """Wake one of those who wait."""
        if self._waiting:
            self._waiting.popleft().set()


def row_of(evidence: Evidence) -> CheckRow:
    """What the store keeps of a check."""
    return CheckRow(
        id=evidence.check,
        at=evidence.at,
        node=evidence.node,
        model=evidence.model,
        kind=evidence.kind,
        prompt=evidence.prompt,
        expected=evidence.expected,
        got=evidence.got,
        passed=evidence.passed,
        why=evidence.why,
        references=tuple(each.text for each in evidence.references),
    )
