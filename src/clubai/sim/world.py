"""A club in virtual time: a heap of what comes, one `Random`, and the club's own judge.

Nothing here decides what an answer or a check is worth: the world draws what happens,
tells the judge, and asks it whom to draw and whom to check. An answer is told when it
is asked, for answers take seconds and the world moves in hours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from random import Random
from typing import Final

from clubai.economics.month import Period
from clubai.model import CLUB_ID, MemberId, NodeId
from clubai.reputation import audits
from clubai.reputation.days import DAY_S, HOUR_S, day_at, iso_day
from clubai.reputation.events import Change, StandingEvent
from clubai.reputation.facts import (
    AnswerGiven,
    AnswerMissed,
    CheckEnded,
    CheckKind,
    Fact,
    HoursPassed,
    NodeAppeared,
)
from clubai.reputation.judge import Judge
from clubai.sim import work
from clubai.sim.paying import FEE, Answered, Till
from clubai.sim.plan import Plan
from clubai.sim.pool import NOBODY, Pool
from clubai.sim.seats import Seat, member_id, node_id, take_seats
from clubai.sim.tally import DayCount, Tally
from clubai.sim.work import CHECK_KINDS, MODEL, Size

START: Final = 1_767_225_600
"""2026-01-01 00:00 UTC: 90 days are three whole months."""
TRIES: Final = 4
"""Nodes that are asked, one after another, before a task fails."""
SPARE: Final = 4
"""A machine can do so many times the tasks of an average node in a day."""
COMPARED_SHARE: Final = 0.1
"""Of the tasks, by the rules as asked."""
AUDIT_WITHIN_S: Final = HOUR_S
CANARY_EVERY_S: Final = 900
"""A node that gets no members' work is asked a check this often, as in a club."""
ASKERS: Final = tuple(MemberId(f"m_asker{number:011}") for number in range(97))
"""Members who ask and lend nothing."""

Told = Callable[[int], None]
"""Is told how many days are done."""

_MOVES_WEIGHT: Final = frozenset({Change.PASSED, Change.SUSPENDED, Change.REINSTATED})
_EVERYDAY: Final = frozenset({Change.COMPLETED, Change.FAST, Change.PASSED})


