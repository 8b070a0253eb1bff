"""What came of a run with cheats in it: who was caught, and after how many tasks."""

from __future__ import annotations

from typing import Final

import msgspec

from clubai.reputation.events import Change, StandingEvent


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One node."""

    node: str
    does: str
    tasks: int
    """Members' tasks that it ended."""
    passed: int
    failed: int
    unclear: int
    """Audits in which it answered, and that could not be compared."""
    kinds: dict[str, int]
    """Of its checks."""
    cut: int
    """Checks that it failed because it was cut off too often."""
    convictions: int
    points: int
    flagged: int
    kept_away: tuple[int, int] | None
    """Members' tasks and checks until it got no more members' work."""
    suspended: tuple[int, int] | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The whole run."""

    machine: str
    seconds: float
    asked: int
    """Questions of the member."""
    least: int
    """Checks until a cheat that fails each of them is suspended: three times three."""
    expected: int
    """The same for one that fails as the test supposes of a slightly smaller model."""
    rows: list[Row]


HEAD: Final = "{:16}{:>6}{:>8}{:>8}{:>9}{:>5}{:>11}{:>8}{:>7}{:>12}{:>12}"
COLUMNS: Final = (
    *("node", "tasks", "passed", "failed", "unclear", "cut", "convicted", "points"),
    *("flags", "kept away", "suspended"),
)
CHECKED: Final = (Change.PASSED, Change.FAILED)


def until(
    ends: list[StandingEvent], checks: list[StandingEvent], tasks: list[float]
) -> tuple[int, int] | None:
    """Tasks and checks until the first of the events; None: it never came."""
    if not ends:
        return None
    first = ends[0]
    return (
        sum(at <= first.at for at in tasks),
        sum(event.seq <= first.seq for event in checks),
    )


def lines(result: Result) -> list[str]:
    found = [
        f"{result.machine}; {result.seconds:.0f} s; {result.asked} questions",
        f"checks until suspended: {result.least} at the least, {result.expected} usual",
        HEAD.format(*COLUMNS),
    ]
    for row in result.rows:
        counts = (row.tasks, row.passed, row.failed, row.unclear, row.cut)
        ends = (row.convictions, row.points, row.flagged)
        found.append(
            HEAD.format(
                *(row.node, *counts, *ends),
                *(shown(row.kept_away), shown(row.suspended)),
            )
        )
        found.append(f"{'':16}{row.kinds}")
    return found


def shown(counts: tuple[int, int] | None) -> str:
    return "-" if counts is None else f"{counts[0]}t {counts[1]}c"
