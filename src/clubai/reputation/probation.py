"""Who is new: a node, or a model on it, until audits over some days were passed."""

from __future__ import annotations

from typing import Final

from clubai.reputation.days import DAY_S
from clubai.reputation.record import Record

PASSES: Final = 20
PERIOD_S: Final = 7 * DAY_S
SHARE: Final = 0.25
"""Of its weight that a new node has."""


def in_probation(record: Record, now: float, model: str = "") -> bool:
    """Whether the node is new, or what it offers under `model` is; "": the node alone.

    The models that a node offers when it joins are new as long as it is. One that it
    offers later is new by itself, and one that it never offered always.
    """
    if _new(record.probation_passes, record.probation_since, now):
        return True
    if not model:
        return False
    claim = record.models.get(model)
    if claim is None:
        return True
    return claim.at > record.first_at and _new(claim.passes, claim.at, now)


def _new(passes: int, since: float, now: float) -> bool:
    return passes < PASSES or now - since < PERIOD_S
