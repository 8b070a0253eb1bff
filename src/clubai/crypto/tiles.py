"""How a log is served: tiles of hashes and bundles of entries (C2SP tlog-tiles). Pure.

A tile holds up to 256 hashes of one height; the tile at `level` n spans eight heights
from `8 * n`. The last one of a level is partial, and named with its width.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from clubai.crypto.merkle import HASH_SIZE, Frontier, Node, Range, root
from clubai.errors import TrustError
from clubai.model import TrustCode

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
MAX_LEVEL: Final = 63
MAX_ENTRY_BYTES: Final = 0xFFFF
_TILE_BYTES: Final = TILE_WIDTH * HASH_SIZE

_PATH: Final = re.compile(
    r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,5}[0-9]{3})"
    r"(?:\.p/([1-9][0-9]{0,2}))?"
)


class Tile(NamedTuple):
    """A tile of hashes: what is in it, and where it is served."""

    level: int
    number: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Below the log's prefix, such as `tile/0/x001/234.p/5`."""
        return f"tile/{self.level}/{_numbered(self.number, self.width)}"


class Entries(NamedTuple):
    """A bundle of the entries behind one tile of level 0."""

    number: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Below the log's prefix, such as `tile/entries/x001/234.p/5`."""
        return f"tile/entries/{_numbered(self.number, self.width)}"

    @property
    def first(self) -> int:
        """The index of its first entry."""
        return self.number * TILE_WIDTH


def read_path(path: str) -> Tile | Entries | None:
    """Read the path of a tile or a bundle; None when it is none, or not the usual one.

    Every tile has exactly one path, so that caches need no more than that.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    level, digits, partial = match.groups()
    number = int("".join(re.findall(r"[0-9]+", digits)))
    width = TILE_WIDTH if partial is None else int(partial)
    if partial is not None and width >= TILE_WIDTH:
        return None
    if level != "entries" and int(level) > MAX_LEVEL:
        return None
    found: Tile | Entries = (
        Entries(number, width)
        if level == "entries"
        else Tile(int(level), number, width)
    )
    return found if found.path == path else None


def width_at(level: int, number: int, size: int) -> int:
    """How many hashes a tile has in a tree of `size` leaves; 0: it is not there."""
    count = (size >> TILE_HEIGHT * level) - number * TILE_WIDTH
    return min(max(count, 0), TILE_WIDTH)


def entries_between(first: int, size: int) -> list[Entries]:
    """The bundles that hold the entries `[first, size)` of a tree of `size` leaves."""
    if first >= size:
        return []
    last = (size - 1) // TILE_WIDTH
    numbers = range(first // TILE_WIDTH, last + 1)
    return [Entries(number, width_at(0, number, size)) for number in numbers]


def tiles_for(ranges: Iterable[Range], size: int) -> list[Tile]:
    """The tiles of a tree of `size` leaves in which the hashes of `ranges` are."""
    nodes = (node for each in ranges for node in each.nodes())
    return sorted({_place(node, size)[0] for node in nodes})


def hashes_in_tiles(tiles: Mapping[Tile, bytes], size: int) -> Callable[[Node], bytes]:
    """Where `merkle.prove` finds hashes when `tiles_for` its ranges are at hand.

    Raises:
        TrustError: `LOG_FORK`, at once, for a tile of another length than it must have.
    """
    for tile, content in tiles.items():
        if len(content) != tile.width * HASH_SIZE:
            reason = f"{tile.path} of the key log has {len(content)} bytes"
            raise TrustError(TrustCode.LOG_FORK, reason)

    def hash_of(node: Node) -> bytes:
        tile, offset, count = _place(node, size)
        content, starts = tiles[tile], range(offset, offset + count)
        return root([content[at * HASH_SIZE : (at + 1) * HASH_SIZE] for at in starts])

    return hash_of


class TileTree:
    """Every hash that the tiles of a growing log hold, none of them computed twice."""

    def __init__(self, hashes: bytes = b"") -> None:
        self._levels = [bytearray()]
        self._frontier = Frontier()
        for at in range(0, len(hashes), HASH_SIZE):
            self.append(hashes[at : at + HASH_SIZE])

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self._frontier.size

    def root(self) -> bytes:
        """The root over all leaves."""
        return self._frontier.root()

    def append(self, hashed: bytes) -> None:
        """Add a leaf by its hash."""
        self._frontier.append(hashed)
        for level in range(MAX_LEVEL):
            hashes = self._levels[level]
            hashes += hashed
            if len(hashes) % _TILE_BYTES:
                return
            if level + 1 == len(self._levels):
                self._levels.append(bytearray())
            full = hashes[-_TILE_BYTES:]
            starts = range(0, _TILE_BYTES, HASH_SIZE)
            hashed = root([bytes(full[at : at + HASH_SIZE]) for at in starts])

    def content(self, tile: Tile) -> bytes | None:
        """The bytes of a tile; None when it is not there, or not so wide yet."""
        if tile.level >= len(self._levels):
            return None
        start = tile.number * _TILE_BYTES
        found = self._levels[tile.level][start : start + tile.width * HASH_SIZE]
        return bytes(found) if len(found) == tile.width * HASH_SIZE else None


def encode_entries(entries: Iterable[bytes]) -> bytes:
    """The content of a bundle.

    Raises:
        ValueError: an entry is over `MAX_ENTRY_BYTES`.
    """
    encoded = bytearray()
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            msg = f"an entry of {len(entry)} bytes does not fit in a bundle"
            raise ValueError(msg)
        encoded += len(entry).to_bytes(2, "big") + entry
    return bytes(encoded)


def decode_entries(content: bytes, bundle: Entries) -> list[bytes]:
    """The entries in the content of `bundle`.

    Raises:
        TrustError: `LOG_FORK`; it is not exactly so many whole entries.
    """
    found: list[bytes] = []
    at = 0
    while at + 2 <= len(content) and len(found) < bundle.width:
        end = at + 2 + int.from_bytes(content[at : at + 2], "big")
        found.append(content[at + 2 : end])
        at = end
    if at != len(content) or len(found) != bundle.width:
        reason = f"{bundle.path} of the key log does not hold what its path says"
        raise TrustError(TrustCode.LOG_FORK, reason)
    return found


def _place(node: Node, size: int) -> tuple[Tile, int, int]:
    """The tile that holds the hashes under `node`: from where, and how many."""
    level, inside = divmod(node.height, TILE_HEIGHT)
    number, offset = divmod(node.number << inside, TILE_WIDTH)
    return Tile(level, number, width_at(level, number, size)), offset, 1 << inside


def _numbered(number: int, width: int) -> str:
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "".join(f"x{group}/" for group in groups[:-1]) + groups[-1]
    return path if width == TILE_WIDTH else f"{path}.p/{width}"
