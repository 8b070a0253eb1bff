"""How often a node is drawn for members' work."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from clubai.reputation.probation import SHARE, in_probation
from clubai.reputation.record import Record
from clubai.reputation.rules import Rules
from clubai.reputation.slashing import checks_alone

HALF: Final = 1000
"""Points at which half of what points can give is reached."""
BASE: Final = 0.05
EXPLORED: Final = 0.05
"""Share of the draws in which all that may be drawn are equal."""


def weight(record: Record, rules: Rules, *, now: float, model: str = "") -> float:
    """0 to 1.05; 0: it is kept away from members' work."""
    if record.suspended:
        return 0.0
    if not rules.selection:
        return 1.0
    if checks_alone(record, rules):
        return 0.0
    weight = record.points / (record.points + HALF) + BASE
    if rules.probation and in_probation(record, now, model):
        weight *= SHARE
    return weight


def draw(weights: Sequence[float], rng: Random) -> int:
    """The index of the one drawn: by weight, and now and then all alike.

    Raises:
        ValueError: no weight is above 0.
    """
    total = sum(weight for weight in weights if weight > 0)
    if not total > 0:
        msg = f"none of {len(weights)} weights is above 0: nothing can be drawn"
        raise ValueError(msg)
    alike = rng.random() < EXPLORED
    if alike:
        total = sum(1 for weight in weights if weight > 0)
    left = rng.random() * total
    last = 0
    for index, weight in enumerate(weights):
        if weight <= 0:
            continue
        last = index
        left -= 1 if alike else weight
        if left < 0:
            break
    return last
