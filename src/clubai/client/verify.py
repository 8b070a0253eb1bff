"""All that a member can check of a club's keys from outside, at one time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from clubai.client.logview import Fetch, LogView
from clubai.client.trust import Trust
from clubai.crypto.keytext import read_key
from clubai.errors import ConfigError, TrustError
from clubai.model import NodeId, TrustCode, node_text
from clubai.protocol.keylog import CHECKPOINT_PATH, ClubKey

CLUB: Final = "club"


class Problem(msgspec.Struct, frozen=True):
    """A check that failed."""

    subject: str
    """`club`, or a node's id as text."""
    name: str
    """What people call it."""
    code: TrustCode
    reason: str


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What was checked, and what was wrong."""

    key: str
    """The key that the club signs with, as it says."""
    size: int
    """Entries in the key log; 0 when the log itself does not hold."""
    nodes: tuple[str, ...]
    """Nodes whose keys are as they should be."""
    problems: tuple[Problem, ...]


async def verify_club(
    trust: Trust, told: ClubKey, nodes: Mapping[NodeId, str], fetch: Fetch
) -> Verified:
    """Check the club's key, its key log, and the newest keys of each node.

    What does not hold is in the answer. The checks of nodes depend on the log's, and
    that on the key's: the first that fails ends it.

    Args:
        trust: What is remembered of the club; the key is pinned when none is.
        told: What the club says of itself.
        nodes: The live nodes, with their names.
        fetch: Reads the log.

    Raises:
        TransportError: the club cannot be asked now.
        StorageError: the first key cannot be stored.
    """
    view = LogView(fetch)
    try:
        trust.pin_coordinator(_key_of(told))
        point = await trust.follow(await fetch(CHECKPOINT_PATH), view)
    except TrustError as error:
        problem = Problem(CLUB, CLUB, error.code, error.reason)
        return Verified(key=told.key, size=0, nodes=(), problems=(problem,))
    good: list[str] = []
    problems: list[Problem] = []
    for node, name in nodes.items():
        try:
            await trust.verify_node(node, point, view)
        except TrustError as error:
            problems.append(Problem(node_text(node), name, error.code, error.reason))
        else:
            good.append(node_text(node))
    return Verified(
        key=told.key, size=point.size, nodes=tuple(good), problems=tuple(problems)
    )


def _key_of(told: ClubKey) -> bytes:
    try:
        return read_key(told.key, "key")
    except ConfigError as error:
        reason = "what the club says to be its key is none"
        raise TrustError(TrustCode.COORDINATOR_CHANGED, reason) from error
