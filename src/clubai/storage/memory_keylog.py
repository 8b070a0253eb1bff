"""The key log and node ownership in dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clubai.errors import StorageError
from clubai.model import NodeId
from clubai.storage.keylog import KeyLogRow, NodeOwnerRow


class MemoryKeyLog:
    """A part of `MemoryStore`, which says whose turn it is."""

    def __init__(self) -> None:
        self._key_log: list[KeyLogRow] = []
        self._key_log_positions: dict[bytes, int] = {}
        self._node_owners: dict[NodeId, NodeOwnerRow] = {}

    if TYPE_CHECKING:

        async def _turn(self) -> None: ...

    async def append_key_log(self, row: KeyLogRow) -> None:
        """Add an entry; `StorageError` when it is not the next one, or known."""
        await self._turn()
        length = len(self._key_log)
        if row.position != length or row.leaf_hash in self._key_log_positions:
            reason = f"entry {row.position} is not the next one of {length}, or known"
            raise StorageError("memory://", reason)
        self._key_log.append(row)
        self._key_log_positions[row.leaf_hash] = row.position

    async def key_log(self, start: int, count: int) -> list[KeyLogRow]:
        """The entries from `start` on, at most `count`, in order."""
        await self._turn()
        return self._key_log[max(start, 0) : max(start, 0) + max(count, 0)]

    async def key_log_hashes(self) -> bytes:
        """The hashes of all entries, 32 bytes each, in order."""
        await self._turn()
        return b"".join(row.leaf_hash for row in self._key_log)

    async def key_log_position(self, leaf_hash: bytes) -> int | None:
        """Where the entry with this hash is; None when there is none."""
        await self._turn()
        return self._key_log_positions.get(leaf_hash)

    async def key_log_of(self, node: NodeId, *, newest: int) -> list[KeyLogRow]:
        """The first entry of a node and its `newest` last ones, in order."""
        await self._turn()
        rows = [row for row in self._key_log if row.node == node]
        return rows[:1] + rows[1:][len(rows[1:]) - min(newest, len(rows[1:])) :]

    async def put_node_owner(self, row: NodeOwnerRow) -> None:
        """Keep what an owner signed, in place of what was kept for this node."""
        await self._turn()
        self._node_owners[row.node] = row

    async def node_owners(self) -> list[NodeOwnerRow]:
        """What owners signed, for all nodes."""
        await self._turn()
        return list(self._node_owners.values())
