"""What a store keeps of enrolment: open one-use tokens, and the enrolled nodes."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from clubai.model import MemberId, NodeId, Redacted

EnrolledState = Literal["pending", "enrolled", "removed"]
EnrolOutcome = Literal["done", "no_token", "foreign", "removed", "full"]
"""`foreign`: the node is another member's. `full`: the member has all they may have."""


class EnrolmentRow(Redacted, frozen=True, kw_only=True):
    """An enrolment token that was not used yet. Using it removes the row."""

    id: str
    """Its public name."""
    member: MemberId
    token_hash: bytes
    """SHA-256 of the token, which is shown once and not kept."""
    confirm: bool
    """Whether the member has to confirm the node that comes by it."""
    created_at: float
    expires_at: float

    def __repr__(self) -> str:
        return f"EnrolmentRow(id={self.id!r}, member={self.member!r})"


class EnrolledRow(msgspec.Struct, frozen=True, kw_only=True):
    """A node that was enrolled. A removed one stays: it never comes back."""

    id: NodeId
    key: bytes
    """Its Ed25519 identity key."""
    name: str
    """What it was called at its enrolment; not unique."""
    owner: MemberId
    state: EnrolledState
    enrolled_at: float
    changed_at: float
    """Since when the state is what it is."""


class EnrolmentStore(Protocol):
    """The part of a `Store` that enrolment uses; it keeps the same promises."""

    async def add_enrolment(self, row: EnrolmentRow, *, limit: int) -> bool:
        """Add a token; False, and no change, when the member has `limit` open ones.

        The member's tokens that expired by `row.created_at` go first.
        """

    async def enrolments_of(self, member: MemberId) -> list[EnrolmentRow]:
        """The tokens of a member, oldest first, expired ones too."""

    async def remove_enrolment(self, member: MemberId, enrolment: str) -> bool:
        """End a token of the member; False when they have none of this id."""

    async def enrolment(self, token_hash: bytes) -> EnrolmentRow | None:
        """Find a token by its hash."""

    async def enrol_node(
        self, token_hash: bytes, row: EnrolledRow, *, limit: int | None
    ) -> EnrolOutcome:
        """Use a token up and make the node its member's, both or neither.

        `row.owner` must be the token's member, or there is no such token. A token
        that expired by `row.enrolled_at` is none. `limit` counts the member's nodes
        that are not removed. A node that is the member's already is replaced.
        """

    async def enrolled_node(self, node: NodeId) -> EnrolledRow | None:
        """Find an enrolled node, a removed one too."""

    async def enrolled_nodes(self, owner: MemberId | None = None) -> list[EnrolledRow]:
        """All enrolled nodes, or those of one owner; oldest first."""

    async def set_node_state(
        self, node: NodeId, state: EnrolledState, *, at: float
    ) -> bool:
        """Change a node's state; False when it is unknown, or removed already."""
