"""Who was recognised a moment ago, so that most requests need no look-up."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """What was found for a secret, for `seconds` at most, and the `limit` latest.

    It holds hashes, not the secrets. `forget` also keeps out what a look-up that is
    still under way found before: the look-up hands in the `generation` it began in.
    """

    def __init__(
        self, *, clock: Callable[[], float], seconds: float, limit: int
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._limit = limit
        self._found: dict[bytes, tuple[T, float]] = {}
        self.generation = 0

    def get(self, secret: str) -> T | None:
        """What was found for `secret`, when that still counts."""
        key = _key(secret)
        entry = self._found.get(key)
        if entry is None:
            return None
        value, until = entry
        if self._clock() < until:
            return value
        del self._found[key]
        return None

    def put(self, secret: str, value: T, *, until: float, generation: int) -> None:
        """Remember `value` until then at most; not when `forget` came between."""
        if generation != self.generation:
            return
        key = _key(secret)
        self._found.pop(key, None)
        self._found[key] = (value, min(until, self._clock() + self._seconds))
        if len(self._found) > self._limit:
            del self._found[next(iter(self._found))]

    def forget(self, gone: Callable[[T], bool]) -> None:
        """Drop every value of which `gone` is true."""
        self.generation += 1
        self._found = {
            key: entry for key, entry in self._found.items() if not gone(entry[0])
        }

    def __len__(self) -> int:
        return len(self._found)


def _key(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
