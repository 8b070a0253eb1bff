"""The key log of one club: every node's keys that it ever handed out, in order.

It only grows. Each entry changes the root, and the coordinator signs each root with its
length, so that it cannot show two members two different logs without both being able
to prove it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Self

import anyio
import msgspec

from clubai.crypto.bundles import Bundle, read_bundle
from clubai.crypto.checkpoint import Checkpoint, sign_checkpoint
from clubai.crypto.identity import Identity
from clubai.crypto.keytext import read_key
from clubai.crypto.leaves import BundleLeaf, encode_leaf, read_leaf
from clubai.crypto.merkle import leaf_hash
from clubai.crypto.tiles import Entries, Tile, TileTree, encode_entries, read_path
from clubai.errors import ClubAIError, ConfigError, RateLimited, TrustError
from clubai.model import NodeId, TrustCode, node_nickname
from clubai.protocol.keylog import (
    CHECKPOINT_PATH,
    NODE_PREFIX,
    NodeLeaves,
    PlacedLeaf,
)
from clubai.storage.keylog import KeyLogRow, KeyLogStore

DAY_S: Final = 86_400.0
BUNDLES_PER_DAY: Final = 8
"""Of one node: the log is kept for ever, and everybody reads all of it."""
NEWEST_OF_NODE: Final = 2
"""An epoch's bundle is still valid while the next one is in use."""


class NotInKeyLog(ClubAIError):
    """The key log has nothing at `path`."""

    def __init__(self, path: str) -> None:
        super().__init__(f"the key log has nothing at {path[:80]!r}")
        self.path = path


class KeyLog:
    """A key log that is open; get one from `open`."""

    def __init__(
        self,
        store: KeyLogStore,
        identity: Identity,
        origin: str,
        clock: Callable[[], float],
        tree: TileTree,
    ) -> None:
        self.origin = origin
        """What the log calls itself."""
        self.key = identity.key
        """The public key that signs it."""
        self._store = store
        self._identity = identity
        self._clock = clock
        self._tree = tree
        self._note = self._sign()
        # Which entry is next, and the row that takes its place, belong together.
        self._appending = anyio.Lock()

    @classmethod
    async def open(
        cls,
        store: KeyLogStore,
        identity: Identity,
        origin: str,
        clock: Callable[[], float],
    ) -> Self:
        """Open the log that is in `store`.

        Args:
            store: Where the entries are; nobody else appends to it.
            identity: Signs the checkpoints.
            origin: What the log calls itself; the same at each opening.
            clock: Seconds on the timeline, for the rows.

        Raises:
            StorageError: the entries cannot be read.
        """
        tree = TileTree(await store.key_log_hashes())
        return cls(store, identity, origin, clock, tree)

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self._tree.size

    async def append_bundle(self, body: bytes, sig: bytes, own_sig: bytes = b"") -> int:
        """Log a node's bundle, and give its index; the one it has when it is there.

        Raises:
            TrustError: `BAD_BUNDLE`; the node has not signed it. `EPOCH_ROLLBACK`; a
                later one, or another one of its epoch, is in the log.
            RateLimited: the node has too many for one day.
            StorageError: it cannot be stored, and is not in the log.
        """
        bundle = read_bundle(body, sig)
        leaf = encode_leaf(BundleLeaf(body, sig, own_sig))
        hashed = leaf_hash(leaf)
        async with self._appending:
            known = await self._store.key_log_position(hashed)
            if known is not None:
                return known
            newest = BUNDLES_PER_DAY
            rows = await self._store.key_log_of(bundle.node, newest=newest)
            self._admit(bundle, rows)
            row = KeyLogRow(
                position=self._tree.size,
                leaf=leaf,
                leaf_hash=hashed,
                node=bundle.node,
                epoch=bundle.epoch,
                at=self._clock(),
            )
            # What is stored is in the tree, whoever stops waiting for it.
            with anyio.CancelScope(shield=True):
                await self._store.append_key_log(row)
                self._tree.append(hashed)
                self._note = self._sign()
            return row.position

    def _admit(self, bundle: Bundle, rows: Sequence[KeyLogRow]) -> None:
        """Let in what clients would believe after `rows`, and not too much of it."""
        if not rows:
            return
        newest = read_leaf(rows[-1].leaf)
        same = isinstance(newest, BundleLeaf) and newest.body == bundle.body
        if bundle.epoch <= rows[-1].epoch and not same:
            raise TrustError(
                TrustCode.EPOCH_ROLLBACK,
                f"node {node_nickname(bundle.node)} shows keys of epoch {bundle.epoch},"
                f" and those of epoch {rows[-1].epoch} are in the key log: restore its"
                " data directory as it was last, or start with a new identity in"
                " another one",
            )
        now = self._clock()
        today = [row.at for row in rows if row.at > now - DAY_S]
        if len(today) >= BUNDLES_PER_DAY:
            raise RateLimited("new keys of this node", today[0] + DAY_S - now)

    def checkpoint(self) -> bytes:
        """The signed note about the log as it is now."""
        return self._note

    async def read(self, path: str) -> bytes:
        """What is served at `path`, below the log's prefix.

        Raises:
            NotInKeyLog: nothing is.
            StorageError: the entries cannot be read.
        """
        if path == CHECKPOINT_PATH:
            return self._note
        if path.startswith(NODE_PREFIX):
            return await self._of_node(path)
        match read_path(path):
            case Tile() as tile:
                content = self._tree.content(tile)
            case Entries() as entries:
                content = await self._entries(entries)
            case None:
                content = None
        if content is None:
            raise NotInKeyLog(path)
        return content

    async def _entries(self, entries: Entries) -> bytes | None:
        if entries.first + entries.width > self._tree.size:
            return None
        rows = await self._store.key_log(entries.first, entries.width)
        return encode_entries(row.leaf for row in rows)

    async def _of_node(self, path: str) -> bytes:
        try:
            node = NodeId(read_key(path.removeprefix(NODE_PREFIX), "node"))
        except ConfigError as error:
            raise NotInKeyLog(path) from error
        size = self._tree.size
        rows = await self._store.key_log_of(node, newest=NEWEST_OF_NODE)
        # One that is stored and not yet signed is not told of.
        leaves = [PlacedLeaf(r.position, r.leaf) for r in rows if r.position < size]
        if not leaves:
            raise NotInKeyLog(path)
        return msgspec.json.encode(NodeLeaves(tuple(leaves)))

    def _sign(self) -> bytes:
        point = Checkpoint(self.origin, self._tree.size, self._tree.root())
        return sign_checkpoint(point, self._identity)
