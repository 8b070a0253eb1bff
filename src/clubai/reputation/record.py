"""The standing of one node with one owner: the fold of its events."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import field

from clubai.model import MemberId, NodeId, Value
from clubai.reputation import sequential
from clubai.reputation.days import DAY_S, HOUR_S, Day, day_at, day_of
from clubai.reputation.events import Change, StandingEvent
from clubai.reputation.facts import CheckKind

MONTH_S: Final = 30 * DAY_S
"""How long a confirmed result, a doubt and a complaint are remembered."""
MOST_MODELS: Final = 256
_DAYS_KEPT: Final = 3


class Review(Value, frozen=True, kw_only=True):
    """A review that is not decided."""

    at: float
    cause: str
    by: str


class Claim(msgspec.Struct, gc=False):
    """A model that the node offers."""

    at: float
    """When it was first offered."""
    passes: int = 0
    """Audits passed with it."""


class Held(msgspec.Struct, gc=False):
    """What one hour's work earned and is held."""

    hour: int
    points: int
    count: int
    """Events."""


class Record(msgspec.Struct, kw_only=True):
    """Read it; `apply` is all that changes it."""

    node: NodeId
    member: MemberId
    index: int = 0
    """Of the records of the club, in the order in which they joined."""
    points: int = 0
    held: int = 0
    """Points in escrow, beside `points`."""
    streak: int = 0
    """Audits passed since the last confirmed invalid result."""
    audits_passed: int = 0
    first_at: float
    seen_at: float = 0.0
    """Of the last event that is the node's own doing."""
    confirmed_at: list[float] = field(default_factory=list)
    """Confirmed invalid results of 30 days, since it was last reinstated."""
    suspended_until: float = 0.0
    """0: it is not; infinity: until a member review."""
    suspended_by: int = 0
    """`seq` of the last event that suspended it."""
    suspensions: int = 0
    marks: int = 0
    """Soft marks that stand."""
    open_reviews: dict[int, Review] = field(default_factory=dict)
    """By the `seq` of the event that opened it."""
    trusted: bool = False
    schedule: str = ""
    paused: bool = False
    kept_hours: int = 0
    broken_hours: int = 0
    tests: dict[tuple[str, str], float] = field(default_factory=dict)
    """Log likelihood ratio by model and kind of check; none: 0."""
    doubts: dict[str, float] = field(default_factory=dict)
    """When a known answer was last wrong, by model, until the test clears it."""
    probation_since: float
    probation_passes: int = 0
    models: dict[str, Claim] = field(default_factory=dict)
    escrow: deque[Held] = field(default_factory=deque)
    """Oldest first."""
    days: dict[int, Day] = field(default_factory=dict)
    """The newest ones, by `days.day_at`."""
    timeouts: deque[float] = field(default_factory=deque)
    """Those of the last hour that cost something."""
    complaints: list[tuple[float, str]] = field(default_factory=list)
    """Reviews of 30 days: when, and by whom they were asked for."""

    @property
    def suspended(self) -> bool:
        """Nothing is given to it."""
        return self.suspended_until > 0

    @property
    def doubted(self) -> bool:
        """A soft mark stands, or a review is open."""
        return self.marks > 0 or bool(self.open_reviews)

    def day(self, number: int) -> Day:
        """What is known of one day (`days.day_at`)."""
        day = self.days.get(number)
        if day is None:
            day = self.days[number] = Day()
            for old in [each for each in self.days if each <= number - _DAYS_KEPT]:
                del self.days[old]
        return day

    def apply(self, event: StandingEvent) -> None:
        """Take in one event of this node with this owner, in order of `seq`."""
        if event.points:
            self.points += event.points
        if event.held:
            self.held += event.held
        effect = _EFFECTS.get(event.change)
        if effect is not None:
            effect(self, event)


def _joined(record: Record, event: StandingEvent) -> None:
    record.seen_at = event.at


def _claimed(record: Record, event: StandingEvent) -> None:
    record.models[event.model] = Claim(event.at)


def _completed(record: Record, event: StandingEvent) -> None:
    if event.held:
        _earned(record, event)
    at = record.seen_at = event.at
    day = record.day(day_at(at))
    day.tasks += 1
    day.probed = True


