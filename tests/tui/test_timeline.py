from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.model import TaskSnapshot
from clubai.tui.picture import Step
from clubai.tui.timeline import attempts, segments, shares, total_ms
from support.dashboard import NOW, task

STATES = ("queued", "offered", "running", "replying", "done", "failed", "other")


def ended(**fields: Any) -> TaskSnapshot:
    given = {"state": "done", "attempts": 1, "node_name": "barn", "created_at": NOW}
    times = {"queued_ms": 40, "first_token_ms": 250, "total_ms": 1000}
    return task(4, **{**given, **times, **fields})


def step(ms: int, state: str, node: str = "barn") -> Step:
    return Step(NOW + ms / 1000, state, node if state != "queued" else "", "")


def brief(*found: Any) -> list[tuple[str, int, int]]:
    return [(segment.phase, segment.begin_ms, segment.ms) for segment in found]


def test_the_counts_of_an_ended_task_tell_where_its_time_went() -> None:
    found = segments(ended(), (), NOW + 99)

    assert brief(*found) == [
        ("queued", 0, 40),
        ("running", 40, 210),
        ("replying", 250, 750),
    ]
    assert [segment.node for segment in found] == ["", "barn", "barn"]


def test_what_was_seen_tells_it_exactly() -> None:
    steps = [step(0, "queued"), step(40, "offered"), step(55, "running")]

    found = segments(ended(), [*steps, step(250, "replying"), step(1000, "done")], NOW)

    assert brief(*found) == [
        ("queued", 0, 40),
        ("offered", 40, 15),
        ("running", 55, 195),
        ("replying", 250, 750),
    ]


def test_counts_tell_of_the_time_before_the_first_thing_seen() -> None:
    found = segments(ended(), [step(250, "replying")], NOW)

    assert brief(*found)[:2] == [("queued", 0, 40), ("running", 40, 210)]


def test_a_live_task_goes_on_until_now() -> None:
    waiting = ended(state="queued", attempts=0, queued_ms=0, first_token_ms=0)

    assert brief(*segments(waiting, (), NOW + 2.5)) == [("queued", 0, 2500)]
    assert brief(*segments(ended(state="replying"), (), NOW + 2)) == [
        ("queued", 0, 40),
        ("running", 40, 210),
        ("replying", 250, 1750),
    ]


def test_a_task_without_any_time_has_one_segment() -> None:
    assert brief(*segments(ended(total_ms=0, attempts=0), (), NOW)) == [
        ("queued", 0, 0)
    ]


def test_each_try_has_its_node_and_its_end() -> None:
    steps = [step(40, "offered", "attic"), step(55, "running", "attic")]
    steps += [step(400, "queued"), step(420, "offered"), step(430, "running")]
    steps += [step(600, "replying"), step(1000, "done")]

    first, second = attempts(ended(attempts=2, first_token_ms=600), steps, NOW)

    assert first == ("attic", 40, 360, 0, "tried elsewhere")
    assert second == ("barn", 420, 580, 600, "answered")


def test_a_try_may_follow_on_another_without_a_wait() -> None:
    steps = [step(40, "replying", "attic"), step(400, "offered"), step(500, "running")]

    found = attempts(ended(state="running", attempts=2, queued_ms=20), steps, NOW + 1)

    assert [(each.node, each.end) for each in found][-2:] == [
        ("attic", "tried elsewhere"),
        ("barn", ""),
    ]


def test_the_same_node_may_try_twice() -> None:
    steps = [step(40, "offered"), step(60, "running"), step(400, "offered")]

    found = attempts(ended(state="failed", reason="the node was lost"), steps, NOW)

    assert [each.end for each in found] == ["tried elsewhere", "the node was lost"]


def test_a_task_that_was_never_offered_has_no_try() -> None:
    failed = ended(state="failed", attempts=0, first_token_ms=0)

    assert attempts(failed, [step(1000, "failed", "")], NOW) == ()


@st.composite
def anything(draw: st.DrawFn) -> tuple[TaskSnapshot, list[Step], float]:
    number = st.integers(0, 5000)
    shown = ended(
        state=draw(st.sampled_from(STATES[:6])),
        attempts=draw(st.integers(0, 3)),
        queued_ms=draw(number),
        first_token_ms=draw(number),
        total_ms=draw(number),
    )
    steps = st.builds(
        step, st.integers(-500, 6000), st.sampled_from(STATES), st.sampled_from("abc")
    )
    return shown, draw(st.lists(steps, max_size=8)), NOW + draw(st.floats(-1, 9))


@given(anything())
def test_segments_are_the_whole_time_in_order_and_never_negative(
    drawn: tuple[TaskSnapshot, list[Step], float],
) -> None:
    found = segments(*drawn)

    at = 0
    for segment in found:
        assert segment.begin_ms == at
        assert segment.ms >= 0
        at += segment.ms
    assert at == total_ms(drawn[0], drawn[2])


@given(anything())
def test_tries_are_in_order_and_within_the_whole_time(
    drawn: tuple[TaskSnapshot, list[Step], float],
) -> None:
    at = 0
    found = attempts(*drawn)
    for each in found:
        assert each.begin_ms >= at
        assert each.ms >= 0
        assert not each.first_token_ms or each.first_token_ms >= each.begin_ms
        at = each.begin_ms + each.ms
    assert at <= total_ms(drawn[0], drawn[2])
    assert all(each.end for each in found[:-1])


@given(st.lists(st.integers(0, 10**9), max_size=12), st.integers(-3, 200))
def test_shares_fit_any_width(lengths: list[int], width: int) -> None:
    given_ = shares(lengths, width)

    assert len(given_) == len(lengths)
    assert all(share >= 0 for share in given_)
    assert sum(given_) == (max(width, 0) if lengths else 0)
    if width >= len(lengths) and sum(lengths):
        assert all(share > 0 for share, one in zip(given_, lengths, strict=True) if one)


@pytest.mark.parametrize(
    ("lengths", "width", "expected"),
    [
        ([100, 300], 8, [2, 6]),
        ([1, 10_000], 10, [1, 9]),
        ([0, 5, 5], 10, [0, 5, 5]),
        ([0, 0], 10, [10, 0]),
        ([1, 1, 1], 2, [1, 1, 0]),
        ([], 10, []),
    ],
)
def test_shares_are_to_scale(
    lengths: list[int], width: int, expected: list[int]
) -> None:
    assert shares(lengths, width) == expected
