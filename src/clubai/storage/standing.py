"""Events of standing as they are kept: added to, never changed, never taken away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from clubai.model import NodeId, TaskFacts
from clubai.reputation.events import StandingEvent


class StandingStore(Protocol):
    """What a store promises of standing; it raises as `Store` does.

    An event whose `seq` is there already is a `StorageError`, and then nothing of the
    call is kept. Events may come in any order: who numbers them sees to the gaps.
    """

    async def append_standing(self, events: Sequence[StandingEvent]) -> None:
        """Add events in one transaction."""

    async def append_tasks_and_standing(
        self, tasks: Sequence[TaskFacts], events: Sequence[StandingEvent]
    ) -> None:
        """Add ended tasks and what follows from them, in one transaction.

        A task whose id is there is skipped.
        """

    async def standing_events(
        self, *, since: int = 0, node: NodeId | None = None, limit: int | None = None
    ) -> list[StandingEvent]:
        """Those with a `seq` of `since` or more, in its order; at most `limit`."""