class World:
    """One club. `run` lets its days pass, once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.judge = Judge(plan.rules)
        self.till = Till(Period.holding(START * 1000), by_points=plan.as_asked)
        self.tally = Tally()
        self.seats = list(take_seats(plan.mix, plan.nodes))
        self.names: dict[MemberId, str] = {}
        """The population of each member that lent a node, former ones too."""
        self.courses: dict[str, list[int]] = {name: [] for name in plan.mix}
        """Points of each population at the end of each day."""
        self._random = Random(plan.seed)  # noqa: S311 - no secret, and reproducible
        self._chance = self._random.random
        self._day = 0
        self._places: dict[NodeId, int] = {}
        self._pool = Pool(self.seats, self._random)
        self._checks: list[tuple[float, int, int, NodeId, bool]] = []
        """A heap: when, number, seat, its node, and whether only if it is barred."""
        self._numbers = 0
        self._sizes = work.sizes(self._random)
        self._check_size = work.check_size()
        self._spare = SPARE * plan.tasks_per_day
        for place, seat in enumerate(self.seats):
            seat.pace = self._random.lognormvariate(0.0, work.MACHINES_SPREAD)
            seat.from_hour = int(24 * self._chance())
            self._appear(place, member_id(seat.group), START)

    def run(self, told: Told = lambda day: None) -> None:
        """Let all days pass, and close the months."""
        for day in range(self.plan.days):
            self._day = day
            start = START + day * DAY_S
            before = self._counts()
            self.till.close(start)
            self._begin(start)
            self._pass(start)
            self._end(start)
            self.tally.days.append(self._counts().minus(before))
            told(day + 1)
        self._close(START + self.plan.days * DAY_S)

    def _counts(self) -> DayCount:
        tally = self.tally
        return DayCount(
            delivered=tally.delivered,
            bad=tally.bad,
            work=tally.work,
            check_work=tally.check_work,
        )

    def _begin(self, start: float) -> None:
        for place, seat in enumerate(self.seats):
            seat.taken = seat.machine.answered = 0
            self._weigh(place)
            if not self._pool.weights[place] and seat.renewals < seat.population.renews:
                self._renew(place, start)
            if not self._pool.weights[place] and not self.plan.as_asked:
                self._plan_canaries(place, start)
        self._pool.open()

    def _pass(self, start: float) -> None:
        random, checks = self._chance, self._checks
        count = self.plan.nodes * self.plan.tasks_per_day
        for at in sorted([start + DAY_S * random() for _ in range(count)]):
            while checks and checks[0][0] <= at:
                self._check(*heappop(checks))
            self._ask(at, int((at - start) // HOUR_S))
        end = start + DAY_S
        while checks and checks[0][0] <= end:
            self._check(*heappop(checks))

    def _end(self, start: float) -> None:
        end = start + DAY_S
        day = iso_day(day_at(start))
        last_hour = f"{day}T23:00:00Z"
        for seat in self.seats:
            hours = HoursPassed(
                node=seat.node, last_hour=last_hour, day=day, up=seat.population.hours
            )
            self._tell(hours, end)
        self._hear(self.judge.advance(now=end))
        self._note_points()
        if iso_day(day_at(end)).endswith("-01") and self._day + 1 < self.plan.days:
            self._end_month(end)

    def _note_points(self) -> None:
        sums = dict.fromkeys(self.courses, 0)
        for seat in self.seats:
            sums[seat.name] += self.points(seat)
        for name, points in sums.items():
            self.courses[name].append(points)

    def points(self, seat: Seat) -> int:
        """What the seat's present node has."""
        record = self.judge.record(seat.node)
        return record.points if record else 0

    def _end_month(self, end: float) -> None:
        members = {seat.member: None for seat in self.seats}
        self.till.end_month(self.judge.records(), end, len(members))

    def _close(self, end: float) -> None:
        self._end_month(end)
        self._hear(self.judge.advance(now=end + 8 * DAY_S))
        self.till.close_rest()

    def _ask(self, at: float, hour: int) -> None:
        tally = self.tally
        tally.tasks += 1
        chance, as_asked = self._chance, self.plan.as_asked
        size = self._sizes[int(len(self._sizes) * chance())]
        if as_asked and chance() < COMPARED_SHARE:
            self._compare(at, hour, size)
            return
        place = self._serve(at, hour, size)
        if place == NOBODY:
            tally.unserved += 1
            return
        self._deliver(place, bad=self._is_bad(place, size))
        if not as_asked and chance() < self.judge.audit_rate(self.seats[place].node):
            self._plan_check(place, at + AUDIT_WITHIN_S * chance(), if_barred=False)

    def _deliver(self, place: int, *, bad: bool) -> None:
        self.tally.delivered += 1
        if bad:
            self.tally.bad += 1
            self.seats[place].bad += 1

    def _serve(self, at: float, hour: int, size: Size, without: int = NOBODY) -> int:
        """Have a task answered by somebody; the seat, or `NOBODY`."""
        for _ in range(TRIES):
            place = self._pool.draw(hour, without)
            if place == NOBODY:
                break
            asker = ASKERS[int(len(ASKERS) * self._chance())]
            if self._answer(place, at, size, asker):
                self.seats[place].answers += 1
                return place
        return NOBODY

    def _answer(self, place: int, at: float, size: Size, asker: MemberId) -> bool:
        """Whether the seat answers what it accepted; the judge is told."""
        seat = self.seats[place]
        population, machine, node = seat.population, seat.machine, seat.node
        seat.taken += 1
        self._numbers += 1
        task = self._numbers
        cause = f"task:{task:032x}"
        late = machine.answered >= self._spare
        if late or self._chance() < population.timeouts:
            missed = AnswerMissed(
                node=node, cause=cause, model=MODEL, why="It expired."
            )
            self._tell(missed, at)
            return False
        machine.answered += 1
        prompt, answer, seconds, tokens = size
        self.till.answered(
            Answered(task.to_bytes(16, "big"), node, asker, at, prompt, answer)
        )
        given = AnswerGiven(
            node=node,
            asker=asker,
            cause=cause,
            model=MODEL,
            kind="chat",
            tokens=answer,
            seconds=seconds * seat.pace * population.pace,
            check=asker == CLUB_ID,
        )
        self._hear(self.judge.tell(given, now=at))
        if seat.taken == population.per_day:
            self._pool.weights[place] = 0.0
        self.tally.work += tokens
        return True

    def _is_bad(self, place: int, size: Size) -> bool:
        """Whether the seat's answer is bad; it pays for the compute."""
        seat = self.seats[place]
        population = seat.population
        if population.cheats(self._day) and self._chance() < population.bad:
            seat.cost += size.tokens * population.bad_cost
            return True
        seat.cost += size.tokens * population.cost
        return False

    def _compare(self, at: float, hour: int, size: Size) -> None:
        """Two nodes answer; a third decides when they differ."""
        first = self._serve(at, hour, size)
        if first == NOBODY:
            self.tally.unserved += 1
            return
        says = [(first, *self._say(first, size))]
        second = self._serve(at, hour, size, without=first)
        if second != NOBODY:
            says.append((second, *self._say(second, size)))
            if says[0][2] != says[1][2]:
                third = self._serve(at, hour, size, without=first)
                if third not in (NOBODY, second):
                    says.append((third, *self._say(third, size)))
        self.tally.check_work += size.tokens * (len(says) - 1)
        said = [word for _, _, word in says]
        winner = max(said, key=said.count)
        place, bad, _ = says[said.index(winner)]
        self._deliver(place, bad=bad)
        if said.count(winner) == 1:
            return
        for place, _, word in says:
            self._judged(place, at, CheckKind.AGREEMENT, passed=word == winner)

    def _say(self, place: int, size: Size) -> tuple[bool, int]:
        """Whether an answer is bad, and what it looks like: 0 is what good ones say."""
        bad = self._is_bad(place, size)
        population = self.seats[place].population
        odds = population.caught if bad else population.false_alarm
        if self._chance() >= odds:
            return bad, 0
        if bad and population.colludes:
            return bad, -1
        self._numbers += 1
        return bad, self._numbers

    def _plan_check(self, place: int, at: float, *, if_barred: bool) -> None:
        self._numbers += 1
        node = self.seats[place].node
        heappush(self._checks, (at, self._numbers, place, node, if_barred))

    def _plan_canaries(self, place: int, start: float) -> None:
        """Let a node that gets no members' work earn its way back."""
        record = self.judge.record(self.seats[place].node)
        if record is None or record.suspended_until >= start + DAY_S:
            return
        late = CANARY_EVERY_S * self._chance()
        for number in range(DAY_S // CANARY_EVERY_S):
            at = start + late + number * CANARY_EVERY_S
            self._plan_check(place, at, if_barred=True)

    def _check(
        self, at: float, number: int, place: int, node: NodeId, if_barred: bool
    ) -> None:
        seat = self.seats[place]
        record = self.judge.record(node)
        if record is None or record.suspended or node != seat.node:
            return
        if if_barred and self.judge.weight(node):
            return
        size = self._check_size
        if not self._answer(place, at, size, CLUB_ID):
            return
        self.tally.checks += 1
        self.tally.check_work += size.tokens
        seat.checks += 1
        population = seat.population
        bad = self._is_bad(place, size)
        fails = population.caught if bad else population.false_alarm
        kind = CHECK_KINDS[int(len(CHECK_KINDS) * self._chance())]
        self._judged(place, at, kind, passed=self._chance() >= fails)

    def _judged(self, place: int, at: float, kind: CheckKind, *, passed: bool) -> None:
        ended = CheckEnded(
            node=self.seats[place].node,
            check=str(self._numbers),
            model=MODEL,
            kind=kind,
            passed=passed,
            why="",
        )
        self._tell(ended, at)

    def _appear(self, place: int, member: MemberId, at: float) -> None:
        seat = self.seats[place]
        self._numbers += 1
        seat.node, seat.member = node_id(self._numbers), member
        self._places[seat.node] = place
        self.names[member] = seat.name
        self._tell(NodeAppeared(node=seat.node, member=member, models=(MODEL,)), at)
        self._weigh(place)

    def _renew(self, place: int, at: float) -> None:
        """Let a seat come back as a new node of a new member."""
        seat = self.seats[place]
        seat.renewals += 1
        seat.fees += FEE
        self.till.took_fee(at)
        self._numbers += 1
        self._appear(place, member_id(len(self.seats) + self._numbers), at)

    def _weigh(self, place: int) -> None:
        seat = self.seats[place]
        full = seat.population.per_day and seat.taken >= seat.population.per_day
        self._pool.weights[place] = 0.0 if full else self.judge.weight(seat.node)

    def _tell(self, fact: Fact, at: float) -> None:
        self._hear(self.judge.tell(fact, now=at))

    def _hear(self, events: Sequence[StandingEvent]) -> None:
        moved: NodeId | None = None
        heard = self.till.heard
        self.tally.events += len(events)
        for event in events:
            change = event.change
            heard(event)
            if event.points or change in _MOVES_WEIGHT:
                if moved is not None and moved != event.node:
                    self._weigh(self._places[moved])
                moved = event.node
            if change not in _EVERYDAY:
                self._heed(event)
        if moved is not None:
            self._weigh(self._places[moved])

    def _heed(self, event: StandingEvent) -> None:
        """Do what follows from an event that is not one of every day."""
        place = self._places[event.node]
        seat = self.seats[place]
        match event.change:
            case Change.RELEASED | Change.VOIDED:
                record = self.judge.record(event.node)
                if record is not None:
                    self.till.settle(record)
            case Change.SUSPENDED if seat.suspended_at < 0:
                seat.suspended_at = event.at
            case _:
                self._owe(place, event)

    def _owe(self, place: int, event: StandingEvent) -> None:
        if self.plan.as_asked:
            return
        for _ in range(audits.owed_after(event, self.plan.rules)):
            at = event.at + AUDIT_WITHIN_S * self._chance()
            self._plan_check(place, at, if_barred=False)
