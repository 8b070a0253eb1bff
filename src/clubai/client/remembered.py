"""What a member's machine remembers of one club: the values, and how two are joined.

Nothing here touches a file: `pins` does. Keys and node ids are kept as the text
that people see, so that the file can be read and compared by eye.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from clubai.crypto.checkpoint import Checkpoint

MAX_NODES: Final = 100_000
MILESTONE_MS: Final = 6 * 3_600_000
MAX_MILESTONES: Final = 512
DAY_MS: Final = 86_400_000


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of the club's nodes may be asked; by default all of them.

    A node that the member pinned passes all of it. One that an owner countersigned,
    whose key the member pinned, passes all of it too when `owners` is on.
    """

    pinned: bool = False
    """Pinned nodes only."""
    owners: bool = False
    """Nodes of pinned owners only."""
    min_age_days: int = 0
    """Days that a node must have been in the key log; 7 is a good choice once a club
    is older than that. In a new one it would leave nobody to ask."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_age_days <= 3650:
            msg = f"min_age_days is {self.min_age_days}, give 0 to 3650"
            raise ValueError(msg)


class SeenNode(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of one node."""

    epoch: int
    """The highest one that was seen."""
    bundle: str
    """The hash of the bundle of that epoch, hexadecimal."""
    first_seen_ms: int
    last_seen_ms: int
    """To the day."""
    log_index: int = -1
    """Of its first bundle in the key log; -1: the log was not asked."""
    logged_ms: int = 0
    """Since when it counts as being in the log."""


class Milestone(msgspec.Struct, frozen=True):
    """At `at_ms` the log had `size` entries, seen with one's own eyes."""

    size: int
    at_ms: int


class Remembered(msgspec.Struct, kw_only=True):
    """All that is remembered of one club."""

    version: Literal[1] = 1
    key: str = ""
    """The coordinator's signing key; empty while none is pinned."""
    checkpoint: Checkpoint | None = None
    """The longest one that was proved."""
    milestones: list[Milestone] = []
    """Lengths of the log over time, the oldest first."""
    pinned_nodes: list[str] = []
    pinned_owners: list[str] = []
    policy: Policy = Policy()
    nodes: dict[str, SeenNode] = {}

    def copy(self) -> Remembered:
        """One that goes its own way."""
        return msgspec.structs.replace(
            self,
            milestones=list(self.milestones),
            pinned_nodes=list(self.pinned_nodes),
            pinned_owners=list(self.pinned_owners),
            nodes=dict(self.nodes),
        )

    def advance(self, point: Checkpoint, now_ms: int) -> None:
        """Remember the longest checkpoint, which has been proved."""
        self.checkpoint = point
        before = self.milestones
        # The newest one moves on until the one before it is old enough.
        if len(before) > 1 and now_ms - before[-2].at_ms < MILESTONE_MS:
            before = before[:-1]
        self.milestones = _thin([*before, Milestone(point.size, now_ms)])

    def logged_at(self, index: int, claimed_ms: int, now_ms: int) -> int:
        """Since when an entry of the log counts as being there.

        What was there when the club was first seen has the date that it claims; it
        has to be taken on trust, as the club's key has. All later entries have the date
        of the first look at which they were there, whatever they claim.
        """
        for position, milestone in enumerate(self.milestones):
            if index < milestone.size:
                first = position == 0
                return min(claimed_ms, milestone.at_ms) if first else milestone.at_ms
        return now_ms

    def replace_key(self, key: str) -> None:
        """Trust another key of the coordinator's, whose log begins anew."""
        self.key = key
        self.checkpoint = None
        self.milestones = []

    def see(self, node: str, seen: SeenNode) -> None:
        """Remember a node, and forget others when there are too many."""
        self.nodes[node] = seen
        if len(self.nodes) > MAX_NODES:
            self.nodes = _bounded(self.nodes, set(self.pinned_nodes))


def merge(stored: Remembered, own: Remembered) -> Remembered:
    """What is stored, with what this process has seen since it read it.

    What the member chose (key, pins, policy) is taken as it is stored.
    """
    merged = stored.copy()
    if not stored.key:
        merged.key = own.key
    if merged.key == own.key:
        points = [point for point in (stored.checkpoint, own.checkpoint) if point]
        merged.checkpoint = max(points, key=lambda point: point.size, default=None)
        both = {(each.size, each.at_ms): each for each in stored.milestones}
        both |= {(each.size, each.at_ms): each for each in own.milestones}
        merged.milestones = _thin(
            sorted(both.values(), key=lambda each: (each.at_ms, each.size))
        )
    for node, seen in own.nodes.items():
        merged.nodes[node] = _newer(merged.nodes.get(node), seen)
    merged.nodes = _bounded(merged.nodes, set(merged.pinned_nodes))
    return merged


def _newer(stored: SeenNode | None, own: SeenNode) -> SeenNode:
    if stored is None:
        return own
    newest = own if own.epoch > stored.epoch else stored
    dated = own if stored.log_index < 0 else stored
    return msgspec.structs.replace(
        newest,
        first_seen_ms=min(stored.first_seen_ms, own.first_seen_ms),
        last_seen_ms=max(stored.last_seen_ms, own.last_seen_ms),
        log_index=dated.log_index,
        logged_ms=dated.logged_ms,
    )


def _thin(milestones: list[Milestone]) -> list[Milestone]:
    """The first one and the newest others: what lies between only looks younger."""
    return milestones[:1] + milestones[1:][-(MAX_MILESTONES - 1) :]


def _bounded(nodes: dict[str, SeenNode], pinned: set[str]) -> dict[str, SeenNode]:
    """At most nine tenths when there were too many; those longest unseen go."""
    if len(nodes) <= MAX_NODES:
        return nodes
    order = sorted(nodes, key=lambda node: (node in pinned, nodes[node].last_seen_ms))
    return {node: nodes[node] for node in order[-(MAX_NODES * 9 // 10) :]}
