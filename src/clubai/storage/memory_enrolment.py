"""Enrolment in dictionaries."""

from __future__ import annotations

import msgspec
from anyio.lowlevel import checkpoint

from clubai.errors import StorageError
from clubai.model import MemberId, NodeId
from clubai.storage.enrolment import (
    EnrolledRow,
    EnrolledState,
    EnrolmentRow,
    EnrolOutcome,
)


class MemoryEnrolment:
    """The part of `MemoryStore` that enrolment uses."""

    def __init__(self) -> None:
        super().__init__()
        self._enrolments: dict[bytes, EnrolmentRow] = {}
        self._enrolled: dict[NodeId, EnrolledRow] = {}

    async def _turn(self) -> None:
        await checkpoint()

    async def add_enrolment(self, row: EnrolmentRow, *, limit: int) -> bool:
        """Add a token; False, and no change, when the member has `limit` open ones."""
        await self._turn()
        mine = [known for known in self._enrolments.values() if _same(known, row)]
        for known in mine:
            if known.expires_at <= row.created_at:
                del self._enrolments[known.token_hash]
        if sum(_same(known, row) for known in self._enrolments.values()) >= limit:
            return False
        if any(known.id == row.id for known in self._enrolments.values()):
            raise StorageError("memory://", f"there is a token {row.id!r} already")
        self._enrolments[row.token_hash] = row
        return True

    async def enrolments_of(self, member: MemberId) -> list[EnrolmentRow]:
        """The tokens of a member, oldest first, expired ones too."""
        await self._turn()
        mine = (row for row in self._enrolments.values() if row.member == member)
        return sorted(mine, key=lambda row: row.created_at)

    async def remove_enrolment(self, member: MemberId, enrolment: str) -> bool:
        """End a token of the member; False when they have none of this id."""
        await self._turn()
        for row in self._enrolments.values():
            if (row.member, row.id) == (member, enrolment):
                del self._enrolments[row.token_hash]
                return True
        return False

    async def enrolment(self, token_hash: bytes) -> EnrolmentRow | None:
        """Find a token by its hash."""
        await self._turn()
        return self._enrolments.get(token_hash)

    async def enrol_node(
        self, token_hash: bytes, row: EnrolledRow, *, limit: int | None
    ) -> EnrolOutcome:
        """Use a token up and make the node its member's, both or neither."""
        await self._turn()
        token = self._enrolments.get(token_hash)
        if (
            token is None
            or token.member != row.owner
            or token.expires_at <= row.enrolled_at
        ):
            return "no_token"
        known = self._enrolled.get(row.id)
        if known is not None and known.owner != row.owner:
            return "foreign"
        if known is not None and known.state == "removed":
            return "removed"
        if limit is not None and self._count(row.owner, besides=row.id) >= limit:
            return "full"
        del self._enrolments[token_hash]
        self._enrolled[row.id] = row
        return "done"

    async def enrolled_node(self, node: NodeId) -> EnrolledRow | None:
        """Find an enrolled node, a removed one too."""
        await self._turn()
        return self._enrolled.get(node)

    async def enrolled_nodes(self, owner: MemberId | None = None) -> list[EnrolledRow]:
        """All enrolled nodes, or those of one owner; oldest first."""
        await self._turn()
        found = [row for row in self._enrolled.values() if owner in (None, row.owner)]
        return sorted(found, key=lambda row: row.enrolled_at)

    async def set_node_state(
        self, node: NodeId, state: EnrolledState, *, at: float
    ) -> bool:
        """Change a node's state; False when it is unknown, or removed already."""
        await self._turn()
        row = self._enrolled.get(node)
        if row is None or row.state == "removed":
            return False
        self._enrolled[node] = msgspec.structs.replace(row, state=state, changed_at=at)
        return True

    def _count(self, owner: MemberId, *, besides: NodeId) -> int:
        return sum(
            row.owner == owner and row.id != besides and row.state != "removed"
            for row in self._enrolled.values()
        )


def _same(one: EnrolmentRow, other: EnrolmentRow) -> bool:
    return one.member == other.member
