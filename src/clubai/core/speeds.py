"""How fast nodes are, measured: what the scheduler expects of the next task."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Final

import msgspec

from clubai.model import Kind

WEIGHT: Final = 0.3
"""Of the newest sample in a moving average."""
REFERENCE_TOKENS: Final = 256
"""Length of an answer where nothing is known of it."""
FIRST_GUESS: Final = 30.0
"""Tokens per second, before any node has said or shown anything."""
FIRST_SERVICE_S: Final = 10.0
"""Time of one task, before any was finished."""
FASTEST: Final = 100_000.0
"""Tokens per second that no claim and no sample can exceed."""
_LEAST_SHARE: Final = 0.1
"""Of an attempt's time that counts as generation, whatever the node says."""
_LEAST_TIME_S: Final = 0.001
_KEPT: Final = 31
"""Samples in the median of a model."""


class Sample(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One finished attempt."""

    tokens: int
    first_token_s: float
    """The node's own measure."""
    total_s: float
    """The coordinator's measure, from acceptance to the end."""

    @property
    def tokens_per_second(self) -> float:
        """0 when there were too few tokens to tell."""
        if self.tokens < 2 or self.total_s <= 0:
            return 0.0
        generation_s = max(
            self.total_s - self.first_token_s,
            self.total_s * _LEAST_SHARE,
            _LEAST_TIME_S,
        )
        return min(self.tokens / generation_s, FASTEST)


def average(before: float, sample: float) -> float:
    """The moving average after `sample`; `before` 0: there was none."""
    return before + WEIGHT * (sample - before) if before else sample


class Speed:
    """Of one model on one node."""

    __slots__ = ("first_token_s", "tokens_per_second")

    def __init__(self) -> None:
        self.tokens_per_second = 0.0
        self.first_token_s = 0.0

    def add(self, sample: Sample) -> None:
        """Take one finished attempt into the averages."""
        rate = sample.tokens_per_second
        if rate:
            self.tokens_per_second = average(self.tokens_per_second, rate)
        first_s = min(sample.first_token_s, sample.total_s) if rate else sample.total_s
        self.first_token_s = average(self.first_token_s, first_s)


class Pace:
    """Of one model over all its nodes: what is expected of a node not yet measured."""

    __slots__ = ("_answer_tokens", "_median", "_rates", "_service_s")

    def __init__(self) -> None:
        self._rates: deque[float] | None = None
        self._median = FIRST_GUESS
        self._service_s = 0.0
        self._answer_tokens = 0.0

    @property
    def typical(self) -> float:
        """Median tokens per second of the newest samples."""
        return self._median

    @property
    def service_s(self) -> float:
        """Usual time of one task on a node."""
        return self._service_s or FIRST_SERVICE_S

    def add(self, sample: Sample) -> None:
        """Take one finished attempt into the averages."""
        self._service_s = average(self._service_s, max(sample.total_s, _LEAST_TIME_S))
        if sample.tokens:
            self._answer_tokens = average(self._answer_tokens, sample.tokens)
        rate = sample.tokens_per_second
        if rate:
            if self._rates is None:
                self._rates = deque(maxlen=_KEPT)
            self._rates.append(rate)
            self._median = median(self._rates)

    def answer_tokens(self, kind: Kind, max_tokens: int) -> float:
        """How long an answer will be, as far as can be told before."""
        if kind == "embedding":
            return 0.0
        usual = self._answer_tokens or REFERENCE_TOKENS
        return min(usual, max_tokens) if max_tokens else usual


def expected_s(speed: Speed | None, tokens: float, prior: float) -> float:
    """Seconds that an answer of `tokens` takes on a node.

    A node that is not measured is taken to begin at once, so that it is tried.
    """
    if speed is None:
        return tokens / prior
    return speed.first_token_s + tokens / (speed.tokens_per_second or prior)
