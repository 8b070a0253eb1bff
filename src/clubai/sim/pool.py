"""From whom a task's node is drawn: those who are here now, by the judge's weights."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from random import Random
from typing import Final

from clubai.reputation import selection
from clubai.sim.seats import Seat

CANDIDATES: Final = 16
"""Nodes among which one is drawn; the same one may be looked at twice."""
HOURS: Final = 24
"""Of a day."""
_CANDIDATES: Final = range(CANDIDATES)
LOOKS: Final = 4
"""Times that candidates are looked for when none of them may work."""
NOBODY: Final = -1


class Pool:
    """The seats that may be drawn, each by its place."""

    def __init__(self, seats: Sequence[Seat], random: Random) -> None:
        self.weights = [0.0] * len(seats)
        """As the judge says, and 0 for a seat that takes no more today."""
        self._seats = seats
        self._random = random
        self._chance = random.random
        self._online: list[list[int]] = [[]] * HOURS

    def open(self) -> None:
        """Begin a day: whose weight is 0 now is not looked at before the next."""
        willing = [place for place, weight in enumerate(self.weights) if weight > 0]
        if all(self._seats[place].population.hours == HOURS for place in willing):
            self._online = [willing] * HOURS
            return
        self._online = [
            [place for place in willing if self._seats[place].is_here(hour)]
            for hour in range(HOURS)
        ]

    def draw(self, hour: int, without: int = NOBODY) -> int:
        """The place of the seat that is drawn, or `NOBODY`."""
        random, weights, online = self._chance, self.weights, self._online[hour]
        count = len(online)
        if not count:
            return NOBODY
        for _ in range(LOOKS):
            seen = [online[int(count * random())] for _ in _CANDIDATES]
            odds = itemgetter(*seen)(weights)
            if without != NOBODY:
                odds = tuple(
                    0.0 if place == without else weight
                    for place, weight in zip(seen, odds, strict=True)
                )
            if any(odds):
                return seen[selection.draw(odds, self._random)]
        return NOBODY
