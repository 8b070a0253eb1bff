"""The judge of a club: it is told facts and gives events."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Any, Final

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

_EFFECTS: Final[dict[type[Fact], Callable[[Register, Record, Any], None]]] = {
    AnswerMissed: work.missed,
    CheckEnded: proof.check_ended,
    HoursPassed: presence.hours,
    SpeedDoubted: work.doubted_speed,
    VerdictGiven: proof.verdict_given,
    LieProved: proof.lie_proved,
    ReviewDecided: proof.review_decided,
    PointsAdjusted: said.adjusted,
    TrustChanged: said.trust_changed,
    SuspensionEnded: said.suspension_ended,
    Promised: said.promised,
    PauseAnnounced: said.paused,
}
"""Of the facts that need no more than the register, and a record."""


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

    @property
    def rules(self) -> Rules:
        """By what it judges."""
        return self._rules

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
        register = self._register
        self._run_until(now)
        if type(fact) is NodeAppeared:
            record = said.appeared(register, fact)
            if self._week_at == math.inf:
                self._week_at = next_week(register.now)
        else:
            known = register.current(fact.node)
            if known is None:
                return register.fresh()
            record = known
            if type(fact) is AnswerGiven:
                planned = bool(record.escrow)
                work.given(register, record, fact, self._speeds)
                if planned:  # what is held longest is what it was
                    return register.fresh()
            else:
                self._apply(record, fact)
        self._plan(record)
        return register.fresh()

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

    def trusted(self) -> tuple[NodeId, ...]:
        """The nodes that are references, with their present owners."""
        return tuple(self._register.trusted)

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
        effect = _EFFECTS.get(type(fact))
        if effect is None:
            msg = f"{type(fact).__name__} is no fact that a judge knows"
            raise TypeError(msg)
        effect(self._register, record, fact)

    def _run_until(self, now: float) -> None:
        due, register = self._due, self._register
        while self._week_at <= now or (due and due[0][0] <= now):
            at = due[0][0] if due else math.inf
            register.now = max(register.now, min(self._week_at, at))
            if self._week_at <= at:
                self._end_week()
            else:
                self._settle()
        if register.now < now:
            register.now = now

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
        if 0 < record.suspended_until < due:
            due = record.suspended_until
        index = record.index
        if due < self._pending.get(index, math.inf):
            self._pending[index] = due
            heappush(self._due, (due, index))
