from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from clubai.model import NodeId
from clubai.reputation.facts import HoursPassed
from clubai.reputation.hours import Hours, next_hour
from clubai.reputation.promise import Schedule, parse_schedule, promised_seconds

HOUR = 3600.0
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
"""A Tuesday."""
ANT, BEE = NodeId(b"a" * 32), NodeId(b"b" * 32)
ALWAYS = parse_schedule("daily 00:00-24:00")


def started(at: float = NOON - HOUR, schedule: Schedule | None = ALWAYS) -> Hours:
    """A tracker to which `ANT` promised hours, told before noon."""
    hours = Hours()
    hours.coordinator_up(at)
    hours.schedule(ANT, schedule, at)
    hours.advance(NOON)
    return hours


def counts(facts: list[HoursPassed]) -> tuple[int, int, int]:
    """Hours up, kept and broken, of all."""
    return (
        sum(fact.up for fact in facts),
        sum(fact.kept for fact in facts),
        sum(fact.broken for fact in facts),
    )


def here(hours: Hours, *times: tuple[float, float]) -> tuple[int, int, int]:
    """What is told at one, when `ANT` was here in these minutes after noon."""
    for first, last in times:
        hours.up(ANT, NOON + first * 60)
        hours.down(ANT, NOON + last * 60)
    return counts(hours.advance(NOON + HOUR))


def test_an_hour_that_ended_is_told_once_with_its_day() -> None:
    hours = started()
    hours.up(ANT, NOON)
    assert hours.advance(NOON + HOUR - 0.1) == []

    told = hours.advance(NOON + HOUR)

    assert told == [
        HoursPassed(
            node=ANT, last_hour="2026-11-24T12:00:00Z", day="2026-11-24", up=1, kept=1
        )
    ]
    assert hours.advance(NOON + HOUR) == []


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([(0, 60)], (1, 1, 0)),
        ([(5, 60)], (1, 1, 0)),
        ([(5.1, 60)], (0, 0, 1)),
        ([(0, 20), (22, 40), (43, 60)], (1, 1, 0)),
        ([(0, 20), (24, 40), (43, 60)], (0, 0, 1)),
        ([], (0, 0, 1)),
    ],
)
def test_five_minutes_of_an_hour_may_be_missed(
    times: list[tuple[float, float]], expected: tuple[int, int, int]
) -> None:
    assert here(started(), *times) == expected


@pytest.mark.parametrize(
    ("text", "times", "expected"),
    [
        ("daily 09:00-12:30", [(0, 30)], (0, 1, 0)),
        ("daily 09:00-12:30", [(0, 25)], (0, 1, 0)),
        ("daily 09:00-12:30", [(0, 24)], (0, 0, 1)),
        ("daily 09:00-12:30", [(30, 60)], (0, 0, 1)),
        ("daily 09:00-12:29", [], (0, 0, 0)),
        ("daily 09:00-12:00", [(0, 60)], (1, 0, 0)),
        ("Wed 00:00-24:00", [], (0, 0, 0)),
    ],
)
def test_only_what_is_promised_counts(
    text: str, times: list[tuple[float, float]], expected: tuple[int, int, int]
) -> None:
    assert here(started(schedule=parse_schedule(text)), *times) == expected


def test_a_schedule_counts_from_the_next_full_hour() -> None:
    hours = started(schedule=None)
    hours.schedule(ANT, ALWAYS, NOON + 1)

    assert counts(hours.advance(NOON + HOUR)) == (0, 0, 0)
    assert counts(hours.advance(NOON + 2 * HOUR)) == (0, 0, 1)


def test_nobody_withdraws_the_hour_that_runs() -> None:
    hours = started()
    hours.schedule(ANT, None, NOON + 1)

    assert counts(hours.advance(NOON + HOUR)) == (0, 0, 1)
    assert counts(hours.advance(NOON + 2 * HOUR)) == (0, 0, 0)
    assert hours.next_deadline() is None


def test_an_announced_pause_excuses_its_hours_and_no_other() -> None:
    hours = started()
    hours.paused(ANT, NOON + 1800)
    assert counts(hours.advance(NOON + HOUR)) == (0, 0, 0)
    hours.resumed(ANT, NOON + 2 * HOUR + 60)
    assert counts(hours.advance(NOON + 3 * HOUR)) == (0, 0, 0)

    assert counts(hours.advance(NOON + 4 * HOUR)) == (0, 0, 1)


def test_who_is_made_to_go_is_excused_for_the_hour_that_runs() -> None:
    hours = started()
    hours.excuse(ANT, NOON + 1800)

    assert counts(hours.advance(NOON + HOUR)) == (0, 0, 0)
    assert counts(hours.advance(NOON + 2 * HOUR)) == (0, 0, 1)


def test_a_paused_hour_is_not_kept_either() -> None:
    hours = started()
    hours.up(ANT, NOON)
    hours.paused(ANT, NOON)

    assert counts(hours.advance(NOON + HOUR)) == (1, 0, 0)


def test_an_hour_in_which_the_coordinator_came_up_is_excused() -> None:
    hours = started(at=NOON + 1)
    hours.up(ANT, NOON + 1)

    assert counts(hours.advance(NOON + HOUR)) == (1, 0, 0)
    hours.down(ANT, NOON + HOUR)
    assert counts(hours.advance(NOON + 2 * HOUR)) == (0, 0, 1)


def test_a_coordinator_that_was_away_tells_nothing_of_that_time() -> None:
    hours = started()
    hours.up(ANT, NOON)
    hours.coordinator_up(NOON + 5 * HOUR + 60)

    assert counts(hours.advance(NOON + 6 * HOUR)) == (0, 0, 0)
    assert counts(hours.advance(NOON + 7 * HOUR)) == (0, 0, 1)


