"""Events of standing in a dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from clubai.errors import StorageError
from clubai.model import NodeId, TaskFacts
from clubai.reputation.events import StandingEvent


class MemoryStanding:
    """A part of `MemoryStore`, which says whose turn it is."""

    _tasks: dict[bytes, TaskFacts]

    def __init__(self) -> None:
        self._standing: dict[int, StandingEvent] = {}

    if TYPE_CHECKING:

        async def _turn(self) -> None: ...

    async def append_standing(self, events: Sequence[StandingEvent]) -> None:
        """Add events; `StorageError`, and no change, when one is there already."""
        await self.append_tasks_and_standing((), events)

    async def append_tasks_and_standing(
        self, tasks: Sequence[TaskFacts], events: Sequence[StandingEvent]
    ) -> None:
        """Add ended tasks and what follows from them, all or nothing."""
        await self._turn()
        ended, added = tuple(tasks), {event.seq: event for event in events}
        if len(added) != len(events) or added.keys() & self._standing.keys():
            raise StorageError("memory://", "an event of standing is there already")
        for row in ended:
            self._tasks.setdefault(row.id, row)
        self._standing.update(added)

    async def standing_events(
        self, *, since: int = 0, node: NodeId | None = None, limit: int | None = None
    ) -> list[StandingEvent]:
        """Those with a `seq` of `since` or more, in its order; at most `limit`."""
        await self._turn()
        found = (
            self._standing[seq]
            for seq in sorted(self._standing)
            if seq >= since and node in (None, self._standing[seq].node)
        )
        return list(found if limit is None else islice(found, max(limit, 0)))