def _earned(record: Record, event: StandingEvent) -> None:
    if not event.held:
        return
    hour, escrow = int(event.at // HOUR_S), record.escrow
    newest = escrow[-1] if escrow else None
    if newest is not None and newest.hour == hour:
        newest.points += event.held
        newest.count += 1
    else:
        escrow.append(Held(hour, event.held, 1))


def _let_go(record: Record, event: StandingEvent) -> None:
    left = event.count
    while left > 0 and record.escrow:
        left -= record.escrow.popleft().count


def _timeout(record: Record, event: StandingEvent) -> None:
    record.seen_at = event.at
    while record.timeouts and record.timeouts[0] <= event.at - HOUR_S:
        record.timeouts.popleft()
    if event.count:
        record.timeouts.append(event.at)


def _invalid(record: Record, event: StandingEvent) -> None:
    record.streak = 0
    record.marks = 0
    _begin_probation(record, event.at)
    recent = [at for at in record.confirmed_at if at > event.at - MONTH_S]
    record.confirmed_at = [*recent, event.at]


def _begin_probation(record: Record, at: float) -> None:
    record.probation_since = at
    record.probation_passes = 0


def _uptime(record: Record, event: StandingEvent) -> None:
    record.seen_at = event.at
    day = record.day(_day_of_hour(event))
    day.up += event.count
    day.credited += event.points


def _kept(record: Record, event: StandingEvent) -> None:
    record.seen_at = event.at
    record.kept_hours += event.count


def _broken(record: Record, event: StandingEvent) -> None:
    record.broken_hours += event.count
    record.day(_day_of_hour(event)).broken += event.count


def _day_of_hour(event: StandingEvent) -> int:
    return day_of(event.cause.removeprefix("hour:"))


def _passed(record: Record, event: StandingEvent) -> None:
    record.seen_at = event.at
    record.streak += 1
    record.audits_passed += 1
    record.probation_passes += 1
    record.day(day_at(event.at)).probed = True
    claim = record.models.get(event.model)
    if claim is not None:
        claim.passes += 1
    key = (event.model, event.by)
    ratio = sequential.after(record.tests.get(key, 0.0), event.by, passed=True)
    if ratio > sequential.CLEAR:
        record.tests[key] = ratio
    else:
        _forget_test(record, event)


def _failed(record: Record, event: StandingEvent) -> None:
    record.seen_at = event.at
    record.marks += 1
    key = (event.model, event.by)
    ratio = record.tests.get(key, 0.0)
    record.tests[key] = sequential.after(ratio, event.by, passed=False)
    if event.by == CheckKind.KNOWN_ANSWER:
        record.doubts[event.model] = event.at


def _forget_test(record: Record, event: StandingEvent) -> None:
    record.tests.pop((event.model, event.by), None)
    if event.by == CheckKind.KNOWN_ANSWER:
        record.doubts.pop(event.model, None)


def _marked(record: Record, event: StandingEvent) -> None:
    record.marks += 1


def _cleared(record: Record, event: StandingEvent) -> None:
    record.marks = 0


def _review_opened(record: Record, event: StandingEvent) -> None:
    review = Review(at=event.at, cause=event.cause, by=event.by)
    record.open_reviews[event.seq] = review
    recent = [each for each in record.complaints if each[0] > event.at - MONTH_S]
    record.complaints = [*recent, (event.at, event.by)]


def _review_ended(record: Record, event: StandingEvent) -> None:
    record.open_reviews.pop(int(event.cause.removeprefix("review:")), None)


def _suspended(record: Record, event: StandingEvent) -> None:
    record.suspensions += 1
    record.suspended_by = event.seq
    days = event.count
    record.suspended_until = event.at + days * DAY_S if days else math.inf


def _reinstated(record: Record, event: StandingEvent) -> None:
    record.suspended_until = 0.0
    record.confirmed_at = []
    _begin_probation(record, event.at)


def _trusted(record: Record, event: StandingEvent) -> None:
    record.trusted = event.change is Change.TRUSTED


def _promised(record: Record, event: StandingEvent) -> None:
    record.schedule = event.why


def _paused(record: Record, event: StandingEvent) -> None:
    record.paused = event.change is Change.PAUSED


_EFFECTS: Final[dict[Change, Callable[[Record, StandingEvent], None]]] = {
    Change.JOINED: _joined,
    Change.CLAIMED: _claimed,
    Change.COMPLETED: _completed,
    Change.FAST: _earned,
    Change.TIMEOUT: _timeout,
    Change.INVALID: _invalid,
    Change.UPTIME: _uptime,
    Change.KEPT: _kept,
    Change.BROKEN: _broken,
    Change.RELEASED: _let_go,
    Change.VOIDED: _let_go,
    Change.PASSED: _passed,
    Change.FAILED: _failed,
    Change.CONVICTED: _forget_test,
    Change.MARKED: _marked,
    Change.CLEARED: _cleared,
    Change.REVIEW_OPENED: _review_opened,
    Change.REVIEW_ENDED: _review_ended,
    Change.SUSPENDED: _suspended,
    Change.REINSTATED: _reinstated,
    Change.TRUSTED: _trusted,
    Change.UNTRUSTED: _trusted,
    Change.PROMISED: _promised,
    Change.PAUSED: _paused,
    Change.RESUMED: _paused,
}
"""Of the changes that do more than move points."""
