"""What an agent checks before it takes a request: that it is meant for this node, now.

The checks are those of the sealing protocol, in its order: the coordinator's signature,
the node, its process and its keys, the clock, replays, and only then the sealed head.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from clubai.crypto.assignment import verify_assignment
from clubai.crypto.binding import bind
from clubai.crypto.epochs import EpochKeys
from clubai.crypto.replay import ReplaySet
from clubai.crypto.sealing import NodeSeal, open_request
from clubai.errors import RemoteProtocolError, TrustError
from clubai.model import FailCode, NodeId, TrustCode
from clubai.protocol.assignment import Assigned, Assignment, decode_assignment
from clubai.protocol.messages import TaskAssign

MOST_SKEW_MS: Final = 120_000
"""How far the coordinator's clock and this machine's may be apart."""

FAIL_CODES: Final = {
    TrustCode.EXPIRED: FailCode.EXPIRED,
    TrustCode.KEY_STALE: FailCode.KEY_STALE,
    TrustCode.STALE_BOOT: FailCode.KEY_STALE,
    TrustCode.TOO_MUCH: FailCode.TOO_BIG,
}
"""What the coordinator is told; all other codes are `OPEN_FAILED`."""


class Admitted(NamedTuple):
    """A request that may come in: its records follow."""

    assigned: Assigned
    seal: NodeSeal


class Intake:
    """The door of one node's process."""

    def __init__(
        self,
        *,
        node: NodeId,
        boot: bytes,
        keys: EpochKeys,
        replays: ReplaySet,
        wall_ms: Callable[[], int],
    ) -> None:
        self._node = node
        self._boot = boot
        self._keys = keys
        self._replays = replays
        self._wall_ms = wall_ms

    def admit(self, message: TaskAssign, *, coordinator_key: bytes) -> Admitted:
        """Check one assignment and open its head; `coordinator_key` is the pinned one.

        Raises:
            TrustError: it is not for this node, not now, or not from this club.
        """
        now_ms = self._wall_ms()
        assignment, assigned = self._read(message, coordinator_key)
        private_key = self._check_node(assigned)
        _check_clock(assignment, now_ms)
        binding = bind(assignment, assigned, message.body)
        self._replays.admit(
            message.enc_head, expires_ms=assignment.expires_ms, now_ms=now_ms
        )
        seal = open_request(binding, message.enc_head, message.commit, private_key)
        return Admitted(assigned, seal)

    def _read(
        self, message: TaskAssign, coordinator_key: bytes
    ) -> tuple[Assignment, Assigned]:
        verify_assignment(coordinator_key, message.body, message.sig)
        try:
            assignment = decode_assignment(message.body)
        except RemoteProtocolError as error:
            raise TrustError(TrustCode.BAD_ASSIGNMENT, error.reason) from error
        assigned = assignment.find(message.part, message.attempt)
        if assignment.task != message.task or assigned is None:
            raise TrustError(
                TrustCode.WRONG_ASSIGNMENT, "the assignment is for another task"
            )
        return assignment, assigned

    def _check_node(self, assigned: Assigned) -> X25519PrivateKey:
        if assigned.node != self._node:
            raise TrustError(
                TrustCode.WRONG_ASSIGNMENT, "the assignment is for another node"
            )
        if assigned.boot != self._boot:
            raise TrustError(
                TrustCode.STALE_BOOT, "the assignment is for an earlier process"
            )
        private_key = self._keys.private(sha256(assigned.bundle).digest())
        if private_key is None:
            raise TrustError(TrustCode.KEY_STALE, "the node's keys have changed")
        return private_key


def _check_clock(assignment: Assignment, now_ms: int) -> None:
    skew_ms = now_ms - assignment.issued_ms
    if abs(skew_ms) > MOST_SKEW_MS:
        raise TrustError(
            TrustCode.EXPIRED,
            f"the assignment is of {abs(skew_ms) / 1000:.0f} s "
            f"{'ago' if skew_ms > 0 else 'ahead'}: set this machine's clock",
        )
    if now_ms >= assignment.expires_ms:
        raise TrustError(TrustCode.EXPIRED, "the assignment has expired")
