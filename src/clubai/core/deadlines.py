"""When to look at what again: one heap, with lazy deletion.

A wake-up is a promise to look, not the decision itself: it may come early, never late.
So whoever extends a time (a heartbeat, a renewed lease) does nothing here, and asks for
the next wake-up when the early one comes. That keeps a heartbeat free of heap work.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from heapq import heapify, heappop, heappush
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_SLACK: Final = 64
"""Dead entries that are tolerated beside as many as live ones."""


class Deadlines(Generic[K]):
    """The wake-ups of one kind of thing, at most one a key.

    `grain_s` rounds up to its multiples, so that many keys share a wake-up.
    """

    __slots__ = ("_count", "_grain_s", "_heap", "_when")

    def __init__(self, *, grain_s: float = 0.0) -> None:
        self._heap: list[tuple[float, int, K]] = []
        self._when: dict[K, float] = {}
        self._grain_s = grain_s
        self._count = 0

    def __len__(self) -> int:
        return len(self._when)

    def wake(self, key: K, *, by: float) -> None:
        """Wake `key` at `by` or earlier: one that is due sooner stays as it is."""
        if self._grain_s:
            by = math.ceil(by / self._grain_s) * self._grain_s
        if self._when.get(key, math.inf) <= by:
            return
        self._when[key] = by
        self._count += 1
        heappush(self._heap, (by, self._count, key))
        if len(self._heap) > 2 * len(self._when) + _SLACK:
            self._heap = [entry for entry in self._heap if self._is_live(entry)]
            heapify(self._heap)

    def forget(self, key: K) -> None:
        """Drop the wake-up of `key`, if it has one."""
        self._when.pop(key, None)

    def next(self) -> float:
        """When the earliest wake-up is due, infinity: never; amortised O(log n)."""
        while self._heap and not self._is_live(self._heap[0]):
            heappop(self._heap)
        return self._heap[0][0] if self._heap else math.inf

    def take_due(self, now: float) -> list[K]:
        """Remove and give the keys whose time has come, earliest first."""
        due: list[K] = []
        while self._heap and self._heap[0][0] <= now:
            entry = heappop(self._heap)
            if self._is_live(entry):
                del self._when[entry[2]]
                due.append(entry[2])
        return due

    def _is_live(self, entry: tuple[float, int, K]) -> bool:
        return self._when.get(entry[2]) == entry[0]
