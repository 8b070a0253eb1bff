"""What owners signed for their nodes: which member key stands behind which node."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from clubai.coordinator.accounts import Member
from clubai.coordinator.roster import Roster
from clubai.crypto.bundles import is_owner
from clubai.errors import ConfigError, PermissionDenied
from clubai.model import NodeId, node_nickname
from clubai.storage.keylog import KeyLogStore, NodeOwnerRow


class Owners:
    """The countersignatures of all nodes, in memory; the store has them too."""

    def __init__(
        self,
        store: KeyLogStore,
        rows: Iterable[NodeOwnerRow],
        *,
        roster: Roster,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._rows = {row.node: row for row in rows}
        self._roster = roster
        self._clock = clock

    def own_sig(self, node: NodeId) -> bytes:
        """The owner's signature for a node; empty when there is none."""
        row = self._rows.get(node)
        return b"" if row is None else row.sig

    async def countersign(
        self, member: Member, node: NodeId, *, key: bytes, sig: bytes
    ) -> None:
        """Keep what `member` signed with `key` for a node of theirs.

        Raises:
            PermissionDenied: the node is not theirs, or not known.
            ConfigError: `key` has not signed it.
            StorageError: it cannot be stored.
        """
        if self._roster.owner(node) != member.id:
            raise PermissionDenied(
                f"countersigning node {node_nickname(node)}",
                "you own no node with this id in this club",
            )
        if not is_owner(key, node, sig):
            fix = "sign it with `clubai trust own NODE`"
            raise ConfigError("sig", "(a signature)", fix)
        row = NodeOwnerRow(node=node, key=key, sig=sig, at=self._clock())
        await self._store.put_node_owner(row)
        self._rows[node] = row
