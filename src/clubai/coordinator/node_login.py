"""A node's login: a nonce, a signature over it, and a ticket for one connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from clubai.coordinator.accounts import Member
from clubai.coordinator.enrolment import check_clock, wrong_signature
from clubai.coordinator.throttle import Tries, address_key
from clubai.coordinator.tickets import SALT_BYTES, Challenges, Ticket, Tickets
from clubai.crypto.enrolment import new_ticket, token_hash
from clubai.crypto.identity import Identity, verify
from clubai.crypto.keys import random_bytes
from clubai.errors import AuthenticationError, PermissionDenied
from clubai.model import NodeId, node_nickname
from clubai.protocol.login import (
    CHALLENGE_SECONDS,
    Challenge,
    LoginReply,
    LoginRequest,
)
from clubai.protocol.session import login_bytes
from clubai.storage.base import Store
from clubai.storage.enrolment import EnrolledRow
from clubai.transport.addresses import is_loopback

CHALLENGES_PER_MINUTE: Final = 300
TRIES_PER_ADDRESS: Final = 20
LOGINS_PER_NODE: Final = 30
"""In a minute; an agent that comes back does so with growing pauses."""
JOINING: Final = "joining as a node"


class NodeLogins:
    """The logins of one coordinator's nodes. Nonces and tickets are in memory only."""

    def __init__(self, store: Store, *, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._challenges = Challenges(random_bytes(32))
        self._tickets = Tickets()
        # Nobody signs with it: an unknown node costs as much as a known one.
        self._nobody = Identity.generate().key
        self._asked = Tries(
            "challenges from this address",
            per_minute=CHALLENGES_PER_MINUTE,
            clock=clock,
        )
        self._failed = Tries(
            "failed tries of nodes from this address",
            per_minute=TRIES_PER_ADDRESS,
            clock=clock,
        )
        self._per_node = Tries(
            "logins of this node", per_minute=LOGINS_PER_NODE, clock=clock
        )

    def challenge(self, node: NodeId, *, address: str = "") -> Challenge:
        """Give a nonce for one login of `node`, whether it is known or not.

        Raises:
            RateLimited: too many were asked for from this address.
        """
        if _is_counted(address):
            self._asked.take(address_key(address))
        now = self._clock()
        nonce = self._challenges.make(node, random_bytes(SALT_BYTES), now=now)
        return Challenge(nonce=nonce, expires_at=now + CHALLENGE_SECONDS)

    def take_try(self, address: str) -> None:
        """Count a try that may fail; `give_back` it when it was good.

        Raises:
            RateLimited: too many failed from this address.
        """
        if _is_counted(address):
            self._failed.take(address_key(address))

    def give_back(self, address: str) -> None:
        """The try that was counted last was a good one."""
        if _is_counted(address):
            self._failed.give_back(address_key(address))

    async def login(
        self, request: LoginRequest, *, origins: Sequence[str]
    ) -> LoginReply:
        """Give a ticket to a node that proves its key.

        An unknown node is answered as a wrong signature is.

        Raises:
            ConfigError: the node's clock is wrong, or the nonce is not good.
            AuthenticationError: the signature is not good, or the node unknown.
            PermissionDenied: the node waits for its owner, or was removed.
            RateLimited: it logs in too often.
        """
        node, now = NodeId(request.node), self._clock()
        check_clock(request.now_ms, now)
        self._challenges.check(request.nonce, node, now=now)
        row = await self._store.enrolled_node(node)
        key = self._nobody if row is None else row.key
        good = any(verify(key, text, request.sig) for text in _signed(request, origins))
        if row is None or not good:
            raise AuthenticationError(wrong_signature(origins))
        self._per_node.take(node.hex())
        self._challenges.use(request.nonce, node, now=now)
        _check_state(row)
        owner = await self._store.member(row.owner)
        if owner is None:
            raise PermissionDenied(JOINING, "its owner is not a member any more")
        text = new_ticket()
        ticket = self._tickets.put(
            token_hash(text), node=node, boot=request.boot, owner=row.owner, now=now
        )
        return LoginReply(ticket=text, expires_at=ticket.until, owner=owner.name)

    async def redeem(self, text: str) -> tuple[Ticket, Member]:
        """Use a ticket up: whom the connection speaks for, and whose node it is.

        Raises:
            AuthenticationError: it is not good.
        """
        ticket = self._tickets.redeem(token_hash(text), now=self._clock())
        owner = await self._store.member(ticket.owner)
        if owner is None:
            raise AuthenticationError("the node's owner is not a member any more")
        return ticket, Member(owner.id, owner.name, owner.role)

    async def check(self, node: NodeId) -> None:
        """See whether a node that is coming in may do so still.

        Raises:
            PermissionDenied: it was removed meanwhile.
        """
        row = await self._store.enrolled_node(node)
        if row is not None:
            _check_state(row)

    def forget(self, node: NodeId) -> None:
        """Make what the node has of tickets worthless."""
        self._tickets.forget(node)


def _signed(request: LoginRequest, origins: Sequence[str]) -> Iterator[bytes]:
    for origin in origins:
        yield login_bytes(origin, request.nonce, request.boot, request.now_ms)


def _check_state(row: EnrolledRow) -> None:
    nickname = node_nickname(row.id)
    if row.state == "pending":
        raise PermissionDenied(
            JOINING,
            f"node {nickname} waits for its owner: `clubai node confirm {nickname}`,"
            " then start the agent again",
        )
    if row.state == "removed":
        raise PermissionDenied(
            JOINING,
            f"node {nickname} was removed: to lend this machine again, start with a new"
            " identity in another data directory",
        )


def _is_counted(address: str) -> bool:
    """Whether tries are counted: a proxy on this machine speaks for everybody."""
    return bool(address) and not is_loopback(address)
