"""Who may come in: connections at once, of all and of one address, and memory.

Decided before a byte of the connection is read. Pure but for `resident_bytes`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from clubai.transport.addresses import Networks, address_key, is_loopback
from clubai.transport.limits import error_body

if TYPE_CHECKING:
    from clubai.transport.limits import ServerLimits

RETRY_AFTER_S: Final = 5
MEMORY_LOOK_S: Final = 1.0
"""Between two looks at how much memory the process has."""

_STATM: Final = Path("/proc/self/statm")
_PAGE_BYTES: Final = 4096


def _response(status: str, message: str, code: str) -> bytes:
    body = error_body(message, code)
    head = (
        f"HTTP/1.1 {status}\r\n"
        f"retry-after: {RETRY_AFTER_S}\r\n"
        "content-type: application/json\r\n"
        f"content-length: {len(body)}\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body


FULL: Final = _response(
    "503 Service Unavailable", "all connections are taken; try again", "overloaded"
)
NO_MEMORY: Final = _response(
    "503 Service Unavailable",
    "the server has no memory for another connection; try again",
    "overloaded",
)
TOO_MANY: Final = _response(
    "429 Too Many Requests",
    "your address has as many connections as one may have",
    "rate_limited",
)


def resident_bytes() -> int:
    """Memory of this process now; 0 where the system does not tell."""
    try:
        return int(_STATM.read_bytes().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return 0


class Doors:
    """Counts the connections of one server."""

    def __init__(
        self, limits: ServerLimits, *, memory: Callable[[], int] = resident_bytes
    ) -> None:
        self._limits = limits
        self._memory = memory
        self._exempt = Networks(limits.trusted_proxies)
        self._open = 0
        self._by_address: Counter[str] = Counter()
        self._looked_at = -MEMORY_LOOK_S
        self._crowded = False

    def refusal(self, address: str, now: float) -> bytes:
        """The response for a connection that may not come in; empty: it may.

        Whoever may is counted until `leave`.
        """
        if self._open >= self._limits.max_connections:
            return FULL
        if self._is_crowded(now):
            return NO_MEMORY
        key = self._key(address)
        if key and self._by_address[key] >= self._limits.max_connections_per_address:
            return TOO_MANY
        self._open += 1
        if key:
            self._by_address[key] += 1
        return b""

    def leave(self, address: str) -> None:
        """A connection that came in is over."""
        self._open -= 1
        key = self._key(address)
        if key:
            self._by_address[key] -= 1
            if not self._by_address[key]:
                del self._by_address[key]

    def _key(self, address: str) -> str:
        """What the connections of `address` are counted by; empty: they are not."""
        if not address or address in self._exempt:
            return ""
        if not self._limits.count_loopback and is_loopback(address):
            return ""
        return address_key(address)

    def _is_crowded(self, now: float) -> bool:
        most = self._limits.max_memory_mb << 20
        if most and now - self._looked_at >= MEMORY_LOOK_S:
            self._looked_at = now
            self._crowded = self._memory() > most
        return self._crowded
