"""How often a node is drawn for members' work."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
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
    points = record.points
    weight = points / (points + HALF) + BASE
    if rules.probation and in_probation(record, now, model):
        weight *= SHARE
    return weight


def draw(weights: Sequence[float], rng: Random) -> int:
    """The index of the one drawn: by weight, and now and then all alike.

    Raises:
        ValueError: no weight is above 0.
    """
    totals = list(accumulate(weights))
    total = totals[-1] if totals else 0
    if not total > 0:
        msg = f"none of {len(weights)} weights is above 0: nothing can be drawn"
        raise ValueError(msg)
    if rng.random() < EXPLORED:
        drawable = [index for index, weight in enumerate(weights) if weight > 0]
        return drawable[int(rng.random() * len(drawable))]
    index = bisect_right(totals, rng.random() * total, hi=len(totals) - 1)
    while weights[index] <= 0:  # the last ones may be 0, and a product rounded up
        index -= 1
    return index
