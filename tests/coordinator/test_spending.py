from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.coordinator.grants import Grants
from clubai.coordinator.spending import (
    MonthlyLimit,
    Spending,
    month_start,
    next_month,
)
from clubai.errors import RateLimited
from support.clock import Clock
from support.rows import task_row

LIMITED = Grants(key_id="abcd1234", monthly_tokens=100, login=False)


def at(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("now", "start", "end"),
    [
        ((2026, 11, 24, 6, 0, 0), (2026, 11, 1), (2026, 12, 1)),
        ((2026, 12, 31, 23, 59, 59), (2026, 12, 1), (2027, 1, 1)),
        ((2027, 1, 1), (2027, 1, 1), (2027, 2, 1)),
        ((2028, 2, 29, 12), (2028, 2, 1), (2028, 3, 1)),
    ],
)
def test_a_month_is_a_calendar_month_in_utc(
    now: tuple[int, ...], start: tuple[int, ...], end: tuple[int, ...]
) -> None:
    assert month_start(at(*now)) == at(*start)
    assert next_month(at(*now)) == at(*end)


@given(st.floats(0, 4e9))
def test_every_moment_is_in_its_month(now: float) -> None:
    assert month_start(now) <= now < next_month(now)
    assert month_start(next_month(now)) == next_month(now)


def test_what_was_used_before_and_what_is_used_now_count_together() -> None:
    clock = Clock(at(2026, 11, 24))
    spending = Spending({"abcd1234": 40}, clock=clock)
    for key_id in ("abcd1234", "other000", ""):
        spending.add(
            task_row(
                1,
                key_id=key_id,
                ended_at=clock.now,
                prompt_tokens=9,
                completion_tokens=50,
            )
        )
    spending.check(LIMITED)
    spending.add(task_row(2, key_id="abcd1234", ended_at=clock.now, prompt_tokens=1))

    assert spending.used("abcd1234") == 150
    assert spending.used("other000") == 59
    with pytest.raises(MonthlyLimit):
        spending.check(LIMITED)


def test_the_refusal_says_when_it_resets() -> None:
    clock = Clock(at(2026, 12, 31, 23, 0))
    spending = Spending({"abcd1234": 100}, clock=clock)

    with pytest.raises(RateLimited) as refused:
        spending.check(LIMITED)

    assert refused.value.retry_after == 3600
    assert str(refused.value) == (
        "the API key has used its 100 tokens of this month: "
        "it resets at 2027-01-01 00:00 UTC"
    )


def test_a_new_month_begins_with_nothing_used() -> None:
    clock = Clock(at(2026, 11, 30, 23, 59, 59))
    spending = Spending({"abcd1234": 100}, clock=clock)
    clock.forward(1)

    spending.check(LIMITED)
    late = task_row(1, key_id="abcd1234", ended_at=clock.now - 1)
    spending.add(late)

    assert spending.used("abcd1234") == 0


def test_without_a_limit_nothing_is_refused() -> None:
    spending = Spending({"abcd1234": 10**12, "": 10**12}, clock=Clock())

    spending.check(Grants(key_id="abcd1234", login=False))
    spending.check(Grants())
