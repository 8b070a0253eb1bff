"""The rows of the key log and of node ownership, and what a store does with them.

The key log is only ever appended to: an entry that is there is never changed, never
removed, and no store has a method for it.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from clubai.model import NodeId


class KeyLogRow(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the key log."""

    position: int
    """Its index in the log, from 0 without a gap."""
    leaf: bytes
    """What was logged, byte by byte."""
    leaf_hash: bytes
    """Its hash in the tree; no two entries have the same."""
    node: NodeId
    """The node that it is about; empty when it is about none."""
    epoch: int
    """The epoch of the node's bundle."""
    at: float


class NodeOwnerRow(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner of a node signed for it; the newest one counts."""

    node: NodeId
    key: bytes
    """The owner's Ed25519 key."""
    sig: bytes
    """Over the node id."""
    at: float


class KeyLogStore(Protocol):
    """What a store promises of the key log; it raises as `Store` does."""

    async def append_key_log(self, row: KeyLogRow) -> None:
        """Add an entry, durable against a loss of power when this returns.

        `StorageError`, and no change, unless `row.position` is the log's length and
        its hash is new.
        """

    async def key_log(self, start: int, count: int) -> list[KeyLogRow]:
        """The entries from `start` on, at most `count`, in order."""

    async def key_log_hashes(self) -> bytes:
        """The hashes of all entries, 32 bytes each, in order."""

    async def key_log_position(self, leaf_hash: bytes) -> int | None:
        """Where the entry with this hash is; None when there is none."""

    async def key_log_of(self, node: NodeId, *, newest: int) -> list[KeyLogRow]:
        """The first entry of a node and its `newest` last ones, in order."""

    async def put_node_owner(self, row: NodeOwnerRow) -> None:
        """Keep what an owner signed, in place of what was kept for this node."""

    async def node_owners(self) -> list[NodeOwnerRow]:
        """What owners signed, for all nodes."""
