"""Enrolment: how a machine becomes a member's node, and stops being one.

A member makes a one-use token; whoever holds it brings in one node that signs with its
own key. Who may do what is decided here, on the row that it is about: what belongs to
somebody else is answered as what does not exist.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from clubai.coordinator.accounts import Member
from clubai.crypto.enrolment import (
    ENROLMENT_PREFIX,
    new_enrolment_id,
    new_enrolment_token,
    token_hash,
)
from clubai.crypto.identity import node_id, verify
from clubai.errors import AuthenticationError, ConfigError, PermissionDenied
from clubai.model import NICKNAME_LENGTH, NodeId, node_nickname, node_text
from clubai.protocol.login import (
    ENROLMENT_SECONDS,
    ENROLMENTS_PATH,
    SKEW_SECONDS,
    EnrolledNode,
    EnrolmentMade,
    EnrolReply,
    EnrolRequest,
)
from clubai.protocol.session import enrol_bytes
from clubai.storage.base import Store
from clubai.storage.enrolment import EnrolledRow, EnrolmentRow, EnrolOutcome

logger = logging.getLogger(__name__)

OPEN_PER_MEMBER: Final = 5
OPEN_PER_OPERATOR: Final = 256
MIN_NODE_LENGTH: Final = 4
"""Of the beginning of a node id that names one of somebody's nodes."""
ENROLLING: Final = "enrolling a node"

_UNKNOWN: Final = (
    "the enrolment token is unknown, used or expired: make one with `clubai node enrol`"
)


class EnrolmentSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What can be shown of an enrolment token at any time."""

    id: str
    confirm: bool
    created_at: float
    expires_at: float


class Enrolments:
    """The enrolment tokens and the enrolled nodes of one coordinator."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float],
        max_nodes_member: int,
    ) -> None:
        self._store = store
        self._clock = clock
        self._max_nodes = max_nodes_member

    async def make(
        self,
        member: Member,
        *,
        confirm: bool = False,
        life_s: float = ENROLMENT_SECONDS,
    ) -> EnrolmentMade:
        """Make a token of `member`. Nobody can show it again.

        Args:
            member: Whose node it will be.
            confirm: Whether the member wants to confirm the node that comes by it.
            life_s: How long the token is good.

        Raises:
            ConfigError: `life_s` is not above 0 and at most a day.
            PermissionDenied: the member has as many open ones as one may have.
        """
        if not 0 < life_s <= ENROLMENT_SECONDS:
            fix = f"give seconds above 0, at most {ENROLMENT_SECONDS:.0f}"
            raise ConfigError("life_s", life_s, fix)
        token, now = new_enrolment_token(), self._clock()
        row = EnrolmentRow(
            id=new_enrolment_id(),
            member=member.id,
            token_hash=token_hash(token),
            confirm=confirm,
            created_at=now,
            expires_at=now + life_s,
        )
        limit = OPEN_PER_OPERATOR if member.role == "operator" else OPEN_PER_MEMBER
        if not await self._store.add_enrolment(row, limit=limit):
            reason = (
                f"you have {limit} that are not used: end one"
                f" (DELETE {ENROLMENTS_PATH}/ID), or wait a day"
            )
            raise PermissionDenied("making another enrolment token", reason)
        return EnrolmentMade(
            id=row.id, token=token, expires_at=row.expires_at, confirm=confirm
        )

    async def open_ones(self, member: Member) -> list[EnrolmentSummary]:
        """The tokens of `member` that are good, oldest first, without the secrets."""
        now = self._clock()
        return [
            EnrolmentSummary(
                id=row.id,
                confirm=row.confirm,
                created_at=row.created_at,
                expires_at=row.expires_at,
            )
            for row in await self._store.enrolments_of(member.id)
            if row.expires_at > now
        ]

    async def end(self, member: Member, enrolment: str) -> None:
        """Make a token of `member` worthless.

        Raises:
            PermissionDenied: the member has no such token.
        """
        if not await self._store.remove_enrolment(member.id, enrolment):
            action = f"ending the enrolment token {enrolment[:80]!r}"
            raise PermissionDenied(action, "you have no token with this id")

    async def enrol(
        self, request: EnrolRequest, *, origins: Sequence[str]
    ) -> EnrolReply:
        """Make a node the one of the token's member, and use the token up.

        Args:
            request: What the agent sent.
            origins: The addresses of this coordinator that it may have signed.

        Raises:
            ConfigError: the request contradicts itself, or the node's clock is wrong.
            AuthenticationError: the token or the signature is not good.
            PermissionDenied: this node may not be this member's.
        """
        now = self._clock()
        check_clock(request.now_ms, now)
        node = node_id(request.key)
        if node != request.node:
            fix = "it is not the hash of the key that came with it"
            raise ConfigError("node", node_text(NodeId(request.node)), fix)
        if request.name and not request.name.isprintable():
            fix = "give printable characters only (NODE_ID)"
            raise ConfigError("name", request.name[:80], fix)
        hashed = token_hash(request.token)
        token = None
        if request.token.startswith(ENROLMENT_PREFIX):
            token = await self._store.enrolment(hashed)
        if token is None or token.expires_at <= now:
            raise AuthenticationError(_UNKNOWN)
        signed = [enrol_bytes(request.token, origin, node) for origin in origins]
        if not any(verify(request.key, text, request.sig) for text in signed):
            raise AuthenticationError(wrong_signature(origins))
        return await self._enrol(request, node, token, now)

    async def nodes(
        self, member: Member, *, all_members: bool = False
    ) -> list[EnrolledNode]:
        """The nodes of `member`, oldest first, removed ones too.

        Raises:
            PermissionDenied: `all_members`, and `member` is no operator.
        """
        if all_members and member.role != "operator":
            action = "listing the nodes of all members"
            raise PermissionDenied(action, "you are not an operator")
        rows = await self._store.enrolled_nodes(None if all_members else member.id)
        names = {row.id: row.name for row in await self._store.nodes()}
        return [_shown(row, names.get(row.id, row.name)) for row in rows]

    async def find(self, member: Member, node: str, *, doing: str) -> EnrolledNode:
        """A node of `member`, or any for an operator, that was not removed.

        Args:
            member: Who speaks for it.
            node: Its nickname, or its whole id.
            doing: What the member wants, such as `pausing`: for the error.

        Raises:
            PermissionDenied: there is no such node that the member may speak for.
        """
        among = None if member.role == "operator" else member.id
        action = f"{doing} the node {node[:80]!r}"
        row = await self._find(member, node, action=action, among=among)
        if row.state == "removed":
            raise PermissionDenied(action, "it was removed, and cannot come back")
        return _shown(row)

    async def confirm(self, member: Member, node: str) -> EnrolledNode:
        """Let a pending node of `member` in; nothing when it is in already.

        Args:
            member: The node's owner.
            node: Its nickname, or its whole id.

        Raises:
            PermissionDenied: the member has no such node, or it was removed.
        """
        action = f"confirming the node {node[:80]!r}"
        row = await self._find(member, node, action=action, among=member.id)
        now = self._clock()
        if row.state == "removed" or not await self._store.set_node_state(
            row.id, "enrolled", at=now
        ):
            raise PermissionDenied(action, "it was removed, and cannot come back")
        return _shown(msgspec.structs.replace(row, state="enrolled", changed_at=now))

    async def remove(self, member: Member, node: str) -> EnrolledNode:
        """Keep a node out for good: one of `member`, or any for an operator.

        Whoever calls it ends the node's connection.

        Raises:
            PermissionDenied: there is no such node that the member may remove.
        """
        among = None if member.role == "operator" else member.id
        action = f"removing the node {node[:80]!r}"
        row = await self._find(member, node, action=action, among=among)
        now = self._clock()
        if not await self._store.set_node_state(row.id, "removed", at=now):
            return _shown(row)
        return _shown(msgspec.structs.replace(row, state="removed", changed_at=now))

    async def _enrol(
        self, request: EnrolRequest, node: NodeId, token: EnrolmentRow, now: float
    ) -> EnrolReply:
        owner = await self._store.member(token.member)
        if owner is None:
            raise AuthenticationError(_UNKNOWN)
        row = EnrolledRow(
            id=node,
            key=request.key,
            name=request.name,
            owner=token.member,
            state="pending" if token.confirm else "enrolled",
            enrolled_at=now,
            changed_at=now,
        )
        limit = None if owner.role == "operator" else self._max_nodes
        outcome = await self._store.enrol_node(token.token_hash, row, limit=limit)
        if outcome != "done":
            raise _refusal(outcome, node, limit)
        logger.info("node %s is %s's: %s", node_nickname(node), owner.name, row.state)
        return EnrolReply(node=node_text(node), state=row.state, owner=owner.name)

    async def _find(
        self, member: Member, node: str, *, action: str, among: str | None
    ) -> EnrolledRow:
        wanted = node.strip().lower()
        rows = await self._store.enrolled_nodes()
        found = [
            row
            for row in rows
            if among in (None, row.owner) and node_text(row.id).startswith(wanted)
        ]
        if len(wanted) < MIN_NODE_LENGTH or len(found) != 1:
            reason = f"give {MIN_NODE_LENGTH} or more characters of its id that fit one"
            several = len(wanted) >= MIN_NODE_LENGTH and len(found) > 1
            none = "you have no node with this id: `clubai node list` shows yours"
            raise PermissionDenied(action, reason if several else none)
        return found[0]


