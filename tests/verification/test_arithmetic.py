from __future__ import annotations

import re
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from clubai.verification import arithmetic

seeds = st.integers(0, 1 << 32)


def numbers(text: str) -> list[int]:
    return [int(each) for each in re.findall(r"\d+", text)]


@given(seeds)
def test_totals_add_up(seed: int) -> None:
    draft = arithmetic.total(Random(seed))

    assert sum(numbers(draft.task)) == int(draft.expected)


@given(seeds)
def test_differences_are_what_is_left(seed: int) -> None:
    draft = arithmetic.difference(Random(seed))

    one, other = numbers(draft.task)
    assert abs(one - other) == int(draft.expected) > 0


@given(seeds)
def test_products_multiply(seed: int) -> None:
    draft = arithmetic.product(Random(seed))

    one, other = numbers(draft.task)
    assert one * other == int(draft.expected)


@given(seeds)
def test_change_is_what_was_not_spent(seed: int) -> None:
    draft = arithmetic.change(Random(seed))

    one, two, three = sorted(numbers(draft.task))
    assert three - one * two == int(draft.expected) > 0


@given(seeds)
def test_minutes_are_sixty_to_the_hour(seed: int) -> None:
    draft = arithmetic.minutes(Random(seed))

    hours, rest = numbers(draft.task)
    assert 60 * hours + rest == int(draft.expected)
