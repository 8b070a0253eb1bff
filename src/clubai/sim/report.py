"""What a simulation shows: a struct for machines, and rows of text for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clubai.model import Value
from clubai.sim.plan import Plan
from clubai.sim.populations import HONEST
from clubai.sim.tally import DayCount, Outcome, Result

COLUMNS: Final = (
    "Population",
    "Nodes",
    "Points",
    "Profit",
    "Suspended",
    "On day",
    "Answers",
    "Bad",
    "Checks",
)
_BARS: Final = " ▁▂▃▄▅▆▇█"


class PopulationReport(Value, frozen=True, kw_only=True):
    """One population; means are over its nodes."""

    nodes: int
    points: int
    """Mean, at the end."""
    profit_vs_honest: float | None
    """Mean profit as a share of an honest node's: 1 is as much. None: nobody is honest,
    or the honest earn nothing."""
    suspended_share: float
    """Of its nodes, those that were suspended at least once."""
    suspended_day: int | None
    """In the middle of those; None: none was."""
    answers: float
    """To members' tasks, each node in all days."""
    bad_answers: float
    """Of these, bad ones that reached members."""
    checks: float
    credit_minor: int
    """Of all its nodes."""
    fees_lost_minor: int


class Report(Value, frozen=True, kw_only=True):
    """All that a simulation shows."""

    seed: int
    nodes: int
    days: int
    tasks_per_day: int
    rules: str
    without: tuple[str, ...]
    clubs: int
    """1, or 2 independent halves."""
    bad_answer_share: float
    """Of the answers that reached members."""
    verification_share: float
    """Of all work, that of checks and replicas."""
    unserved_share: float
    """Of the tasks, those that nobody answered."""
    simulated_node_days_per_second: float
    seconds: float
    populations: dict[str, PopulationReport]
    bad_by_day: tuple[float, ...]
    points_by_day: dict[str, tuple[int, ...]]


def report(
    plan: Plan,
    result: Result,
    *,
    rules: str,
    without: Sequence[str] = (),
    clubs: int,
    seconds: float,
) -> Report:
    """Say what `result` shows; `seconds` is how long it took on the wall."""
    tally = result.tally
    honest = _profit(result.outcomes.get(HONEST))
    return Report(
        seed=plan.seed,
        nodes=plan.nodes,
        days=plan.days,
        tasks_per_day=plan.tasks_per_day,
        rules=rules,
        without=tuple(without),
        clubs=clubs,
        bad_answer_share=_share(tally.bad, tally.delivered),
        verification_share=_share(tally.check_work, tally.work),
        unserved_share=_share(tally.unserved, tally.tasks),
        simulated_node_days_per_second=round(plan.nodes * plan.days / seconds, 1),
        seconds=round(seconds, 2),
        populations={
            name: _population(outcome, honest)
            for name, outcome in result.outcomes.items()
            if outcome.nodes
        },
        bad_by_day=tuple(map(_bad, tally.days)),
        points_by_day={
            name: tuple(points // outcome.nodes for points in outcome.course)
            for name, outcome in result.outcomes.items()
            if outcome.nodes
        },
    )


def rows(found: Report) -> list[tuple[str, ...]]:
    """The table, one row a population, under `COLUMNS`."""
    return [
        (
            name,
            str(each.nodes),
            str(each.points),
            "-" if each.profit_vs_honest is None else f"{each.profit_vs_honest:.0%}",
            f"{each.suspended_share:.1%}",
            "-" if each.suspended_day is None else str(each.suspended_day),
            f"{each.answers:.0f}",
            f"{each.bad_answers:.1f}",
            f"{each.checks:.0f}",
        )
        for name, each in found.populations.items()
    ]


def bars(values: Sequence[float], *, width: int, top: float) -> str:
    """A line of bars: the mean of each slice of `values`, as a share of `top`."""
    count = min(width, len(values))
    means = [
        _mean(values[len(values) * i // count : len(values) * (i + 1) // count])
        for i in range(count)
    ]
    last = len(_BARS) - 1
    return "".join(_BARS[_height(mean, top, last)] for mean in means)


def _height(value: float, top: float, last: int) -> int:
    if value <= 0 or top <= 0:
        return 0
    return max(1, min(last, round(value / top * last)))


def _population(outcome: Outcome, honest: float) -> PopulationReport:
    days = outcome.suspended_days
    return PopulationReport(
        nodes=outcome.nodes,
        points=outcome.points // outcome.nodes,
        profit_vs_honest=round(_profit(outcome) / honest, 4) if honest > 0 else None,
        suspended_share=_share(outcome.suspended, outcome.nodes),
        suspended_day=days[len(days) // 2] if days else None,
        answers=round(outcome.answers / outcome.nodes, 1),
        bad_answers=round(outcome.bad / outcome.nodes, 1),
        checks=round(outcome.checks / outcome.nodes, 1),
        credit_minor=outcome.credit,
        fees_lost_minor=outcome.fees,
    )


def _profit(outcome: Outcome | None) -> float:
    """Mean profit of a node, in minor units."""
    if outcome is None or not outcome.nodes:
        return 0.0
    return (outcome.credit - outcome.fees - outcome.cost) / outcome.nodes


def _bad(day: DayCount) -> float:
    return _share(day.bad, day.delivered)


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
