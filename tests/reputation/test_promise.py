from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clubai.errors import ConfigError
from clubai.reputation import promise
from clubai.reputation.promise import (
    EXAMPLE,
    MAX_TEXT,
    Schedule,
    Span,
    parse_schedule,
    promised_seconds,
)

HOUR = 3600.0
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Africa/Casablanca",
    "America/Sao_Paulo",
)
SPRING = datetime(2026, 3, 29, tzinfo=ZoneInfo("Europe/Berlin"))
"""A day of 23 hours: at 02:00 it is 03:00."""
AUTUMN = datetime(2026, 10, 25, tzinfo=ZoneInfo("Europe/Berlin"))
"""A day of 25 hours: 02:00 to 03:00 comes twice."""

spans = st.builds(
    Span,
    st.lists(st.integers(0, 6), min_size=1, unique=True).map(sorted).map(tuple),
    st.integers(0, 1439),
    st.integers(1, 1440),
).filter(lambda span: span.start != span.end)
schedules = st.builds(
    Schedule,
    st.lists(spans, min_size=1, max_size=4, unique=True).map(sorted).map(tuple),
    st.sampled_from(ZONES),
)
instants = st.integers(
    int(datetime(2005, 1, 1, tzinfo=UTC).timestamp()),
    int(datetime(2036, 1, 1, tzinfo=UTC).timestamp()),
)


