"""What a confirmed invalid result costs beyond 50 points."""

from __future__ import annotations

from typing import Final

from clubai.reputation.record import Record
from clubai.reputation.rules import Rules

LEAST_POINTS: Final = 50
"""Below it a node gets checks alone."""
STRIKES: Final = 3
"""Confirmed invalid results within 30 days that suspend."""
SUSPENSION_DAYS: Final = 30
_SHARE: Final = 10


def penalty(points: int, rules: Rules) -> int:
    """What a confirmed invalid result adds to `points`, before the floor."""
    if not rules.slash:
        return rules.invalid
    return -max(-rules.invalid, points // _SHARE)


def checks_alone(record: Record, rules: Rules) -> bool:
    """Whether members' work is kept away from the node for its points."""
    return rules.slash and record.points < LEAST_POINTS


def to_suspend(record: Record, rules: Rules) -> bool:
    """Whether the newest confirmed result was one too many."""
    if not rules.slash or record.suspended:
        return False
    return len(record.confirmed_at) >= STRIKES


def suspension_days(record: Record) -> int:
    """Of the next suspension; 0: until a member review."""
    return 0 if record.suspensions else SUSPENSION_DAYS
