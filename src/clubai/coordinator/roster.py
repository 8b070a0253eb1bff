"""Who owns which node, and which name: what must hold before a node is taken in."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from clubai.errors import RemoteProtocolError
from clubai.model import MemberId, NodeId, node_nickname
from clubai.protocol.messages import CloseCode
from clubai.storage.base import NodeRow


class Roster:
    """All nodes that ever joined, by id and by name.

    A node keeps its name and its owner. A name may pass to another node only of the
    same owner (a machine that was set up again), and not while its holder is there.
    """

    def __init__(self, rows: Iterable[NodeRow]) -> None:
        self._by_id = {row.id: row for row in rows}
        self._by_name = {row.name.casefold(): row for row in self._by_id.values()}

    def claim(
        self,
        *,
        node: NodeId,
        key: bytes,
        name: str,
        owner: MemberId,
        holder_connected: bool,
        now: float,
    ) -> list[NodeRow]:
        """Take in `node` under `name`.

        Gives the rows to be stored, in order; the last one is the node's own. One
        before it is an earlier holder of the name, which gets another.

        Args:
            node: Hash of `key`.
            key: The node's identity key.
            name: What the node wants to be called.
            owner: The member who authenticated the connection.
            holder_connected: Whether the name's present holder is connected.
            now: For the row.

        Raises:
            RemoteProtocolError: the node is another member's, or the name is taken.
        """
        known = self._by_id.get(node)
        if known is not None and known.owner != owner:
            raise RemoteProtocolError(
                CloseCode.NOT_YOURS,
                f"node {node_nickname(node)} belongs to another member: use that "
                "member's key, or start with a new identity in another data directory",
            )
        self._check_name(node, name, owner, holder_connected=holder_connected)
        row = NodeRow(
            id=node,
            key=key,
            name=name,
            owner=owner,
            first_seen_at=now if known is None else known.first_seen_at,
            last_seen_at=now,
        )
        return [*self._put(row), row]

    def owner(self, node: NodeId) -> MemberId | None:
        """The member whose node this is; None when it never joined."""
        row = self._by_id.get(node)
        return None if row is None else row.owner

    def owners(self) -> dict[NodeId, MemberId]:
        """The owner of each node that ever joined."""
        return {node: row.owner for node, row in self._by_id.items()}

    def name(self, node: NodeId) -> str:
        """The name by which the node last joined; empty when it never did."""
        row = self._by_id.get(node)
        return "" if row is None else row.name

    def holder(self, name: str) -> NodeId | None:
        """The node that has this name."""
        row = self._by_name.get(name.casefold())
        return None if row is None else row.id

    def _check_name(
        self, node: NodeId, name: str, owner: MemberId, *, holder_connected: bool
    ) -> None:
        if not name or name != name.strip() or not name.isprintable():
            raise RemoteProtocolError(
                CloseCode.BAD_MESSAGE,
                f"node name {name!r} cannot be used: give 1 to 256 printable "
                "characters without spaces at the ends (NODE_ID)",
            )
        holder = self._by_name.get(name.casefold())
        if holder is None or holder.id == node:
            return
        if holder.owner != owner or holder_connected:
            raise RemoteProtocolError(
                CloseCode.NAME_TAKEN,
                f"the name {name!r} is another node's "
                f"({node_nickname(holder.id)}): choose another one (NODE_ID)",
            )

    def _put(self, row: NodeRow) -> list[NodeRow]:
        changed: list[NodeRow] = []
        before = self._by_id.get(row.id)
        if before is not None:
            self._by_name.pop(before.name.casefold(), None)
        taken_over = self._by_name.get(row.name.casefold())
        if taken_over is not None:
            renamed = msgspec.structs.replace(
                taken_over, name=f"{taken_over.name}-{node_nickname(taken_over.id)}"
            )
            self._by_id[renamed.id] = renamed
            self._by_name[renamed.name.casefold()] = renamed
            changed.append(renamed)
        self._by_id[row.id] = row
        self._by_name[row.name.casefold()] = row
        return changed
