"""How often somebody may try: a bucket of tries for each name or address."""

from __future__ import annotations

from collections.abc import Callable

from clubai.errors import RateLimited
from clubai.transport.addresses import address_key as address_key


class Tries:
    """Tries that refill evenly, `per_minute` of them and at most as many saved up.

    It remembers the `limit` keys that tried last: whoever tried longer ago has the
    most tries again.
    """

    def __init__(
        self,
        what: str,
        *,
        per_minute: int,
        clock: Callable[[], float],
        limit: int = 4096,
    ) -> None:
        self._what = what
        self._most = per_minute
        self._per_second = per_minute / 60
        self._clock = clock
        self._limit = limit
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> None:
        """Use one try of `key`.

        Raises:
            RateLimited: none is left.
        """
        now = self._clock()
        left, at = self._left.pop(key, (float(self._most), now))
        left = min(self._most, left + max(now - at, 0.0) * self._per_second)
        enough = left >= 1
        self._left[key] = (left - 1 if enough else left, now)
        if len(self._left) > self._limit:
            del self._left[next(iter(self._left))]
        if not enough:
            raise RateLimited(self._what, (1 - left) / self._per_second)

    def give_back(self, key: str) -> None:
        """Return the try that was used last: it was a good one."""
        if key in self._left:
            left, at = self._left[key]
            self._left[key] = (min(self._most, left + 1), at)
