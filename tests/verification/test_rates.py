from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from clubai.model import NodeId
from clubai.verification.rates import FEWEST, FLAG_EVERY_S, KEPT, LOOK_EVERY, Rates

A, B, FAST = (NodeId(letter * 32) for letter in (b"a", b"b", b"f"))


def filled(rates: Iterable[float] = (40.0, 50.0)) -> Rates:
    """Others' answers, as many as are kept."""
    known = list(rates)
    made = Rates()
    for number in range(KEPT):
        rate = known[number % len(known)]
        made.add((A, B)[number % 2], "m", 100, 100 / rate, now=0.0)
    return made


def doubts(rates: Rates, rate: float, times: int = 1, now: float = 1e6) -> list[float]:
    found = [rates.add(FAST, "m", 100, 100 / rate, now=now) for _ in range(times)]
    return [each for each in found if each]


def test_far_above_99_of_100_others_is_doubted() -> None:
    assert doubts(filled(), 80) == [75.0]


def test_what_is_not_far_above_is_not() -> None:
    assert doubts(filled(), 74, times=100) == []


def test_few_tokens_and_no_time_say_nothing() -> None:
    rates = filled()

    assert rates.add(FAST, "m", 10, 0.001, now=1e6) == 0
    assert rates.add(FAST, "m", 100, 0.0, now=1e6) == 0
    assert doubts(rates, 80)


def test_others_with_another_model_are_not_alike() -> None:
    assert filled().add(FAST, "n", 100, 0.01, now=1e6) == 0


def test_a_node_does_not_set_the_measure_for_itself() -> None:
    rates = filled()
    found = doubts(rates, 500, times=KEPT // 2 - LOOK_EVERY - 1)

    assert found == [75.0]
    assert doubts(rates, 500, times=LOOK_EVERY, now=1e6 + FLAG_EVERY_S) == [75.0]


def test_a_node_is_doubted_once_an_hour() -> None:
    rates = filled()
    hour = [doubts(rates, 90, now=1e6 + each) for each in range(0, 3600, 30)]

    assert sum(map(len, hour)) == 1


def test_until_enough_others_answered_nothing_is_doubted() -> None:
    rates = Rates()
    for _ in range(FEWEST - 1):
        rates.add(A, "m", 100, 2.0, now=0.0)
    found = [rates.add(FAST, "m", 100, 0.1, now=1e6) for _ in range(FEWEST)]

    assert not any(found)


@given(st.lists(st.floats(0.01, 1e5), min_size=1, max_size=50), st.floats(0.01, 1e5))
def test_what_is_doubted_is_above_what_others_reach(
    others: list[float], rate: float
) -> None:
    for most in doubts(filled(others), rate, times=3):
        assert rate > most >= 1.4 * sorted(others)[0]
