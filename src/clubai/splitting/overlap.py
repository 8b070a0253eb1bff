"""How much of the text before a span is repeated in front of it."""

from __future__ import annotations

from bisect import bisect_left

from clubai.splitting.borders import Borders
from clubai.splitting.cutting import Count


class Overlap:
    """The overlaps of one document: at most `room` tokens, and with the span `most`."""

    def __init__(
        self, document: str, borders: Borders, *, count: Count, room: int, most: int
    ) -> None:
        self._document = document
        self._borders = borders
        self._count = count
        self._room = room
        self._most = most

    def start(self, fresh: int, end: int) -> int:
        """Where the chunk starts whose fresh text is from `fresh` to `end`.

        That is the first border that leaves both counts low enough: of a sentence or a
        line, or of a word when the last sentence is too long. With `fresh` itself there
        is no overlap.
        """
        if self._room == 0 or fresh == 0:
            return fresh

        def fits(start: int) -> bool:
            repeated, text = self._document[start:fresh], self._document[start:end]
            return (
                self._count(repeated) <= self._room and self._count(text) <= self._most
            )

        earliest = self._earliest(fresh)
        for level in (self._borders.whole, len(self._borders) - 1):
            borders = self._borders[level]
            first, last = bisect_left(borders, earliest), bisect_left(borders, fresh)
            first = bisect_left(borders, True, first, last, key=fits)
            for start in borders[first:last]:
                if not self._document[start].isspace() and fits(start):
                    return start
        return fresh

    def _earliest(self, fresh: int) -> int:
        """An offset before which no overlap starts: all text is not counted for it."""
        start = fresh
        while start > 0 and self._count(self._document[start:fresh]) <= self._room:
            start = max(fresh - max(2 * (fresh - start), self._room), 0)
        return start
