"""How many tokens a second nodes with the same model reach, and who is far above.

A rate is compared with those of the other nodes: whoever is much asked does not set the
measure for itself. A node that gives most of the answers of a model is not compared.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from typing import Final

from clubai.model import NodeId
from clubai.verification.plausibility import FEWEST_TOKENS

KEPT: Final = 500
"""Newest rates of a model."""
FEWEST: Final = 100
"""Rates of others before any is far above."""
FAR: Final = 1.5
"""Times the 99th percentile: one answer in a hundred is above that itself."""
LOOK_EVERY: Final = 50
"""Rates of a model from one close look to the next, at the least: each costs."""
FLAG_EVERY_S: Final = 3600.0
_MOST_MODELS: Final = 1024
_MOST_FLAGS: Final = 4096


class ModelRates:
    """Of one model: tokens a second, from acceptance to the end."""

    __slots__ = ("_newest", "_sorted", "_unseen")

    def __init__(self) -> None:
        self._newest: deque[tuple[NodeId, float]] = deque()
        self._sorted: list[float] = []
        self._unseen = LOOK_EVERY

    def add(self, node: NodeId, rate: float) -> float:
        """Take one in; what others reach at most if it is far above that, else 0."""
        rates = self._sorted
        far = len(rates) >= FEWEST and rate > FAR * rates[len(rates) // 2]
        most = self._most_of_others(node) if far and self._look() else 0.0
        if len(self._newest) == KEPT:
            del rates[bisect_left(rates, self._newest.popleft()[1])]
        self._newest.append((node, rate))
        insort(rates, rate)
        self._unseen += 1
        return most if most and rate > most else 0.0

    def _look(self) -> bool:
        if self._unseen < LOOK_EVERY:
            return False
        self._unseen = 0
        return True

    def _most_of_others(self, node: NodeId) -> float:
        others = sorted(rate for each, rate in self._newest if each != node)
        return FAR * others[len(others) * 99 // 100] if len(others) >= FEWEST else 0.0


class Rates:
    """Of all models; each node is doubted at most once an hour."""

    def __init__(self) -> None:
        self._models: dict[str, ModelRates] = {}
        self._doubted: dict[NodeId, float] = {}

    def add(
        self, node: NodeId, model: str, tokens: int, seconds: float, now: float
    ) -> float:
        """Take one answer in.

        Returns:
            The tokens a second that others reach at most, when this is far above, and
            the node was not doubted within the hour; else 0.
        """
        if tokens < FEWEST_TOKENS or seconds <= 0:
            return 0.0
        rates = self._models.get(model)
        if rates is None:
            if len(self._models) >= _MOST_MODELS:
                del self._models[next(iter(self._models))]
            rates = self._models[model] = ModelRates()
        most = rates.add(node, tokens / seconds)
        if not most or now < self._doubted.get(node, 0.0) + FLAG_EVERY_S:
            return 0.0
        self._doubted.pop(node, None)
        if len(self._doubted) >= _MOST_FLAGS:
            del self._doubted[next(iter(self._doubted))]
        self._doubted[node] = now
        return most