def test_hours_of_one_day_are_told_together_and_days_apart() -> None:
    hours = started()
    hours.up(ANT, NOON)

    told = hours.advance(NOON + 14 * HOUR)

    assert [(fact.day, fact.last_hour, fact.up, fact.kept) for fact in told] == [
        ("2026-11-24", "2026-11-24T23:00:00Z", 12, 12),
        ("2026-11-25", "2026-11-25T01:00:00Z", 2, 2),
    ]


def test_what_ended_meanwhile_is_not_lost() -> None:
    hours = started()
    hours.up(ANT, NOON)
    hours.down(ANT, NOON + HOUR + 10)
    assert hours.next_deadline() == NOON + HOUR + 10

    assert counts(hours.advance(NOON + HOUR + 10)) == (1, 1, 0)
    assert hours.next_deadline() == NOON + 2 * HOUR


def test_nothing_is_watched_for_nothing() -> None:
    hours = Hours()
    assert hours.next_deadline() is None
    hours.up(BEE, NOON)
    assert hours.next_deadline() == NOON + HOUR
    hours.down(BEE, NOON + 60)
    hours.advance(NOON + HOUR)
    assert hours.next_deadline() is None
    hours.paused(BEE, NOON + HOUR)
    hours.forget(BEE)
    assert hours.next_deadline() is None


def test_time_never_goes_back() -> None:
    hours = started()
    hours.up(ANT, NOON + 60)
    hours.down(ANT, NOON - 10 * HOUR)

    assert counts(hours.advance(NOON + HOUR)) == (0, 0, 1)


def test_the_next_hour_is_after_now() -> None:
    assert next_hour(NOON) == NOON + HOUR
    assert next_hour(NOON - 0.1) == NOON


class Days(RuleBasedStateMachine):
    """Against a slow model: what was true in each minute."""

    def __init__(self) -> None:
        super().__init__()
        self.hours = Hours()
        self.minute = 0
        self.here = {ANT: False, BEE: False}
        self.paused = {ANT: False, BEE: False}
        self.schedules: dict[NodeId, Schedule | None] = {ANT: None, BEE: None}
        self.counting = dict(self.schedules)
        self.excused = {ANT: False, BEE: False}
        self.up_min: Counter[NodeId] = Counter()
        self.promised_min: Counter[NodeId] = Counter()
        self.whole = False
        self.expected: Counter[tuple[NodeId, str, str]] = Counter()
        self.told: Counter[tuple[NodeId, str, str]] = Counter()

    nodes = st.sampled_from([ANT, BEE])

    @property
    def now(self) -> float:
        return NOON + self.minute * 60

    @initialize(minute=st.integers(0, 59))
    def begin(self, minute: int) -> None:
        self.minute = minute
        self.whole = minute == 0
        self.hours.coordinator_up(self.now)

    @rule(node=nodes)
    def come(self, node: NodeId) -> None:
        self.here[node] = True
        self.hours.up(node, self.now)

    @rule(node=nodes)
    def go(self, node: NodeId) -> None:
        self.here[node] = False
        self.hours.down(node, self.now)

    @rule(node=nodes)
    def pause(self, node: NodeId) -> None:
        self.paused[node] = self.excused[node] = True
        self.hours.paused(node, self.now)

    @rule(node=nodes)
    def excuse(self, node: NodeId) -> None:
        self.excused[node] = True
        self.hours.excuse(node, self.now)

    @rule(node=nodes)
    def resume(self, node: NodeId) -> None:
        self.paused[node] = False
        self.hours.resumed(node, self.now)

    @rule(
        node=nodes,
        text=st.sampled_from(
            ["", "daily 00:00-24:00", "daily 13:20-16:40", "Tue 22:15-03:45"]
        ),
    )
    def publish(self, node: NodeId, text: str) -> None:
        schedule = self.schedules[node] = parse_schedule(text) if text else None
        self.hours.schedule(node, schedule, self.now)

    @rule(minutes=st.integers(1, 150))
    def wait(self, minutes: int) -> None:
        for _ in range(minutes):
            self.live_a_minute()

    @rule()
    def advance(self) -> None:
        for fact in self.hours.advance(self.now):
            for word in ("up", "kept", "broken"):
                if number := getattr(fact, word):
                    self.told[fact.node, fact.day, word] += number
        assert self.told == self.expected

    @invariant()
    def wakes_in_time(self) -> None:
        deadline = self.hours.next_deadline()
        if any(self.here.values()) or any(self.schedules.values()):
            assert deadline is not None
            assert deadline <= next_hour(self.now)

    def live_a_minute(self) -> None:
        for node in (ANT, BEE):
            schedule = self.counting[node]
            self.up_min[node] += self.here[node]
            if self.here[node] and schedule is not None:
                seconds = promised_seconds(schedule, self.now, self.now + 60)
                self.promised_min[node] += round(seconds / 60)
        self.minute += 1
        if self.minute % 60 == 0:
            self.end_hour()

    def end_hour(self) -> None:
        begun = self.now - HOUR
        day = datetime.fromtimestamp(begun, UTC).date().isoformat()
        for node in (ANT, BEE):
            schedule = self.counting[node]
            if self.up_min[node] >= 55:
                self.expected[node, day, "up"] += 1
            if schedule is not None and self.whole and not self.excused[node]:
                minutes = promised_seconds(schedule, begun, self.now) / 60
                kept = self.promised_min[node] >= minutes - 5
                if minutes >= 30:
                    self.expected[node, day, "kept" if kept else "broken"] += 1
            self.up_min[node] = self.promised_min[node] = 0
            self.counting[node] = self.schedules[node]
            self.excused[node] = self.paused[node]
        self.whole = True


TestDays = Days.TestCase
TestDays.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
