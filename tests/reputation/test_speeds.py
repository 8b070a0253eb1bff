from __future__ import annotations

from statistics import median_high

from hypothesis import given
from hypothesis import strategies as st

from clubai.reputation.speeds import KEPT, LEAST, Speeds, Usual


def test_nothing_is_fast_before_there_are_twenty_durations() -> None:
    speeds = Speeds()

    early = [speeds.fast("m", "chat", 100, 10.0) for _ in range(LEAST - 1)]

    assert not any(early)
    assert not speeds.fast("m", "chat", 100, 1.0)
    assert speeds.fast("m", "chat", 100, 1.0)


def test_half_of_the_median_is_fast_and_a_little_more_is_not() -> None:
    speeds = Speeds()
    for _ in range(LEAST):
        speeds.fast("m", "chat", 100, 10.0)

    assert speeds.fast("m", "chat", 100, 5.0)
    assert not speeds.fast("m", "chat", 100, 5.01)


def test_models_kinds_and_lengths_are_apart() -> None:
    speeds = Speeds()
    for _ in range(LEAST):
        speeds.fast("m", "chat", 100, 10.0)

    assert not speeds.fast("other", "chat", 100, 1.0)
    assert not speeds.fast("m", "completion", 100, 1.0)
    assert not speeds.fast("m", "chat", 128, 1.0)
    assert speeds.fast("m", "chat", 64, 1.0)
    assert speeds.fast("m", "chat", 127, 1.0)


def test_classes_do_not_grow_without_end() -> None:
    speeds = Speeds()
    for _ in range(LEAST):
        speeds.fast("first", "chat", 1, 10.0)
    for number in range(4096):
        speeds.fast(f"m{number}", "chat", 1, 10.0)

    assert not speeds.fast("first", "chat", 1, 1.0)


@given(st.lists(st.floats(0.001, 1e6), max_size=3 * KEPT))
def test_the_median_is_that_of_the_newest(durations: list[float]) -> None:
    usual = Usual()
    for seconds in durations:
        usual.add(seconds)

    newest = durations[-KEPT:]
    expected = median_high(newest) if len(newest) >= LEAST else 0.0
    assert usual.median == expected