def stamp(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def hours_of(schedule: Schedule, day: datetime) -> float:
    end = day + timedelta(days=1)
    return promised_seconds(schedule, day.timestamp(), end.timestamp()) / HOUR


def shown(schedule: Schedule, at: float) -> bool:
    """Whether a clock on the wall shows a promised time, looked up the slow way."""
    local = datetime.fromtimestamp(at, ZoneInfo(schedule.zone))
    minute = local.hour * 60 + local.minute + local.second / 60
    today = local.weekday()
    for span in schedule.spans:
        over = span.end <= span.start
        end = 1440 if over else span.end
        if today in span.days and span.start <= minute < end:
            return True
        if over and (today - 1) % 7 in span.days and minute < span.end:
            return True
    return False


@pytest.mark.parametrize(
    ("text", "zone", "canonical"),
    [
        ("Mon-Fri 18:00-23:00", "", "Mon-Fri 18:00-23:00 UTC"),
        (
            "mon-FRI 18:00-23:00",
            "Europe/Berlin",
            "Mon-Fri 18:00-23:00 Europe/Berlin",
        ),
        ("Sat,Sun 9:00-24:00 Asia/Tokyo", "", "Sat,Sun 09:00-24:00 Asia/Tokyo"),
        ("daily 22:00-06:00", "UTC", "daily 22:00-06:00 UTC"),
        ("Mon-Sun 00:00-24:00", "", "daily 00:00-24:00 UTC"),
        ("Fri-Mon 10:00-11:00", "", "Mon,Fri-Sun 10:00-11:00 UTC"),
        ("Sun,Mon 22:00-00:00", "", "Mon,Sun 22:00-24:00 UTC"),
        (
            " Sat 01:00-02:00 ;Mon 03:00-04:00  UTC ",
            "UTC",
            "Mon 03:00-04:00; Sat 01:00-02:00 UTC",
        ),
        ("Tue 01:00-02:00; Tue 01:00-02:00", "", "Tue 01:00-02:00 UTC"),
    ],
)
def test_a_schedule_has_one_text(text: str, zone: str, canonical: str) -> None:
    schedule = parse_schedule(text, zone)

    assert str(schedule) == canonical
    assert parse_schedule(canonical) == schedule
    assert parse_schedule(schedule.hours, schedule.zone) == schedule


@pytest.mark.parametrize(
    ("text", "zone", "field", "fix"),
    [
        ("", "", "schedule", EXAMPLE),
        ("evenings", "", "schedule", EXAMPLE),
        ("Mon 18:00", "", "schedule", EXAMPLE),
        ("Mon 18:00-23:00;", "", "schedule", EXAMPLE),
        ("Mon ١٨:00-23:00", "", "schedule", EXAMPLE),
        ("Mon-Tue-Wed 18:00-23:00", "", "schedule", "name days"),
        ("Montag 18:00-23:00", "", "schedule", "name days"),
        ("Mon, 18:00-23:00", "", "schedule", "name days"),
        ("Mon 18:60-23:00", "", "schedule", "00:00 to 23:59"),
        ("Mon 24:00-23:00", "", "schedule", "00:00 to 23:59"),
        ("Mon 18:00-24:01", "", "schedule", "00:00 to 23:59"),
        ("Mon 18:00-18:00", "", "schedule", "no length"),
        ("Mon 1:00-2:00 UTC; Tue 1:00-2:00", "", "schedule", "once, at the end"),
        ("Mon 1:00-2:00;" * 30, "", "schedule", f"{MAX_TEXT} characters"),
        ("Mon 1:00-2:00 UTC", "Europe/Berlin", "zone", "one of the two"),
        ("Mon 1:00-2:00", "Mars/Olympus", "zone", "Europe/Berlin"),
        ("Mon 1:00-2:00", "../../etc/passwd", "zone", "Europe/Berlin"),
        ("Mon 1:00-2:00", "Europe", "zone", "Europe/Berlin"),
        ("Mon 1:00-2:00", "localtime", "zone", "Europe/Berlin"),
        ("Mon 1:00-2:00", "right/Europe/Berlin", "zone", "Europe/Berlin"),
        ("Mon 1:00-2:00", "Europe/Bérlin", "zone", "Europe/Berlin"),
        ("Mon 1:00-2:00", "X" * 500, "zone", "Europe/Berlin"),
    ],
)
def test_what_cannot_be_meant_is_named_with_a_fix(
    text: str, zone: str, field: str, fix: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_schedule(text, zone)

    assert caught.value.field == field
    assert fix in caught.value.fix
    assert len(str(caught.value)) < 400


def test_a_machine_without_time_zones_says_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_zone(key: str) -> ZoneInfo:
        raise zoneinfo.ZoneInfoNotFoundError(key)

    monkeypatch.setattr(promise, "ZoneInfo", no_zone)

    with pytest.raises(ConfigError, match="install tzdata"):
        parse_schedule("Mon 1:00-2:00", "Europe/Isle_of_Man")
    assert parse_schedule("Mon 1:00-2:00").zone == "UTC"


@given(schedules)
def test_the_text_parses_to_the_same(schedule: Schedule) -> None:
    assert parse_schedule(str(schedule)) == schedule


@given(st.text(max_size=60), st.text(max_size=20))
def test_any_text_is_a_schedule_or_a_config_error(text: str, zone: str) -> None:
    try:
        schedule = parse_schedule(text, zone)
    except ConfigError:
        return
    assert parse_schedule(str(schedule)) == schedule


def test_hours_are_those_of_the_zone() -> None:
    schedule = parse_schedule("Mon-Fri 18:00-23:00", "Europe/Berlin")

    def promised(first: str, last: str) -> float:
        return promised_seconds(schedule, stamp(first), stamp(last))

    assert promised("2026-11-24T17:00Z", "2026-11-24T22:00Z") == 5 * HOUR
    assert promised("2026-11-24T16:00Z", "2026-11-24T17:00Z") == 0
    assert promised("2026-11-24T21:30Z", "2026-11-24T23:00Z") == HOUR / 2
    assert promised("2026-11-23T00:00Z", "2026-11-30T00:00Z") == 25 * HOUR
    assert promised("2026-07-14T16:00Z", "2026-07-14T17:00Z") == HOUR  # summer time
    assert promised("2026-11-24T22:00Z", "2026-11-24T17:00Z") == 0


def test_an_hour_may_be_promised_in_part() -> None:
    schedule = parse_schedule("daily 09:00-17:00", "Asia/Kolkata")  # 5:30 ahead

    start = stamp("2026-11-24T03:00Z")

    assert promised_seconds(schedule, start, start + HOUR) == HOUR / 2


def test_a_night_goes_over_midnight_and_over_the_week() -> None:
    schedule = parse_schedule("Sun 22:00-06:00")
    sunday = stamp("2026-11-29T00:00Z")

    by_hour = [
        promised_seconds(schedule, sunday + hour * HOUR, sunday + (hour + 1) * HOUR)
        for hour in range(36)
    ]

    assert by_hour == [0] * 22 + [HOUR] * 8 + [0] * 6


@pytest.mark.parametrize(
    ("text", "spring", "autumn"),
    [
        ("daily 00:00-24:00", 23, 25),
        ("daily 02:00-03:00", 0, 2),
        ("daily 02:30-03:30", 0.5, 1.5),
        ("daily 01:00-04:00", 2, 4),
        ("Sat 22:00-06:00", 5, 7),
        ("Sun 22:00-06:00", 2, 2),
    ],
)
def test_what_the_clock_shows_counts_where_it_is_moved(
    text: str, spring: float, autumn: float
) -> None:
    schedule = parse_schedule(text, "Europe/Berlin")

    assert hours_of(schedule, SPRING) == spring
    assert hours_of(schedule, AUTUMN) == autumn


def test_clocks_may_be_moved_within_an_hour_of_utc() -> None:
    """On Lord Howe half an hour is skipped at 02:00 there, 15:30 UTC."""
    start = stamp("2026-10-03T15:00Z")

    def promised(text: str) -> float:
        schedule = parse_schedule(text, "Australia/Lord_Howe")
        return promised_seconds(schedule, start, start + HOUR) / 60

    assert promised("Sun 01:30-02:00") == 30
    assert promised("Sun 02:00-02:30") == 0
    assert promised("Sun 02:30-03:00") == 30


def test_a_week_may_end_within_an_hour_of_utc() -> None:
    start = stamp("2026-11-29T18:00Z")  # 23:30 on Sunday in Kolkata

    def promised(text: str) -> float:
        schedule = parse_schedule(text, "Asia/Kolkata")
        return promised_seconds(schedule, start, start + HOUR) / 60

    assert promised("Sun 00:00-24:00") == 30
    assert promised("Mon 00:00-00:10") == 10
    assert promised("daily 23:45-00:15") == 30


def test_hours_that_overlap_are_promised_once() -> None:
    schedule = parse_schedule("daily 10:00-14:00; Tue 12:00-16:00; Mon 23:00-11:00")

    assert hours_of(schedule, datetime(2026, 11, 24, tzinfo=UTC)) == 16


@settings(max_examples=60)
@given(schedules, instants, st.integers(0, 6 * 3600))
@example(
    parse_schedule("daily 01:30-02:10", "Australia/Lord_Howe"),
    int(stamp("2026-04-04T13:00Z")),
    5 * 3600,
)
@example(
    parse_schedule("Fri 10:00-12:00", "Pacific/Apia"),
    int(stamp("2011-12-30T07:00Z")),
    6 * 3600,
)
def test_an_instant_is_promised_when_the_clock_on_the_wall_says_so(
    schedule: Schedule, start: int, length: int
) -> None:
    start -= start % 60
    length -= length % 60
    minutes = range(start, start + length, 60)

    promised = promised_seconds(schedule, start, start + length)

    assert promised == 60 * sum(shown(schedule, at) for at in minutes)


@settings(max_examples=60)
@given(schedules, instants, st.lists(st.floats(0, 4 * 86_400), min_size=2, max_size=8))
def test_the_parts_are_the_whole(
    schedule: Schedule, start: int, after: list[float]
) -> None:
    borders = sorted(start + seconds for seconds in after)

    whole = promised_seconds(schedule, borders[0], borders[-1])
    parts = [promised_seconds(schedule, a, b) for a, b in pairwise(borders)]

    assert sum(parts) == pytest.approx(whole, abs=0.01)
    assert 0 <= whole <= borders[-1] - borders[0] + 0.01


@given(schedules, st.integers(0, 52 * 31))
def test_the_hours_are_the_week(schedule: Schedule, week: int) -> None:
    start = stamp("2005-01-03T00:00Z") + week * 7 * 86_400
    starts = [start + hour * HOUR for hour in range(7 * 24)]

    by_hour = sum(promised_seconds(schedule, at, at + HOUR) for at in starts)

    whole = promised_seconds(schedule, start, start + 7 * 86_400)
    assert by_hour == pytest.approx(whole, abs=0.01)
