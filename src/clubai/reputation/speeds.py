"""What "fast" is: at most half of what such an answer usually takes."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from typing import Final

from clubai.model import Kind

FAST_SHARE: Final = 0.5
"""Of the median."""
KEPT: Final = 101
"""Newest durations in the median."""
LEAST: Final = 20
"""Durations before anything is fast."""
_MOST_CLASSES: Final = 4096


class Usual:
    """The newest durations of one class, and their median."""

    __slots__ = ("_newest", "_sorted")

    def __init__(self) -> None:
        self._newest: deque[float] = deque()
        self._sorted: list[float] = []

    @property
    def median(self) -> float:
        """Seconds; 0 while there are fewer than `LEAST` durations."""
        count = len(self._sorted)
        return self._sorted[count // 2] if count >= LEAST else 0.0

    def add(self, seconds: float) -> None:
        """Take one duration in; the oldest of more than `KEPT` goes."""
        newest, in_order = self._newest, self._sorted
        if len(newest) == KEPT:
            del in_order[bisect_left(in_order, newest.popleft())]
        newest.append(seconds)
        insort(in_order, seconds)


class Speeds:
    """Durations by class: model, kind of request, and length to a power of two."""

    __slots__ = ("_classes",)

    def __init__(self) -> None:
        self._classes: dict[tuple[str, Kind, int], Usual] = {}

    def fast(self, model: str, kind: Kind, tokens: int, seconds: float) -> bool:
        """Whether this answer was fast, by those before it; it is then one of them."""
        key = (model, kind, tokens.bit_length())
        usual = self._classes.get(key)
        if usual is None:
            if len(self._classes) >= _MOST_CLASSES:
                del self._classes[next(iter(self._classes))]
            usual = self._classes[key] = Usual()
        fast = seconds <= FAST_SHARE * usual.median
        usual.add(seconds)
        return fast
