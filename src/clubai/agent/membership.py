"""What a node is to its club, for the life of its process: identity, keys, the pin.

It outlives connections: a request that came before is known on the next one too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from anyio import to_thread

from clubai.agent.intake import Admitted, Intake
from clubai.crypto.bundles import Bundle
from clubai.crypto.epochs import EpochKeys
from clubai.crypto.identity import Identity
from clubai.crypto.keyfiles import load_or_create
from clubai.crypto.keys import random_bytes
from clubai.crypto.replay import ReplaySet
from clubai.errors import TrustError
from clubai.model import TrustCode, node_text
from clubai.protocol.messages import TaskAssign

PIN_FILE: Final = "coordinator.pub"
PIN_BYTES: Final = 32


def wall_clock_ms() -> int:
    """This machine's time in Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Membership:
    """One node's process in one club; get one from `open`."""

    def __init__(
        self,
        identity: Identity,
        data: Path,
        keys: EpochKeys,
        *,
        wall_ms: Callable[[], int],
    ) -> None:
        self.identity = identity
        self.boot = random_bytes(16)
        """Fresh for every process: what was sealed to an earlier one is refused."""
        self.wall_ms = wall_ms
        self.coordinator_key = b""
        """The coordinator's, once it has greeted this process."""
        self._data = data
        self._keys = keys
        self._intake = Intake(
            node=identity.node_id,
            boot=self.boot,
            keys=keys,
            replays=ReplaySet(),
            wall_ms=wall_ms,
        )

    @classmethod
    async def open(
        cls,
        identity: Identity,
        data: Path,
        *,
        wall_ms: Callable[[], int] = wall_clock_ms,
    ) -> Self:
        """Read what is in `data`: the node's encryption keys, and the pin.

        Raises:
            ConfigError, StorageError: a file cannot be used; it says what to do.
        """
        keys = await to_thread.run_sync(
            lambda: EpochKeys.open(data / "epochs", identity, now_ms=wall_ms())
        )
        return cls(identity, data, keys, wall_ms=wall_ms)

    def pin(self, key: bytes) -> None:
        """Take the coordinator's key: the first one is kept, and no other one taken.

        Raises:
            TrustError: the club's key is another one than when the node first joined.
            ConfigError, StorageError: the file with the kept one cannot be used.
        """
        path = self._data / PIN_FILE
        kept = load_or_create(path, lambda: key, size=PIN_BYTES)
        if kept != key:
            raise TrustError(
                TrustCode.COORDINATOR_CHANGED,
                f"the coordinator's key is not the one that this node knows: if the "
                f"club really has a new one, remove {str(path)!r}",
            )
        self.coordinator_key = key

    async def refresh(self) -> None:
        """Make a new encryption key, and erase old ones, when it is time.

        Raises:
            ConfigError, StorageError: a file cannot be used.
        """
        now_ms = self.wall_ms()
        if now_ms >= self._keys.next_change_ms:
            await to_thread.run_sync(lambda: self._keys.refresh(now_ms))

    @property
    def bundle(self) -> Bundle:
        """The node's keys as they are now."""
        return self._keys.current

    def made(self, bundle_hash: bytes) -> bool:
        """Whether this node made the bundle."""
        return self._keys.knows(bundle_hash)

    def admit(self, message: TaskAssign) -> Admitted:
        """Check an assignment of the pinned coordinator. Raises `TrustError`."""
        return self._intake.admit(message, coordinator_key=self.coordinator_key)

    def __repr__(self) -> str:
        return f"Membership({node_text(self.identity.node_id)!r})"
