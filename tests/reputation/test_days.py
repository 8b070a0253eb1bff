from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from clubai.reputation.days import (
    DAY_S,
    WEEK_S,
    Day,
    day_at,
    day_of,
    iso_day,
    iso_hour,
    next_week,
)

TIMES = st.floats(0, 4e9)


@given(TIMES)
def test_a_week_ends_on_the_next_monday_at_midnight(at: float) -> None:
    end = next_week(at)

    assert at < end <= at + WEEK_S
    moment = datetime.fromtimestamp(end, UTC)
    assert (moment.weekday(), moment.hour, moment.minute, moment.second) == (0, 0, 0, 0)


@given(TIMES)
def test_a_day_has_its_iso_date(at: float) -> None:
    day = day_at(at)

    assert iso_day(day) == datetime.fromtimestamp(at, UTC).date().isoformat()
    assert day_of(iso_day(day)) == day
    assert day * DAY_S <= at < (day + 1) * DAY_S


def test_an_hour_is_written_with_its_day() -> None:
    assert iso_hour(24 * 365 + 5) == "1971-01-01T05:00:00Z"
    assert day_of("1971-01-01T05:00:00Z") == 365


def test_hours_count_up_to_a_limit_that_grows_with_tasks() -> None:
    assert Day(tasks=0, probed=False, up=9).creditable() == 0
    assert Day(tasks=0, probed=True, up=3).creditable() == 3
    assert Day(tasks=0, probed=True, up=9).creditable() == 4
    assert Day(tasks=1, probed=True, up=9).creditable() == 9
    assert Day(tasks=1, probed=True, up=9).creditable(5) == 10
    assert Day(tasks=2, probed=True, up=24).creditable() == 20
