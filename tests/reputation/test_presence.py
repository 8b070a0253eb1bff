from __future__ import annotations

from clubai.reputation.events import Change
from clubai.reputation.facts import HoursPassed
from clubai.reputation.rules import Rules
from support.standing import DAY, NODE, Court, changes

UNFAIR = Rules(fair_hours=False)
SECOND_DAY = "2026-01-06T03:00:00Z"


def test_without_fair_hours_each_hour_counts() -> None:
    court = Court(UNFAIR)
    (event,) = court.hours(up=9)

    assert (event.change, event.points, event.count) == (Change.UPTIME, 9, 9)
    assert event.cause == "hour:2026-01-05T03:00:00Z"


def test_hours_of_a_node_that_showed_nothing_are_only_remembered() -> None:
    court = Court()
    (event,) = court.hours(up=3)
    assert (event.points, event.count) == (0, 3)

    (credited,) = court.check(passed=True)[1:]
    assert (credited.change, credited.points, credited.count) == (Change.UPTIME, 3, 0)
    assert court.points == 103


def test_a_check_makes_four_hours_count_and_a_task_ten() -> None:
    court = Court()
    court.check(passed=True)
    court.hours(up=9)
    assert court.points == 104

    court.answer()
    assert court.points == 109
    court.hours("2026-01-05T20:00:00Z", up=10)
    assert court.points == 110
    court.answer()
    assert court.points == 119


def test_the_order_of_hours_and_tasks_within_a_day_does_not_matter() -> None:
    early, late = Court(), Court()
    early.answer()
    for _ in range(3):
        early.hours(up=5)
        late.hours(up=5)
    late.answer()

    assert early.points == late.points == 110


def test_a_probe_counts_for_its_own_day_alone() -> None:
    court = Court()
    court.hours(up=3)
    court.now += DAY
    court.answer()
    assert court.points == 100

    court.hours(SECOND_DAY, up=3)
    assert court.points == 103


def test_hours_told_after_midnight_count_for_the_day_before() -> None:
    court = Court()
    court.answer()
    court.now += DAY + 5
    court.hours("2026-01-05T23:00:00Z", up=1)

    assert court.points == 101


def test_broken_promises_cost_at_most_forty_a_day() -> None:
    court = Court(points=500)
    court.hours(broken=3)
    assert court.points == 485
    court.hours(broken=9)
    assert court.points == 460
    (event,) = court.hours(broken=1)
    assert (event.change, event.points) == (Change.BROKEN, 0)

    court.hours(SECOND_DAY, broken=1)
    assert court.points == 455
    assert court.record.broken_hours == 14


def test_without_fair_hours_each_broken_hour_costs_five() -> None:
    court = Court(UNFAIR, points=500)
    court.hours(broken=20)

    assert court.points == 400


def test_kept_hours_are_counted_and_earn_nothing() -> None:
    court = Court()
    events = court.tell(
        HoursPassed(node=NODE, last_hour=SECOND_DAY, day="2026-01-06", kept=2, broken=1)
    )

    assert changes(events) == [Change.KEPT, Change.BROKEN]
    assert (court.record.kept_hours, court.record.broken_hours) == (2, 1)
    assert court.points == 95


def test_only_the_newest_days_are_remembered() -> None:
    court = Court()
    for _ in range(10):
        court.answer()
        court.now += DAY

    assert len(court.record.days) == 3