def check_clock(now_ms: int, now: float) -> None:
    """See whether a node's clock is near enough to the coordinator's.

    Raises:
        ConfigError: it is not; the text says by how much, and which way.
    """
    skew = now_ms / 1000 - now
    if abs(skew) > SKEW_SECONDS:
        way = "ahead of" if skew > 0 else "behind"
        raise ConfigError(
            "now_ms",
            now_ms,
            f"this machine's clock is {abs(skew):.0f} s {way} the coordinator's, and at"
            f" most {SKEW_SECONDS:.0f} s are allowed: set it by NTP",
        )


def wrong_signature(origins: Sequence[str]) -> str:
    """Say why a node's signature may not hold, and what to do."""
    known = " or ".join(origins) or "any address"
    return (
        "the node is not enrolled here (`clubai node enrol` makes a token for it), or"
        f" it did not sign for {known}: dial that, or let the coordinator's operator"
        " add the address that you dial to `origins` (CLUBAI_ORIGINS)"
    )


def _refusal(outcome: EnrolOutcome, node: NodeId, limit: int | None) -> Exception:
    nickname = node_nickname(node)
    anew = "start with a new identity in another data directory"
    match outcome:
        case "foreign":
            reason = f"node {nickname} is another member's: {anew}"
        case "removed":
            reason = f"node {nickname} was removed, and cannot come back: {anew}"
        case "full":
            reason = f"you have {limit} nodes: remove one (`clubai node remove`)"
        case _:
            return AuthenticationError(_UNKNOWN)
    return PermissionDenied(ENROLLING, reason)


def _shown(row: EnrolledRow, name: str | None = None) -> EnrolledNode:
    return EnrolledNode(
        node=node_text(row.id),
        nickname=node_text(row.id)[:NICKNAME_LENGTH],
        name=row.name if name is None else name,
        owner=row.owner,
        state=row.state,
        enrolled_at=row.enrolled_at,
        changed_at=row.changed_at,
    )
