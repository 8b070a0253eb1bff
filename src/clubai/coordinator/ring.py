"""The last so many of a row of numbered things: pure, bounded, O(1) for each added."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

T = TypeVar("T")

RING_SIZE: Final = 10_000


class Ring(Generic[T]):
    """Keeps the last `size` things; the first one that is added has number 1."""

    def __init__(self, size: int = RING_SIZE) -> None:
        self.size = size
        self.last = 0
        """Number of the last one; 0: there is none."""
        self._places: list[T | None] = [None] * size

    def add(self, thing: T) -> None:
        """Add the one with number `last + 1`; the oldest may go for it."""
        self.last += 1
        self._places[self.last % self.size] = thing

    def put(self, number: int, thing: T) -> None:
        """Replace one that is kept."""
        self._places[number % self.size] = thing

    @property
    def first(self) -> int:
        """Number of the oldest that is kept; `last + 1` when there is none."""
        return max(self.last - self.size, 0) + 1

    def has_after(self, seq: int) -> bool:
        """Whether all that came after number `seq` is kept, and `seq` has been."""
        return self.first - 1 <= seq <= self.last

    def after(self, seq: int, limit: int) -> list[T]:
        """Those after number `seq`, oldest first, at most `limit`.

        Of what is not kept nothing is said: ask `has_after` first.
        """
        begin = max(seq + 1, self.first)
        end = min(self.last + 1, begin + max(limit, 0))
        found = (self._places[number % self.size] for number in range(begin, end))
        return [thing for thing in found if thing is not None]
