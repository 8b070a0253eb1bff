from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.economics.errors import PeriodError
from clubai.economics.month import DAY_MS, Period, read_stamp, stamp

periods = st.builds(Period, st.integers(2000, 2098), st.integers(1, 12))


@given(periods, st.integers(-14 * 60, 14 * 60))
def test_the_border_is_utc_whatever_the_zone(period: Period, minutes: int) -> None:
    zone = timezone(timedelta(minutes=minutes))
    border = datetime(period.year, period.month, 1, tzinfo=UTC).astimezone(zone)
    at = round(border.timestamp()) * 1000

    assert Period.holding(at) == period
    assert Period.holding(at - 1) == period.plus(-1)
    assert period.start_ms == at == period.plus(-1).end_ms


@given(periods)
def test_a_month_is_read_as_it_is_written(period: Period) -> None:
    assert Period.read(str(period)) == period
    assert 28 <= period.days <= 31
    assert period.plus(13).since(period) == 13
    assert period.cut_off_ms == period.end_ms + 3 * DAY_MS


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13", "2026-1", "1999-01", "2026-01 "]
)
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(PeriodError):
        Period.read(text)


@given(st.integers(946_684_800_000, 4_102_444_799_999))
def test_a_time_is_read_as_it_is_written(at: int) -> None:
    assert read_stamp(stamp(at)) == at


def test_a_time_has_milliseconds() -> None:
    assert stamp(1_769_903_999_999) == "2026-01-31T23:59:59.999Z"
