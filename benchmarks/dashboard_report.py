"""What was measured of the dashboard, and its budget."""

from __future__ import annotations

from statistics import median
from typing import Final, Self

import msgspec

from benchmarks.report import Verdict, verdict_line

CPU_SHARE: Final = 0.25
"""Of one processor, on any screen."""
KEY_MS: Final = 100.0
"""From a key to the screen, for 95 of 100."""
GROWTH: Final = 1.05
"""Of memory in an hour, once everything that is kept is full."""
FULL_AFTER_MINUTES: Final = 15
SLOWER: Final = 1.05
"""What a club may pay for one dashboard."""


class ScreenResult(msgspec.Struct, frozen=True, kw_only=True):
    """One screen in front of a busy club."""

    name: str
    seconds: float
    cpu_share: float
    """Of one processor."""
    kb_per_s: float
    """Written to the terminal."""
    memory_mb: float
    server_share: float
    """What the feed's server took, which is no part of it."""


class KeyResult(msgspec.Struct, frozen=True, kw_only=True):
    """How soon keys were seen."""

    keys: str
    presses: int
    p50_ms: float
    p95_ms: float
    most_ms: float

    @classmethod
    def of(cls, keys: str, seconds: list[float]) -> Self:
        """From the time that each took."""
        ordered = sorted(1000 * one for one in seconds)
        many = len(ordered)
        return cls(
            keys=keys,
            presses=many,
            p50_ms=ordered[-(-many // 2) - 1],
            p95_ms=ordered[-(-95 * many // 100) - 1],
            most_ms=ordered[-1],
        )


class HourPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The memory after so many replayed minutes."""

    minute: int
    memory_mb: float
    events: int
    draws: int
    cpu_s: float


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One load on a club, with a dashboard attached to it or without."""

    watched: bool
    requests: int
    errors: int
    per_second: float
    cpu_ms: float
    """Of the coordinator, for one request."""
    screen_share: float

    def words(self) -> str:
        """For people."""
        who = "with a dashboard" if self.watched else "alone"
        return (
            f"  {who:<17}{self.per_second:>8.1f} req/s{self.cpu_ms:>8.3f} ms of the "
            f"coordinator a request, dashboard {self.screen_share:.1%}"
        )


class Result(msgspec.Struct, kw_only=True):
    """All of it; what was not measured is empty."""

    machine: str
    events: float
    nodes: int
    screens: list[ScreenResult] = []
    keys: list[KeyResult] = []
    hour: list[HourPoint] = []
    rounds: list[Round] = []


def slower(rounds: list[Round]) -> tuple[float, float]:
    """How many times fewer requests, and more processor time for each, by medians."""
    alone = [one for one in rounds if not one.watched]
    watched = [one for one in rounds if one.watched]
    return (
        median(one.per_second for one in alone)
        / median(one.per_second for one in watched),
        median(one.cpu_ms for one in watched) / median(one.cpu_ms for one in alone),
    )


def growth(hour: list[HourPoint]) -> float:
    """The most memory, of the least, once everything that is kept is full."""
    full = [one.memory_mb for one in hour if one.minute > FULL_AFTER_MINUTES]
    full = full or [one.memory_mb for one in hour]
    return max(full) / min(full)


def verdicts(result: Result) -> list[Verdict]:
    """The lines of the budget that were measured."""
    found = [
        Verdict(what=f"processor, {one.name}", measured=one.cpu_share, budget=CPU_SHARE)
        for one in result.screens
    ]
    found += [
        Verdict(
            what=f"ms to the screen, {one.keys}", measured=one.p95_ms, budget=KEY_MS
        )
        for one in result.keys
    ]
    if result.hour:
        grown = growth(result.hour)
        found.append(Verdict(what="memory in an hour", measured=grown, budget=GROWTH))
    if result.rounds:
        fewer, dearer = slower(result.rounds)
        found += [
            Verdict(what="club: time of a request", measured=fewer, budget=SLOWER),
            Verdict(
                what="club: coordinator's CPU of a request",
                measured=dearer,
                budget=SLOWER,
            ),
        ]
    return found


def lines(result: Result, found: list[Verdict]) -> list[str]:
    """As a table for people."""
    text = [result.machine, f"{result.nodes} nodes, {result.events:g} events/s"]
    text += [
        f"  {one.name:<10}{one.cpu_share:>8.1%} of one processor,"
        f"{one.kb_per_s:>7.1f} kB/s to the terminal,{one.memory_mb:>6.0f} MB"
        for one in result.screens
    ]
    text += [
        f"  {one.keys:<24}{one.presses:>4} presses, ms: p50 {one.p50_ms:.1f}, "
        f"p95 {one.p95_ms:.1f}, most {one.most_ms:.1f}"
        for one in result.keys
    ]
    text += [
        f"  after {one.minute:>3} min{one.memory_mb:>8.1f} MB, {one.events} events, "
        f"{one.draws} draws, {one.cpu_s:.0f} s of processor"
        for one in result.hour
    ]
    text += [one.words() for one in result.rounds]
    errors = sum(one.errors for one in result.rounds)
    if errors:
        text.append(f"{errors} requests failed")
    return [*text, "", "budget:", *map(verdict_line, found)]
