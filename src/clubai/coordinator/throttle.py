"""How often somebody may try: a bucket of tries for each name or address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from clubai.errors import RateLimited
from clubai.transport.addresses import address_key as address_key

LONGEST_DELAY_S: Final = 900.0
"""The delay doubles up to this, and is forgotten after as long a rest."""


class _Bucket(msgspec.Struct):
    left: float
    at: float
    delay: float = 0.0
    """0: there is none. Else each try costs this wait, and doubles it."""
    until: float = 0.0
    before: tuple[float, float] = (0.0, 0.0)
    """Delay and until before the last try."""


class Tries:
    """Tries that refill evenly, `per_minute` of them and at most as many saved up.

    With `doubling`, whoever goes on when none is left gets one try after a delay that
    doubles each time, up to a quarter of an hour. Asking again before the delay is
    over changes nothing, and a quarter of an hour without a try ends it.

    It remembers the `limit` keys that tried last: whoever tried longer ago has the
    most tries again.
    """

    def __init__(
        self,
        what: str,
        *,
        per_minute: int,
        clock: Callable[[], float],
        doubling: bool = False,
        limit: int = 4096,
    ) -> None:
        self._what = what
        self._most = per_minute
        self._per_second = per_minute / 60
        self._clock = clock
        self._doubling = doubling
        self._limit = limit
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key: str) -> None:
        """Use one try of `key`.

        Raises:
            RateLimited: none is left.
        """
        now = self._clock()
        bucket = self._buckets.pop(key, None)
        if bucket is None or (bucket.delay and now >= bucket.until + LONGEST_DELAY_S):
            bucket = _Bucket(float(self._most), now)
        self._buckets[key] = bucket
        if len(self._buckets) > self._limit:
            del self._buckets[next(iter(self._buckets))]
        wait = self._wait_for(bucket, now)
        if wait > 0:
            raise RateLimited(self._what, wait)

    def give_back(self, key: str) -> None:
        """Return the try that was used last: it was a good one."""
        bucket = self._buckets.get(key)
        if bucket is None:
            return
        if bucket.delay:
            bucket.delay, bucket.until = bucket.before
        else:
            bucket.left = min(self._most, bucket.left + 1)

    def forgive(self, key: str) -> None:
        """Give `key` all its tries back, and forget its delay."""
        self._buckets.pop(key, None)

    def _wait_for(self, bucket: _Bucket, now: float) -> float:
        """Use a try; or say how long there is none."""
        if bucket.delay:
            if now < bucket.until:
                return bucket.until - now
            bucket.before = bucket.delay, bucket.until
            bucket.delay = min(bucket.delay * 2, LONGEST_DELAY_S)
            bucket.until = now + bucket.delay
            return 0.0
        refill = max(now - bucket.at, 0.0) * self._per_second
        bucket.left, bucket.at = min(self._most, bucket.left + refill), now
        if bucket.left >= 1:
            bucket.left -= 1
            return 0.0
        wait = (1 - bucket.left) / self._per_second
        if self._doubling:
            bucket.delay, bucket.until = 1 / self._per_second, now + wait
            bucket.before = bucket.delay, bucket.until
        return wait
