"""What a simulation counts while it runs: whole numbers that add up over clubs."""

from __future__ import annotations

import msgspec

from clubai.model import Value


class Tally(msgspec.Struct, kw_only=True):
    """Counts of one club; `work` is in the tokens of `work.Size.tokens`."""

    tasks: int = 0
    """Asked by members."""
    unserved: int = 0
    """No node was found, or all that were found let it expire."""
    delivered: int = 0
    bad: int = 0
    """Bad answers that reached a member."""
    work: int = 0
    """Of all answers, the checks' too."""
    check_work: int = 0
    """Of checks, and of the further replicas of compared tasks."""
    checks: int = 0
    events: int = 0
    """Of standing."""
    days: list[DayCount] = msgspec.field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take in the counts of another club of the same days."""
        for field in self.__struct_fields__:
            if field != "days":
                total = getattr(self, field) + getattr(other, field)
                setattr(self, field, total)
        self.days = [
            DayCount(
                delivered=mine.delivered + its.delivered,
                bad=mine.bad + its.bad,
                work=mine.work + its.work,
                check_work=mine.check_work + its.check_work,
            )
            for mine, its in zip(self.days, other.days, strict=True)
        ]


class DayCount(Value, frozen=True, kw_only=True):
    """The same counts of one day, or up to one."""

    delivered: int
    bad: int
    work: int
    check_work: int

    def minus(self, earlier: DayCount) -> DayCount:
        """What came since the counts of an earlier moment."""
        return DayCount(
            delivered=self.delivered - earlier.delivered,
            bad=self.bad - earlier.bad,
            work=self.work - earlier.work,
            check_work=self.check_work - earlier.check_work,
        )


class Outcome(Value, frozen=True, kw_only=True):
    """What became of the seats of one population; sums over its seats."""

    nodes: int
    points: int
    suspended: int
    """Seats that were suspended at least once."""
    suspended_days: tuple[int, ...]
    """On which day each of them was suspended first, sorted."""
    credit: int
    """Minor units, like fees."""
    fees: int
    cost: float
    """Minor units of compute."""
    answers: int
    """To members' tasks."""
    bad: int
    """Of these, bad ones that reached members."""
    checks: int
    """Answered checks."""
    course: tuple[int, ...] = ()
    """Points at the end of each day."""

    def plus(self, other: Outcome) -> Outcome:
        """Both together."""
        return Outcome(
            nodes=self.nodes + other.nodes,
            points=self.points + other.points,
            suspended=self.suspended + other.suspended,
            suspended_days=tuple(sorted(self.suspended_days + other.suspended_days)),
            credit=self.credit + other.credit,
            fees=self.fees + other.fees,
            cost=self.cost + other.cost,
            answers=self.answers + other.answers,
            bad=self.bad + other.bad,
            checks=self.checks + other.checks,
            course=tuple(map(sum, zip(self.course, other.course, strict=True))),
        )


class Result(Value, frozen=True, kw_only=True):
    """What one club, or several together, came to."""

    tally: Tally
    outcomes: dict[str, Outcome]
    closes: tuple[Closed, ...]


class Closed(Value, frozen=True, kw_only=True):
    """One month's pool, in minor units."""

    month: str
    pool: int
    """With what earlier months carried on."""
    paid: int
    carry: int


def together(results: list[Result]) -> Result:
    """Several clubs of the same mix and days as one."""
    first, *others = results
    tally = Tally()
    tally.days = [DayCount(delivered=0, bad=0, work=0, check_work=0)] * len(
        first.tally.days
    )
    tally.add(first.tally)
    outcomes = dict(first.outcomes)
    for other in others:
        tally.add(other.tally)
        for name, outcome in other.outcomes.items():
            mine = outcomes.get(name)
            outcomes[name] = outcome if mine is None else mine.plus(outcome)
    closes = tuple(each for result in results for each in result.closes)
    return Result(tally=tally, outcomes=outcomes, closes=closes)
