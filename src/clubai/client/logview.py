"""What a key log can be made to prove to whoever reads it from afar.

Nothing that is fetched is believed: each answer is checked against a root that the
club has signed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from clubai.crypto.bundles import Bundle, read_bundle
from clubai.crypto.checkpoint import Checkpoint
from clubai.crypto.leaves import BundleLeaf, read_leaf
from clubai.crypto.merkle import (
    Range,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    prove,
    verify_consistency,
    verify_inclusion,
)
from clubai.crypto.tiles import Tile, hashes_in_tiles, tiles_for
from clubai.errors import ConnectFailed, RemoteProtocolError, TrustError
from clubai.model import NodeId, TrustCode, node_nickname
from clubai.protocol.keylog import NodeLeaves, PlacedLeaf, node_path, read_json

Fetch = Callable[[str], Awaitable[bytes]]
"""Reads a path below the log's prefix.

It raises `ConnectFailed` with status 404 where nothing is, any `TransportError` when
the club cannot be asked.
"""

_NOT_FOUND: Final = 404


class LogView:
    """A key log as one reader sees it; what was fetched once is not fetched again."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._tiles: dict[Tile, bytes] = {}

    async def check_growth(self, old: Checkpoint, new: Checkpoint) -> None:
        """Check that the log of `new` begins with all that is in the log of `old`.

        Raises:
            TrustError: `LOG_FORK`; it does not, or the log does not prove it.
            TransportError: the log cannot be read now.
        """
        if old.origin != new.origin:
            raise _fork(f"it calls itself {new.origin!r} and was {old.origin!r}")
        if new.size < old.size:
            raise _fork(f"it had {old.size} entries and has {new.size}")
        ranges = consistency_ranges(old.size, new.size)
        proof = await self._proof(ranges, new, TrustCode.LOG_FORK)
        if not verify_consistency(old.size, new.size, proof, old.root, new.root):
            raise _fork(f"its first {old.size} entries are not those of before")

    async def check_entry(self, placed: PlacedLeaf, point: Checkpoint) -> None:
        """Check that an entry is where it is said to be in the log of `point`.

        Raises:
            TrustError: `NOT_IN_LOG`; it is not, or the log does not prove it.
            TransportError: the log cannot be read now.
        """
        index, size = placed.index, point.size
        if not 0 <= index < size:
            raise _missing(f"entry {index} is not among its {size}")
        ranges = inclusion_ranges(index, size)
        proof = await self._proof(ranges, point, TrustCode.NOT_IN_LOG)
        if not verify_inclusion(leaf_hash(placed.leaf), index, size, proof, point.root):
            raise _missing(f"entry {index} is another one")

    async def entries_of(self, node: NodeId) -> tuple[PlacedLeaf, ...]:
        """Where the club says that a node's keys are: the first, and the newest ones.

        Raises:
            TrustError: `NOT_IN_LOG`; there are none, or it says nonsense.
            TransportError: the club cannot be asked now.
        """
        data = await self._get(node_path(node), TrustCode.NOT_IN_LOG)
        try:
            found = read_json(data, NodeLeaves).leaves
        except RemoteProtocolError as error:
            raise _missing(error.reason) from error
        if not found:
            raise _missing(f"there is nothing of node {node_nickname(node)}")
        return found

    async def _proof(
        self, ranges: Iterable[Range], point: Checkpoint, code: TrustCode
    ) -> list[bytes]:
        ranges = list(ranges)
        needed = tiles_for(ranges, point.size)
        for tile in needed:
            if tile not in self._tiles:
                self._tiles[tile] = await self._get(tile.path, code)
        tiles = {tile: self._tiles[tile] for tile in needed}
        return prove(ranges, hashes_in_tiles(tiles, point.size))

    async def _get(self, path: str, code: TrustCode) -> bytes:
        try:
            return await self._fetch(path)
        except ConnectFailed as error:
            if error.status != _NOT_FOUND:
                raise
            reason = f"the key log has nothing at {path}"
            raise TrustError(code, reason) from error


def bundle_in(placed: PlacedLeaf, node: NodeId) -> Bundle:
    """The bundle of `node` that an entry holds.

    Raises:
        TrustError: `NOT_IN_LOG`; it holds none, or another node's.
    """
    try:
        leaf = read_leaf(placed.leaf)
        if isinstance(leaf, BundleLeaf):
            bundle = read_bundle(leaf.body, leaf.sig)
            if bundle.node == node:
                return bundle
    except TrustError as error:
        raise _missing(error.reason) from error
    raise _missing(f"entry {placed.index} is not of node {node_nickname(node)}")


def _fork(reason: str) -> TrustError:
    return TrustError(TrustCode.LOG_FORK, f"the club showed another key log: {reason}")


def _missing(reason: str) -> TrustError:
    return TrustError(
        TrustCode.NOT_IN_LOG, f"a node's keys are not in the key log: {reason}"
    )
