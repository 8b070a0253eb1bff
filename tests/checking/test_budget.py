from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.checking.budget import DAY_S, FREE_TOKENS, Budget


def test_a_club_that_does_little_is_checked_too() -> None:
    budget = Budget(0.15)
    budget.spend(FREE_TOKENS - 1, now=0)

    assert budget.allows(0, now=1)
    budget.spend(1, now=1)
    assert not budget.allows(100, now=1)


@pytest.mark.parametrize(("spent", "allowed"), [(149_999, True), (150_000, False)])
def test_checks_have_their_share(spent: int, allowed: bool) -> None:
    budget = Budget(0.15)
    budget.spend(spent, now=0)

    assert budget.allows(1_000_000, now=1) is allowed


def test_what_was_a_day_ago_counts_no_longer() -> None:
    budget = Budget(0.1)
    budget.count(1_000_000, now=0)
    budget.spend(90_000, now=0)
    assert budget.allows(1_000_000, now=10)

    budget.spend(90_000, now=100)
    assert not budget.allows(1_000_000, now=100)
    assert budget.allows(1_000_000, now=DAY_S + 100)

    budget.spend(90_000, now=DAY_S + 200)
    assert not budget.allows(1_500_000, now=DAY_S + 200)
    assert budget.allows(2_000_000, now=DAY_S + 200)


@given(
    st.floats(0, 1),
    st.lists(
        st.tuples(st.floats(0, DAY_S / 3), st.integers(0, 10**5), st.integers(0, 10**6))
    ),
)
def test_over_any_day_the_share_is_kept(
    share: float, steps: list[tuple[float, int, int]]
) -> None:
    budget = Budget(share)
    now, total = 0.0, 0
    history: list[tuple[float, int, int]] = []
    for passed, check, other in steps:
        now += passed
        total += other
        spent = sum(each for at, each, _ in history if now - at < DAY_S)
        if budget.allows(total, now=now):
            assert spent < max(FREE_TOKENS, share * total)
            budget.spend(check, now=now)
            total += check
            history.append((now, check, total))
        else:
            assert spent >= FREE_TOKENS
