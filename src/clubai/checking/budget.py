"""How much of the club's work may be checks."""

from __future__ import annotations

from collections import deque
from typing import Final

DAY_S: Final = 86_400.0
FREE_TOKENS: Final = 20_000
"""Tokens a day that checks may always use: a club that does little must be checked,
too."""
FEWEST_S: Final = 60.0
"""Between two counts of the club's tokens that are kept."""


class Budget:
    """The share of checks among all tokens of the last day.

    It begins anew with the process: for a day after a start it knows only what has
    been since.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._spent: deque[tuple[float, int]] = deque()
        self._counted: deque[tuple[float, int]] = deque()
        """The club's tokens since the start, by when that was counted."""

    def spend(self, tokens: int, *, now: float) -> None:
        """A check used so many tokens."""
        self._spent.append((now, tokens))
        self._forget(now)

    def count(self, tokens: int, *, now: float) -> None:
        """The club's nodes used so many tokens since it started, checks included."""
        if not self._counted or now - self._counted[-1][0] >= FEWEST_S:
            self._counted.append((now, tokens))
        self._forget(now)

    def allows(self, tokens: int, *, now: float) -> bool:
        """Whether one more check fits; `tokens` are the club's since it started."""
        self.count(tokens, now=now)
        spent = sum(each for _, each in self._spent)
        if spent < FREE_TOKENS:
            return True
        return spent < self._share * (tokens - self._before(now))

    def _before(self, now: float) -> int:
        """The club's tokens a day ago."""
        at, tokens = self._counted[0]
        return tokens if now - at >= DAY_S else 0

    def _forget(self, now: float) -> None:
        while self._spent and now - self._spent[0][0] >= DAY_S:
            self._spent.popleft()
        while len(self._counted) > 1 and now - self._counted[1][0] >= DAY_S:
            self._counted.popleft()
