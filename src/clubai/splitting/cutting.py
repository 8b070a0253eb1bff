"""Cuts a document into spans that fit, at the strongest borders in reach.

A span goes from its start as far as its tokens reach. There some unit would be cut:
what is between two neighbouring borders of a level. If it fits in a span of its own,
the cut is before it. If not, it is cut at a border of the next weaker level, unless it
starts so late that leaving it to the next span costs little.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Final

from clubai.errors import ConfigError
from clubai.splitting.borders import Borders
from clubai.splitting.graphemes import last_grapheme

Count = Callable[[str], int]
"""Tokens of a text; text with something taken away has not more."""

FULL_ENOUGH: Final = 2 / 3
"""Past this share of its reach, a span ends before a unit that would be cut anyway."""
CHARACTERS_PER_TOKEN: Final = 3
"""The first guess of the reach; each span after the first takes the one before it."""


class Cutter:
    """One document on its way into spans; `room` is the tokens of each span.

    The first span has `most` tokens, as has one whose first character needs them.
    """

    def __init__(
        self, document: str, borders: Borders, *, count: Count, room: int, most: int
    ) -> None:
        self._document = document
        self._borders = borders
        self._count = count
        self._room = room
        self._most = most
        self._guess = CHARACTERS_PER_TOKEN * most

    def ends(self) -> Iterator[int]:
        """Where the spans end; the last end is that of the document.

        Raises:
            ConfigError: a character has more than `most` tokens.
        """
        start = 0
        while start < len(self._document):
            room = self._room_at(start)
            limit = self._reach(start, room)
            end = self._choose(start, limit)
            while self._tokens(start, end) > room:  # less text, and more tokens
                limit = (start + limit) // 2
                end = self._choose(start, limit)
            yield end
            self._guess = max(limit - start, 1)
            start = end

    def _tokens(self, start: int, end: int) -> int:
        return self._count(self._document[start:end])

    def _room_at(self, start: int) -> int:
        first = self._tokens(start, start + 1)
        if first > self._most:
            raise ConfigError(
                "max_tokens",
                self._most,
                f"character {start} of the document alone has {first}: "
                f"allow at least as many",
            )
        return self._most if start == 0 or first > self._room else self._room

    def _reach(self, start: int, room: int) -> int:
        """The furthest end of a span of at most `room` tokens."""

        def tokens(end: int) -> int:
            return self._tokens(start, end)

        size = len(self._document)
        fits, end = start, min(start + self._guess, size)
        while tokens(end) <= room:
            if end == size:
                return size
            fits, end = end, min(2 * end - start, size)
        return fits + bisect_right(range(fits + 1, end), room, key=tokens)

    def _choose(self, start: int, limit: int) -> int:
        """The best end of a span from `start` that may go to `limit`."""
        size = len(self._document)
        if limit == size:
            return size
        enough = start + FULL_ENOUGH * (limit - start)
        for borders in self._borders:
            number = bisect_right(borders, limit)
            border = borders[number - 1] if number else 0
            if border <= start:
                continue
            following = borders[number] if number < len(borders) else size
            if border >= enough or self._fits(border, following, limit - start):
                return border
        return last_grapheme(self._document, start, limit)

    def _fits(self, start: int, end: int, probe: int) -> bool:
        """Whether a unit fits in a span of its own; a long one is not counted whole."""
        while start + probe < end:
            if self._tokens(start, start + probe) > self._room:
                return False
            probe *= 2
        return self._tokens(start, end) <= self._room
