"""Which templates a model answers well enough to be judged by them: measured.

A template is used for a model only while the lower end of the Wilson interval of what
reference nodes passed (one-sided, 95 %) is at least 98 %. A plain share of 98 % of 50
answers would let in every eighth template that the model in truth passes in 93 of 100
cases, and two failed known answers convict a node. It takes 133 answers without a
mistake, or 222 with one; a template that cannot come there is given up at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from clubai.model import Value

LEAST_SHARE: Final = 0.98
"""Of the questions of a template that a model must pass."""
Z: Final = 1.6449
"""The one-sided 95 % point of the normal distribution."""


class Tried(Value, frozen=True, kw_only=True):
    """A reference node's answer to a question of a template."""

    model: str
    template: str
    passed: bool


class Tally(NamedTuple):
    """What came of one template on one model."""

    tries: int = 0
    passed: int = 0

    @property
    def allowed(self) -> bool:
        """Whether nodes with the model may be judged by the template."""
        return bounds(self)[0] >= LEAST_SHARE

    @property
    def hopeless(self) -> bool:
        """Whether the model does not pass it: further tries are a waste."""
        return bounds(self)[1] < LEAST_SHARE


class Calibration:
    """A fold over what reference nodes answered."""

    def __init__(self, tried: Iterable[Tried] = ()) -> None:
        self._tallies: dict[tuple[str, str], Tally] = {}
        for each in tried:
            self.apply(each)

    def apply(self, tried: Tried) -> None:
        """Count one answer."""
        key = (tried.model, tried.template)
        tries, passed = self._tallies.get(key, Tally())
        self._tallies[key] = Tally(tries + 1, passed + tried.passed)

    def tally(self, model: str, template: str) -> Tally:
        """What came of a template on a model."""
        return self._tallies.get((model, template), Tally())

    def allowed(self, model: str, templates: Sequence[str]) -> tuple[str, ...]:
        """Those of the templates by which nodes with the model may be judged."""
        tried = self._tallies
        return tuple(
            each
            for each in templates
            if (model, each) in tried and tried[model, each].allowed
        )

    def wanting(self, model: str, templates: Sequence[str]) -> str | None:
        """The template to try next: the one that is nearest to being decided.

        None: all of them are decided.
        """
        tallies = {each: self.tally(model, each) for each in templates}
        open_ = [
            name
            for name, tally in tallies.items()
            if not (tally.allowed or tally.hopeless)
        ]
        return max(open_, key=lambda name: tallies[name].passed, default=None)


def bounds(tally: Tally) -> tuple[float, float]:
    """The ends of the Wilson interval of the share that passes."""
    tries, passed = tally
    if not tries:
        return 0.0, 1.0
    share, z2 = passed / tries, Z * Z
    middle = (share + z2 / (2 * tries)) / (1 + z2 / tries)
    root = math.sqrt(share * (1 - share) / tries + z2 / (4 * tries * tries))
    half = Z / (1 + z2 / tries) * root
    return middle - half, middle + half
