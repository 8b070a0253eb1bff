"""The judge of a club: it is told facts and gives events."""

from __future__ import annotations

import math
from collections.abc import Iterable
from heapq import heappop, heappush

from clubai.model import NodeId
from clubai.reputation import (
    audits,
    escrow,
    presence,
    probation,
    proof,
    said,
    selection,
    work,
)
from clubai.reputation.days import day_at, iso_day, next_week
from clubai.reputation.events import Change, StandingEvent
from clubai.reputation.facts import (
    AnswerGiven,
    AnswerMissed,
    CheckEnded,
    Fact,
    HoursPassed,
    LieProved,
    NodeAppeared,
    PauseAnnounced,
    PointsAdjusted,
    Promised,
    ReviewDecided,
    SpeedDoubted,
    SuspensionEnded,
    TrustChanged,
    VerdictGiven,
)
from clubai.reputation.record import Record
from clubai.reputation.register import Register
from clubai.reputation.rules import Rules
from clubai.reputation.speeds import Speeds


class Judge:
    """Decides what facts do to the standing of nodes. It forgets no event.

    Times never go back: an earlier `now` counts as the latest one told. What is asked
    of a node (`audit_rate`, `weight`, `may_seal`) is answered as of that time.
    """

    def __init__(self, rules: Rules, *, next_seq: int = 0) -> None:
        self._rules = rules
        self._register = Register(rules, next_seq=next_seq)
        self._speeds = Speeds()
        self._week_at = math.inf
        self._due: list[tuple[float, int]] = []
        """When something may be due for which record; a heap."""
        self._pending: dict[int, float] = {}
        """The earliest time in `_due` of each record there."""

    def restore(self, events: Iterable[StandingEvent]) -> None:
        """Take in what was made before, in order of `seq`; tell nothing before it.

        Raises:
            ValueError: an event of a node that never joined.
        """
        for event in events:
            self._register.take(event)
        if self._register.records:
            self._week_at = next_week(self._register.now)
        for record in self._register.records:
            self._plan(record)

    def tell(self, fact: Fact, *, now: float) -> list[StandingEvent]:
        """Take in a fact; of a node that never appeared nothing follows."""
        self._run_until(now)
        if isinstance(fact, NodeAppeared):
            record = said.appeared(self._register, fact)
            if self._week_at == math.inf:
                self._week_at = next_week(self._register.now)
        else:
            known = self._register.current(fact.node)
            if known is None:
                return self._register.fresh()
            record = known
            self._apply(record, fact)
        self._plan(record)
        return self._register.fresh()

    def advance(self, *, now: float) -> list[StandingEvent]:
        """Do what is due: the weeks that ended, releases, ends of suspensions."""
        self._run_until(now)
        return self._register.fresh()

    def next_deadline(self) -> float | None:
        """When `advance` may have something to do; None: never, as things are."""
        due = min(self._week_at, self._due[0][0] if self._due else math.inf)
        return None if due == math.inf else due

    def record(self, node: NodeId) -> Record | None:
        """The standing of a node with its present owner; only to be read."""
        return self._register.current(node)

    def records(self) -> Iterable[Record]:
        """The standing of each node with its present owner; only to be read."""
        return self._register.all_current()

    def audit_rate(self, node: NodeId) -> float:
        """Chance that a finished task of the node is followed by an audit."""
        return audits.audit_rate(
            self._register.current(node),
            self._rules,
            now=self._register.now,
            bad_times=self._register.audits.bad,
        )

    def weight(self, node: NodeId, model: str = "") -> float:
        """How often the node is drawn; 0: members' work is kept away from it."""
        record = self._register.current(node)
        if record is None:
            return 0.0
        return selection.weight(
            record, self._rules, now=self._register.now, model=model
        )

    def may_seal(self, node: NodeId, model: str = "") -> bool:
        """Whether the node gets sealed tasks of clients that have not pinned it."""
        record = self._register.current(node)
        if record is None or not self.weight(node):
            return False
        return not (
            self._rules.probation
            and probation.in_probation(record, self._register.now, model)
        )

    def _apply(self, record: Record, fact: Fact) -> None:
        register = self._register
        match fact:
            case AnswerGiven():
                work.given(register, record, fact, self._speeds)
            case AnswerMissed():
                work.missed(register, record, fact)
            case CheckEnded():
                proof.check_ended(register, record, fact)
            case HoursPassed():
                presence.hours(register, record, fact)
            case SpeedDoubted():
                work.doubted_speed(register, record, fact)
            case VerdictGiven():
                proof.verdict_given(register, record, fact)
            case LieProved():
                proof.lie_proved(register, record, fact)
            case ReviewDecided():
                proof.review_decided(register, record, fact)
            case _:
                self._hear(record, fact)

    def _hear(self, record: Record, fact: Fact) -> None:
        register = self._register
        match fact:
            case PointsAdjusted():
                said.adjusted(register, record, fact)
            case TrustChanged():
                said.trust_changed(register, record, fact)
            case SuspensionEnded():
                said.suspension_ended(register, record, fact)
            case Promised():
                said.promised(register, record, fact)
            case PauseAnnounced():
                said.paused(register, record, fact)
            case _:
                msg = f"{type(fact).__name__} is no fact that a judge knows"
                raise TypeError(msg)

    def _run_until(self, now: float) -> None:
        register = self._register
        while True:
            due = self._due[0][0] if self._due else math.inf
            at = min(self._week_at, due)
            if at > now:
                break
            register.now = max(register.now, at)
            if self._week_at <= due:
                self._end_week()
            else:
                self._settle()
        register.now = max(register.now, now)

    def _end_week(self) -> None:
        rules, minimum = self._rules, self._rules.minimum
        cause = f"week:{iso_day(day_at(self._week_at))}"
        for record in self._register.records:
            if record.points > minimum:
                self._register.put(
                    record,
                    Change.DECAY,
                    points=-((record.points * rules.decay_percent + 99) // 100),
                    cause=cause,
                    why="A week ended.",
                )
        self._week_at = next_week(self._week_at)

    def _settle(self) -> None:
        at, index = heappop(self._due)
        if self._pending.get(index) != at:
            return
        del self._pending[index]
        record = self._register.records[index]
        escrow.release_due(self._register, record)
        if record.suspended_until and record.suspended_until <= self._register.now:
            self._register.put(
                record,
                Change.REINSTATED,
                cause=f"event:{record.suspended_by}",
                why="The suspension is over; the node is new again.",
            )
        self._plan(record)

    def _plan(self, record: Record) -> None:
        due = escrow.due_at(record)
        if record.suspended and record.suspended_until < due:
            due = record.suspended_until
        if due < self._pending.get(record.index, math.inf):
            self._pending[record.index] = due
            heappush(self._due, (due, record.index))
