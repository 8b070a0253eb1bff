"""Curves: windows, averages, bars of first-token times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.tui.curves import (
    BOUNDS_MS,
    HOLDS_S,
    Span,
    averaged,
    first_token_bars,
    frame,
    levels,
    recent_samples,
    speeds,
)
from clubai.tui.picture import Sample
from support.dashboard import NOW, task

VALUES = st.floats(0.0, 1e6)


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    """Spans in the order of time, some with gaps between them."""
    at, made = draw(st.floats(-50.0, 50.0)), []
    for value in draw(st.lists(VALUES, max_size=20)):
        at += draw(st.sampled_from((0.0, 0.0, 0.5, 7.0)))
        end = at + draw(st.floats(0.1, 9.0))
        made.append(Span(at, end, value))
        at = end
    return made


def sample(at: float, queued: int = 0, tokens: int = 0) -> Sample:
    return Sample(at, queued, 0, tokens, 0, 0)


@given(spans(), st.integers(1, 200))
def test_averages_lie_between_the_lowest_and_the_highest(
    given_spans: list[Span], columns: int
) -> None:
    curve = averaged(given_spans, 0.0, 60.0, columns)

    known = [value for value in curve.columns if value is not None]
    assert len(curve.columns) == columns == len(curve.values)
    if known:
        least = min(span.value for span in given_spans)
        most = max(span.value for span in given_spans)
        assert all(
            least * 0.999 - 1e-9 <= value <= most * 1.001 + 1e-9 for value in known
        )
        assert curve.highest == max(known)


@given(spans(), st.integers(1, 200))
def test_the_sum_over_time_is_kept(given_spans: list[Span], columns: int) -> None:
    whole = averaged(given_spans, -100.0, 500.0, columns)

    width = 600.0 / columns
    total = 0.0
    for column, value in enumerate(whole.columns):
        left = -100.0 + column * width
        seen = sum(
            max(min(span.end, left + width) - max(span.begin, left), 0.0)
            for span in given_spans
        )
        total += (value or 0.0) * seen
    expected = sum(span.value * (span.end - span.begin) for span in given_spans)
    assert total == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_several_samples_in_a_column_are_averaged() -> None:
    held = [Span(second, second + 1.0, value) for second, value in enumerate((2, 4, 9))]

    assert averaged(held, 0.0, 4.0, 2).columns == (3.0, 9.0)


def test_a_sample_stands_in_all_its_columns() -> None:
    assert averaged([Span(1.0, 2.0, 7.0)], 0.0, 3.0, 6).columns == (
        *(None, None),
        *(7.0, 7.0),
        *(None, None),
    )


def test_there_is_no_curve_without_columns_or_time() -> None:
    assert averaged([Span(0.0, 1.0, 1.0)], 0.0, 1.0, 0).columns == ()
    assert averaged([Span(0.0, 1.0, 1.0)], 1.0, 1.0, 5).columns == ()
    assert averaged([], 0.0, 1.0, 2).highest == 0.0


def test_a_count_holds_since_the_sample_before_but_not_for_long() -> None:
    held = levels(
        [sample(10.0, 1), sample(11.0, 2), sample(60.0, 3)], lambda s: s.queued
    )

    assert held == [Span(9.0, 10.0, 1), Span(10.0, 11.0, 2), Span(55.0, 60.0, 3)]
    assert levels([], lambda s: s.queued) == []


def test_speeds_are_growth_over_time() -> None:
    taken = [
        sample(10.0, tokens=100),
        sample(12.0, tokens=180),
        sample(12.0),
        sample(32.0),
    ]

    first = speeds(taken[:2], lambda s: s.tokens)
    assert first == [Span(10.0, 12.0, 40.0)]
    assert [span.end for span in speeds(taken, lambda s: s.tokens)] == [12.0, 32.0]


def test_columns_stand_still_while_time_goes_on() -> None:
    one = frame(NOW, NOW - 0.3, 600.0, 60)
    other = frame(NOW + 0.9, NOW - 0.3, 600.0, 60)

    assert one == other
    assert one[1] - one[0] == 600.0
    assert one[1] >= NOW - 0.3


def test_a_curve_goes_on_when_no_samples_come() -> None:
    _, end = frame(NOW + 30.0, NOW, 60.0, 60)

    assert end >= NOW + 30.0
    assert frame(NOW + HOLDS_S - 0.1, NOW, 60.0, 60)[1] == NOW


@given(st.lists(st.floats(0, 100), max_size=30), st.floats(0, 100))
def test_recent_samples_are_those_after_and_one_before(
    times: list[float], since: float
) -> None:
    taken = [sample(at) for at in sorted(times)]

    kept = recent_samples(taken, since)

    after = [each for each in taken if each.at >= since]
    assert kept[len(kept) - len(after) :] == after
    assert len(kept) - len(after) == min(len(taken) - len(after), 1)


def test_bars_count_each_answer_once() -> None:
    ended = [
        task(4, id=str(number), first_token_ms=value, ended_at=NOW)
        for number, value in enumerate((1, 249, 250, 4999, 5000, 90_000, 0))
    ]
    old = task(4, first_token_ms=9, ended_at=NOW - 900.0)

    bars = first_token_bars([*ended, old], NOW - 600.0)

    assert bars == (
        ("< 250 ms", 2),
        ("< 500 ms", 1),
        ("< 1 s", 0),
        ("< 2 s", 0),
        ("< 5 s", 1),
        ("5 s +", 2),
    )
    assert len(bars) == len(BOUNDS_MS) + 1
