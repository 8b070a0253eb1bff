"""Nonces and tickets of one use: pure, for the clock and the random bytes come in.

`Challenges` keeps nothing of a nonce that was asked for, only of one that was used, so
that asking costs the coordinator no memory. `Tickets` keeps one for each node.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import msgspec

from clubai.errors import AuthenticationError, ConfigError, RateLimited
from clubai.model import MemberId, NodeId
from clubai.protocol.login import CHALLENGE_SECONDS, TICKET_SECONDS

SALT_BYTES: Final = 10
_TIME_BYTES: Final = 6
_MAC_BYTES: Final = 16
_LABEL: Final = b"clubai/1 challenge"


class Challenges:
    """Nonces that this coordinator made: each for one node and one use, for a minute.

    A nonce is `u48 expiry_ms || salt 10 || mac 16`; the MAC binds it to the node.
    """

    def __init__(
        self,
        secret: bytes,
        *,
        life_s: float = CHALLENGE_SECONDS,
        limit: int = 65_536,
    ) -> None:
        self._secret = secret
        self._life_s = life_s
        self._limit = limit
        self._used: dict[bytes, float] = {}

    def make(self, node: NodeId, salt: bytes, *, now: float) -> bytes:
        """Make a nonce of 32 bytes; `salt` is random, `SALT_BYTES` long."""
        expiry_ms = int((now + self._life_s) * 1000)
        head = expiry_ms.to_bytes(_TIME_BYTES, "big") + salt
        return head + self._mac(head, node)

    def check(self, nonce: bytes, node: NodeId, *, now: float) -> None:
        """See whether `nonce` could be used, without using it.

        Raises:
            ConfigError: it was made for another node or by another process, or it is
                used or expired.
        """
        head, mac = nonce[:-_MAC_BYTES], nonce[-_MAC_BYTES:]
        good = hmac.compare_digest(mac, self._mac(head, node))
        expiry_ms = int.from_bytes(head[:_TIME_BYTES], "big")
        if not good or now * 1000 >= expiry_ms or nonce in self._used:
            fix = "it is used or expired, or of another node or process: ask again"
            raise ConfigError("nonce", nonce.hex()[:16], fix)

    def use(self, nonce: bytes, node: NodeId, *, now: float) -> None:
        """Use `nonce` up.

        Raises:
            ConfigError: as `check`.
            RateLimited: so many were used lately that no more can be kept.
        """
        self.check(nonce, node, now=now)
        self._drop_expired(now)
        if len(self._used) >= self._limit:
            raise RateLimited("logins of nodes", self._life_s)
        self._used[nonce] = now + self._life_s

    def __len__(self) -> int:
        return len(self._used)

    def _drop_expired(self, now: float) -> None:
        while self._used:
            oldest = next(iter(self._used))
            if self._used[oldest] > now:
                return
            del self._used[oldest]

    def _mac(self, head: bytes, node: NodeId) -> bytes:
        signed = _LABEL + node + head
        return hmac.digest(self._secret, signed, hashlib.sha256)[:_MAC_BYTES]


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a connection speaks for, proved before it began."""

    node: NodeId
    boot: bytes
    owner: MemberId
    until: float


class Tickets:
    """Tickets that are out: one for each node, the newest. Kept by their hashes."""

    def __init__(self, *, life_s: float = TICKET_SECONDS, limit: int = 65_536) -> None:
        self._life_s = life_s
        self._limit = limit
        self._tickets: dict[bytes, Ticket] = {}
        self._hash_of: dict[NodeId, bytes] = {}

    def put(
        self,
        token_hash: bytes,
        *,
        node: NodeId,
        boot: bytes,
        owner: MemberId,
        now: float,
    ) -> Ticket:
        """Keep a new ticket; an earlier one of the node is good no more.

        Raises:
            RateLimited: so many are out that no more can be kept.
        """
        self.forget(node)
        self._drop_expired(now)
        if len(self._tickets) >= self._limit:
            raise RateLimited("logins of nodes", self._life_s)
        ticket = Ticket(node=node, boot=boot, owner=owner, until=now + self._life_s)
        self._tickets[token_hash] = ticket
        self._hash_of[node] = token_hash
        return ticket

    def redeem(self, token_hash: bytes, *, now: float) -> Ticket:
        """Take a ticket out, for the only time.

        Raises:
            AuthenticationError: there is none, or it expired.
        """
        ticket = self._tickets.pop(token_hash, None)
        if ticket is not None:
            del self._hash_of[ticket.node]
        if ticket is None or now >= ticket.until:
            raise AuthenticationError(
                "the ticket is unknown, used or expired: a node logs in for each"
                " connection, at /nodes/login"
            )
        return ticket

    def forget(self, node: NodeId) -> None:
        """Make the node's ticket worthless; nothing when it has none."""
        token_hash = self._hash_of.pop(node, None)
        if token_hash is not None:
            del self._tickets[token_hash]

    def __len__(self) -> int:
        return len(self._tickets)

    def _drop_expired(self, now: float) -> None:
        # They expire in the order in which they were put.
        while self._tickets:
            oldest = next(iter(self._tickets.values()))
            if oldest.until > now:
                return
            self.forget(oldest.node)
