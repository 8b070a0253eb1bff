"""Which sealed requests came before: none is opened twice."""

from __future__ import annotations

import hashlib
import heapq
from typing import Final

from clubai.errors import TrustError
from clubai.model import TrustCode

DEFAULT_LIMIT: Final = 65_536


class ReplaySet:
    """Remembers every sealed head until it has expired.

    It is in memory only: after a restart the node's boot nonce is another, and what was
    sealed to the earlier one does not open.
    """

    __slots__ = ("_expiries", "_horizon_ms", "_limit", "_seen")

    def __init__(self, *, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._seen: set[bytes] = set()
        self._expiries: list[tuple[int, bytes]] = []  # a heap
        # The latest expiry of all that is forgotten: what expires no later may have
        # come before, even when the clock was put back since.
        self._horizon_ms = 0

    def __len__(self) -> int:
        return len(self._seen)

    def admit(self, enc_head: bytes, *, expires_ms: int, now_ms: int) -> None:
        """Let a sealed head pass once. All times are Unix milliseconds.

        Raises:
            TrustError: REPLAYED, when it passed before; EXPIRED, when it has expired or
                could have passed and be forgotten; TOO_MUCH, when the set is full.
        """
        self._forget(now_ms)
        digest = hashlib.sha256(enc_head).digest()
        if digest in self._seen:
            raise TrustError(TrustCode.REPLAYED, "this sealed request came before")
        if expires_ms <= max(now_ms, self._horizon_ms):
            raise TrustError(TrustCode.EXPIRED, "this sealed request has expired")
        if len(self._seen) >= self._limit:
            raise TrustError(
                TrustCode.TOO_MUCH, f"{self._limit} sealed requests have not expired"
            )
        self._seen.add(digest)
        heapq.heappush(self._expiries, (expires_ms, digest))

    def _forget(self, now_ms: int) -> None:
        while self._expiries and self._expiries[0][0] <= now_ms:
            self._horizon_ms, digest = heapq.heappop(self._expiries)
            self._seen.remove(digest)
