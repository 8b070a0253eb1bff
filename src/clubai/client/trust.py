"""Stand-in until the key log's own module is merged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from clubai.crypto.bundles import Bundle
from clubai.errors import TrustError
from clubai.model import TrustCode


class Trust:
    """What a client knows of its club."""

    def __init__(self) -> None:
        self.coordinator_key = b""

    @classmethod
    def in_memory(cls) -> Trust:
        """Nothing is known yet."""
        return cls()

    @classmethod
    def of_own_process(cls, key: bytes) -> Trust:
        """The coordinator is this process."""
        trust = cls()
        trust.coordinator_key = key
        return trust

    def pin_coordinator(self, key: bytes) -> None:
        """Keep the first key."""
        if not self.coordinator_key:
            self.coordinator_key = key
        if self.coordinator_key != key:
            raise TrustError(TrustCode.COORDINATOR_CHANGED, "the key is another one")

    async def examine(
        self,
        bundle: Bundle,
        own_sig: bytes,
        checkpoint: bytes,
        fetch: Callable[[str], Awaitable[bytes]],
    ) -> None:
        """Check a node's keys."""
