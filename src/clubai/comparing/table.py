"""How alike each answer is to each other: who agrees, and who is nearest to most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import fsum
from statistics import fmean
from typing import NamedTuple

from clubai.comparing.comparator import Comparator
from clubai.comparing.similarity import alike_in_words, wording


class Rank(NamedTuple):
    """Where one answer stands; the lowest leads."""

    nearness: float
    """Negative: how alike the answer is to the last of those that it needs."""
    total: float
    """Negative: the sum of how alike it is to each other answer."""
    style: float
    """Negative: how alike in words it is to those whose value is alike, in sum. Else
    whoever gives the common value could have any text returned with it."""
    label: str


class Table:
    """The likenesses of some answers; `needed` of them are a majority."""

    def __init__(
        self,
        values: Mapping[str, str | None],
        texts: Mapping[str, str],
        comparator: Comparator,
        *,
        threshold: float,
        needed: int,
    ) -> None:
        self._values = values
        self._threshold = threshold
        self._needed = needed
        self._alike: dict[str, dict[str, float]] = {label: {} for label in values}
        self._style: dict[str, list[float]] = {label: [] for label in values}
        words = {}
        if comparator.kind != "text":
            words = {label: wording(texts[label]) for label in values}
        for a, b in combinations(sorted(values), 2):
            alike = comparator.alike(values[a], values[b])
            self._alike[a][b] = self._alike[b][a] = alike
            if words and alike >= threshold:
                style = alike_in_words(words[a], words[b])
                self._style[a].append(style)
                self._style[b].append(style)
        self.ranks = sorted(map(self._rank, values))

    def agree(self, a: str, b: str) -> bool:
        """Whether two different answers are alike enough."""
        return self._alike[a][b] >= self._threshold

    def agreeing(self, label: str) -> list[str]:
        """The answer and those that agree with it, in order; nobody when none does."""
        others = [other for other in self._alike[label] if self.agree(label, other)]
        return sorted([label, *others]) if others else []

    def leading(self) -> str | None:
        """The answer that is nearest to a majority.

        None when no answer is like another, or when two that do not agree are equally
        near. One that is alone leads.
        """
        if not self.ranks:
            return None
        first, *others = self.ranks
        if others and first.total == 0:
            return None
        has_majority = -first.nearness >= self._threshold
        equal = [rank.label for rank in others if rank[:2] == first[:2]]
        if has_majority or all(self.agree(first.label, other) for other in equal):
            return first.label
        return None

    def outliers(self, supporters: Sequence[str]) -> tuple[str, ...]:
        """Those who agree not, and on average are too little like those who do.

        Nobody is among fewer than three answers.
        """
        if len(self._alike) < 3:
            return ()
        return tuple(
            label
            for label, alike in self._alike.items()
            if label not in supporters
            and fmean(alike[other] for other in supporters) < self._threshold
        )

    def groups(self, leading: str | None) -> list[list[str]]:
        """Answers that agree with the first of their group, the largest group first.

        Each answer that has a value is in one of them. That of the leading answer is
        whole; the others are of those that are left.
        """
        order = sorted(
            (rank for rank in self.ranks if self._values[rank.label] is not None),
            key=lambda rank: (
                rank.label != leading,
                -len(self.agreeing(rank.label)),
                rank,
            ),
        )
        left = [rank.label for rank in order]
        groups = []
        while left:
            first, *others = left
            group = [other for other in others if self.agree(first, other)]
            groups.append([first, *sorted(group)])
            left = [other for other in others if other not in group]
        return sorted(groups, key=len, reverse=True)

    def _rank(self, label: str) -> Rank:
        others = self._alike[label].values()
        nearest = sorted(others, reverse=True)
        last = self._needed - 2
        nearness = nearest[last] if last < len(nearest) else 0.0
        return Rank(-nearness, -fsum(others), -fsum(self._style[label]), label)
