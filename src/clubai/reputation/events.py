"""What changed a node's standing: append-only, each with its cause and its evidence."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from clubai.model import MemberId, NodeId


class Change(StrEnum):
    """What kind of change. Those that move no points are kept for what follows them."""

    JOINED = "joined"
    """It appeared with this owner; the first time with the points to start with."""
    CLAIMED = "claimed"
    """It offers a model that it never offered before."""
    COMPLETED = "completed"
    FAST = "fast"
    TIMEOUT = "timeout"
    INVALID = "invalid"
    UPTIME = "uptime"
    KEPT = "kept"
    """Promised hours that were kept."""
    BROKEN = "broken"
    DECAY = "decay"
    RELEASED = "released"
    """What was held counts from now on."""
    VOIDED = "voided"
    """What was held is lost."""
    PASSED = "passed"
    """An audit was passed."""
    FAILED = "failed"
    """An audit was not passed: by itself no proof."""
    CONVICTED = "convicted"
    """The sequential test, or two known answers, are proof; INVALID follows."""
    MARKED = "marked"
    """A soft mark: a disagreement, or a client's complaint."""
    CLEARED = "cleared"
    """The soft marks are gone: a review found nothing."""
    FLAGGED = "flagged"
    """Its speed is not plausible. It costs nothing."""
    REVIEW_OPENED = "review_opened"
    REVIEW_ENDED = "review_ended"
    SUSPENDED = "suspended"
    REINSTATED = "reinstated"
    ADJUSTED = "adjusted"
    """An operator moved the points, and said why."""
    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"
    PROMISED = "promised"
    """The owner published a schedule, or withdrew it."""
    PAUSED = "paused"
    RESUMED = "resumed"


class StandingEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One change of one node's standing."""

    seq: int
    """Of all events of the club, from 0 and without gaps."""
    at: float
    """Unix seconds on the coordinator's timeline."""
    node: NodeId
    member: MemberId
    """Who owned the node then."""
    change: Change
    points: int = 0
    """What it adds to the points, after the floor: the sum of all is the points."""
    held: int = 0
    """What it adds to the points in escrow."""
    total: int = 0
    """Points after it."""
    count: int = 1
    """How many alike it stands for: hours; of RELEASED and VOIDED the events that were
    held, oldest first; of SUSPENDED the days, 0 until a review. A TIMEOUT over the
    limit has 0, and so has an UPTIME for hours that were told before."""
    model: str = ""
    """For which model, where that matters."""
    cause: str = ""
    """What it rests on: `task:HEX`, `check:ID`, `review:SEQ`, `hour:ISO`, `week:ISO`,
    `event:SEQ`, `member:ID`."""
    by: str = ""
    """Who or what said so: a kind of check, `member:ID` of a client, an operator."""
    why: str = ""
    """One sentence for people, or the text that the change carries (a schedule)."""
