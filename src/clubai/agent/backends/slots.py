"""How many requests at once a model server really carries: fewer when they wait."""

from __future__ import annotations

from typing import Final

SLOW_SECONDS: Final = 2.0
SLOW_IN_A_ROW: Final = 3
QUIET_SECONDS: Final = 60.0


class AdaptiveSlots:
    """A number of slots that halves under queueing and grows back one at a time.

    `ceiling` is what the server or the owner says; the limit is never above it and
    never below 1. Three requests in a row that waited more than two seconds inside
    the server halve the limit; every minute without one such request gives one back.
    Pure: times come in as arguments, in seconds.
    """

    def __init__(self, ceiling: int, *, now: float) -> None:
        self._ceiling = max(1, ceiling)
        self._limit = self._ceiling
        self._slow = 0
        self._quiet_since = now

    @property
    def limit(self) -> int:
        """Requests to run at the same time."""
        return self._limit

    def set_ceiling(self, ceiling: int) -> None:
        """Take what a new look at the server found; a rise is not withheld."""
        ceiling = max(1, ceiling)
        if self._limit == self._ceiling or self._limit > ceiling:
            self._limit = ceiling
        self._ceiling = ceiling

    def observe(self, waited: float, *, now: float) -> None:
        """Note how long a request waited in the server before it was begun."""
        if waited <= SLOW_SECONDS:
            self._slow = 0
            return
        self._slow += 1
        self._quiet_since = now
        if self._slow >= SLOW_IN_A_ROW:
            self._slow = 0
            self._limit = max(1, self._limit // 2)

    def advance(self, *, now: float) -> None:
        """Give back a slot for every whole quiet minute that has passed."""
        minutes = int((now - self._quiet_since) // QUIET_SECONDS)
        if minutes > 0:
            self._quiet_since += minutes * QUIET_SECONDS
            self._limit = min(self._ceiling, self._limit + minutes)
