"""The sequential test: how much a row of checks says of one node and model (Wald).

Each check adds the logarithm of how much likelier its result is from a cheat than from
an honest node. The sum is proof above `CONVICT`, and forgotten below `CLEAR`.
"""

from __future__ import annotations

from math import ceil, log
from typing import Final

import msgspec

from clubai.reputation.facts import CheckKind

ALPHA: Final = 0.001
"""Chance that an honest node is convicted."""
BETA: Final = 0.05
"""Chance that a cheat is cleared."""
CONVICT: Final = log((1 - BETA) / ALPHA)
"""6.86"""
CLEAR: Final = log(BETA / (1 - ALPHA))
"""-3.0"""


class Power(msgspec.Struct, frozen=True, gc=False):
    """How well one kind of check tells a cheat from an honest node."""

    caught: float
    """Chance that a cheat fails it."""
    alarms: float
    """Chance that an honest node fails it."""

    @property
    def failed(self) -> float:
        """What a failed check adds."""
        return log(self.caught / self.alarms)

    @property
    def passed(self) -> float:
        """What a passed check adds; negative."""
        return log((1 - self.caught) / (1 - self.alarms))


GARBAGE: Final = Power(0.96, 0.02)
"""A known answer, against a node that answers anything."""
SUBTLE: Final = Power(0.72, 0.05)
"""An answer key at temperature 0, against a slightly smaller model."""
GROSS: Final = Power(0.93, 0.05)
"""Agreement of texts, against another model or nonsense."""
SUBTLE_TEXT: Final = Power(0.10, 0.05)
"""Agreement of texts at temperature 0.7, against a slightly smaller model: no use."""

POWERS: Final = {
    CheckKind.KNOWN_ANSWER: GARBAGE,
    CheckKind.ANSWER_KEY: SUBTLE,
    CheckKind.AGREEMENT: GROSS,
}
_STEPS: Final = {
    (kind.value, passed): power.passed if passed else power.failed
    for kind, power in POWERS.items()
    for passed in (True, False)
}


def after(ratio: float, kind: str, *, passed: bool) -> float:
    """The log likelihood ratio after one more check of the `CheckKind` named `kind`."""
    return ratio + _STEPS[kind, passed]


def expected_to_convict(power: Power) -> int:
    """Checks that it takes on average until a cheat is convicted, rounded up."""
    step = power.caught * power.failed + (1 - power.caught) * power.passed
    return ceil(CONVICT / step)


def expected_to_clear(power: Power) -> int:
    """Checks that it takes on average until an honest node is cleared, rounded up."""
    step = power.alarms * power.failed + (1 - power.alarms) * power.passed
    return ceil(CLEAR / step)
