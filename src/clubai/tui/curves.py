"""Counts over time as the columns of a curve: windows and averages. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from clubai.model import TaskSnapshot
from clubai.tui.picture import SAMPLE_S, Sample

HOLDS_S: Final = 5.0
"""For how long a count is taken to hold when no other one comes."""


class Window(NamedTuple):
    """How far back a curve goes."""

    name: str
    seconds: float


WINDOWS: Final = (Window("60 s", 60.0), Window("10 min", 600.0), Window("1 h", 3600.0))
BOUNDS_MS: Final = (250, 500, 1000, 2000, 5000)
"""Between the bars of first-token times."""


class Span(NamedTuple):
    """A value, and from when to when it held."""

    begin: float
    end: float
    value: float


class Curve(NamedTuple):
    """A curve that is ready to be drawn."""

    columns: tuple[float | None, ...]
    """The mean of each column, the oldest first; None: nothing is known of it."""

    @property
    def values(self) -> list[float]:
        """The columns, with nothing where nothing is known."""
        return [value or 0.0 for value in self.columns]

    @property
    def highest(self) -> float:
        """The highest column; 0 when nothing is known."""
        return max((value for value in self.columns if value is not None), default=0.0)


def averaged(spans: Iterable[Span], begin: float, end: float, columns: int) -> Curve:
    """The mean over time of each of `columns` equal parts of `begin` to `end`.

    Spans are in the order of time and do not overlap. A span that is longer than a
    column stands in several; what lies outside of the window is left out.
    """
    if columns <= 0 or end <= begin:
        return Curve(())
    width = (end - begin) / columns
    areas, covered = [0.0] * columns, [0.0] * columns
    for span in spans:
        if span.end <= begin or span.begin >= end:
            continue
        first = max(int((span.begin - begin) / width), 0)
        last = min(math.ceil((span.end - begin) / width), columns)
        for column in range(first, last):
            left = max(span.begin, begin + column * width)
            right = min(span.end, begin + (column + 1) * width)
            if right > left:
                areas[column] += span.value * (right - left)
                covered[column] += right - left
    return Curve(
        tuple(
            area / seconds if seconds > 0 else None
            for area, seconds in zip(areas, covered, strict=True)
        )
    )


def levels(samples: Sequence[Sample], count: Callable[[Sample], float]) -> list[Span]:
    """What a count was: each sample's since the one before, or as long as it holds."""
    spans = []
    before = samples[0].at - SAMPLE_S if samples else 0.0
    for sample in samples:
        spans.append(Span(max(before, sample.at - HOLDS_S), sample.at, count(sample)))
        before = sample.at
    return spans


def speeds(samples: Sequence[Sample], count: Callable[[Sample], float]) -> list[Span]:
    """How fast a count grew between samples, a second."""
    return [
        Span(one.at, other.at, (count(other) - count(one)) / (other.at - one.at))
        for one, other in itertools.pairwise(samples)
        if other.at > one.at
    ]


def frame(now: float, last: float, seconds: float, columns: int) -> tuple[float, float]:
    """From when to when a curve goes: its columns stand still while time goes on.

    `last`: when the last sample was taken. While they come, the curve ends with it, so
    that its last column is not empty for a part of each second.
    """
    until = last if now - last < HOLDS_S else now
    width = seconds / max(columns, 1)
    end = math.ceil(until / width) * width
    return end - seconds, end


def recent_samples(samples: Iterable[Sample], since: float) -> list[Sample]:
    """The samples after a moment, and the one before it."""
    kept = list(samples)
    first = len(kept)
    while first > 0 and kept[first - 1].at >= since:
        first -= 1
    return kept[max(first - 1, 0) :]


def first_token_bars(
    tasks: Iterable[TaskSnapshot], since: float
) -> tuple[tuple[str, int], ...]:
    """How many answers of tasks that ended since then began how soon."""
    counts = [0] * (len(BOUNDS_MS) + 1)
    for task in tasks:
        if task.first_token_ms > 0 and task.ended_at >= since:
            counts[sum(task.first_token_ms >= bound for bound in BOUNDS_MS)] += 1
    names = [f"< {_short(bound)}" for bound in BOUNDS_MS]
    return tuple(zip((*names, f"{_short(BOUNDS_MS[-1])} +"), counts, strict=True))


def _short(milliseconds: int) -> str:
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    return f"{milliseconds // 1000} s"
