from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.errors import RateLimited, TaskRejected
from clubai.gateway.limits import GatewayLimits, HeldBytes, MemberBudget

LIMITS = GatewayLimits(requests_per_minute=60, requests_at_once=3)


def test_a_burst_is_let_in_and_then_one_a_second() -> None:
    budget = MemberBudget(LIMITS, now=0.0)
    for left in range(59, -1, -1):
        standing = budget.enter(0.0)
        budget.leave()
        assert (standing.limit, standing.remaining) == (60, left)
        assert standing.reset_s == pytest.approx(60 - left)

    with pytest.raises(RateLimited) as caught:
        budget.enter(0.25)

    assert caught.value.retry_after == pytest.approx(0.75)
    assert budget.enter(1.0).remaining == 0


def test_as_many_as_said_may_be_under_way() -> None:
    budget = MemberBudget(LIMITS, now=0.0)
    for _ in range(3):
        budget.enter(0.0)

    with pytest.raises(RateLimited, match="at once") as caught:
        budget.enter(100.0)
    assert caught.value.retry_after > 0

    budget.leave()
    budget.enter(100.0)


def test_a_refused_request_costs_nothing() -> None:
    budget = MemberBudget(LIMITS, now=0.0)
    for _ in range(3):
        budget.enter(0.0)
    for _ in range(10):
        with pytest.raises(RateLimited):
            budget.enter(0.0)
    budget.leave()

    assert budget.enter(0.0).remaining == 56


@given(st.lists(st.floats(-5, 100), max_size=100))
def test_no_more_than_burst_and_refill_are_let_in(steps: list[float]) -> None:
    budget = MemberBudget(LIMITS, now=0.0)
    now, let_in = 0.0, 0
    latest = 0.0
    waits: list[float] = []
    for step in steps:
        now += step
        latest = max(latest, now)
        try:
            standing = budget.enter(now)
        except RateLimited as error:
            waits.append(error.retry_after)
            continue
        budget.leave()
        let_in += 1
        assert 0 <= standing.remaining < 60

    assert budget.under_way == 0
    assert all(0 < wait <= 1 for wait in waits)
    assert let_in <= 60 + latest


def test_bytes_are_held_up_to_the_bound() -> None:
    space = HeldBytes(10)
    space.take(6)
    space.take(4)

    with pytest.raises(TaskRejected) as caught:
        space.take(1)
    assert caught.value.retry_after is not None
    assert space.held == 10

    space.give_back(4)
    space.take(3)
    assert space.held == 9


@pytest.mark.parametrize("field", GatewayLimits.__struct_fields__)
def test_a_limit_must_be_above_zero(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        GatewayLimits(**{field: 0})


def test_a_limit_that_the_protocol_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="longest_s"):
        GatewayLimits(longest_s=90_000)
