"""What is asked about a club's keys over HTTP, and the shapes of the answers.

Below `LOG_PREFIX` are the paths of C2SP tlog-tiles, and one of our own, `node_path`: it
only says where to look, and whoever reads it proves what they find.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from clubai.errors import RemoteProtocolError
from clubai.model import NodeId, node_text
from clubai.protocol.messages import CloseCode

T = TypeVar("T")

LOG_PREFIX: Final = "/log/"
CHECKPOINT_PATH: Final = "checkpoint"
NODE_PREFIX: Final = "node/"
CLUB_KEY_PATH: Final = "/api/trust"


class ClubKey(msgspec.Struct, frozen=True):
    """The key that a club signs with, and its key log; nothing here is signed."""

    origin: str
    key: str
    """52 characters of base32."""
    size: int


class PlacedLeaf(msgspec.Struct, frozen=True):
    """An entry of the key log, and its index."""

    index: int
    leaf: bytes


class NodeLeaves(msgspec.Struct, frozen=True):
    """The entries of one node: the first, and the newest ones, in order."""

    leaves: tuple[PlacedLeaf, ...]


def node_path(node: NodeId) -> str:
    """Where the entries of `node` are told, below `LOG_PREFIX`."""
    return f"{NODE_PREFIX}{node_text(node)}"


def read_json(data: bytes, type_: type[T]) -> T:
    """Read one of the shapes above.

    Raises:
        RemoteProtocolError: it is not one.
    """
    try:
        return msgspec.json.decode(data, type=type_)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        reason = f"the club's answer about its keys cannot be read: {error}"
        raise RemoteProtocolError(CloseCode.BAD_MESSAGE, reason) from error
