from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.client.feed import FeedItem, FeedState
from clubai.protocol.feed import ClubEvent, FeedStats
from clubai.tui.picture import (
    MOST_STEPS,
    RATE_OVER_S,
    SAMPLE_S,
    Latency,
    Picture,
    Step,
    quantile,
)
from support.dashboard import (
    NOW,
    broken,
    connected,
    curves,
    happened,
    node_id,
    script,
    snapshot,
    stats,
    task,
)


def taken(items: Sequence[FeedItem], here: float = NOW) -> Picture:
    picture = Picture()
    for item in items:
        picture.take(item, here)
    return picture


def moved(seq: int, state: str, **fields: object) -> ClubEvent:
    shown = task(2, state=state, **fields)
    return ClubEvent(seq=seq, at=NOW + seq, kind="task", what=state, task=shown)


ITEMS = st.one_of(
    st.builds(happened, st.integers(0, 200)),
    st.builds(
        lambda now, tokens: FeedStats(
            seq=1, stats=stats(now=NOW + now, completion_tokens=tokens)
        ),
        st.floats(-100, 100),
        st.integers(0, 9),
    ),
    st.builds(snapshot, nodes=st.integers(0, 6), tasks=st.integers(0, 12)),
    st.just(connected()),
    st.just(broken()),
)


@given(st.lists(ITEMS, max_size=30))
def test_any_items_make_a_picture(items: list[FeedItem]) -> None:
    picture, version = Picture(), 0
    for item in items:
        picture.take(item, NOW)
        assert picture.version > version
        version = picture.version
        at = [sample.at for sample in picture.samples]
        assert all(later - sooner >= SAMPLE_S for sooner, later in pairwise(at))
        assert picture.tokens_per_second() >= 0
        known = [*picture.mirror.live, *picture.mirror.ended]
        assert all(picture.task(one) for one in known)
    assert len(picture.events) == sum(isinstance(item, ClubEvent) for item in items)


def test_nothing_is_known_at_first() -> None:
    picture = Picture()

    assert (picture.stats, picture.role, picture.connected) == (None, "", False)
    assert (picture.now(5.0), picture.age(5.0)) == (5.0, 0.0)
    assert picture.latency() == Latency(0, 0.0, 0.0)
    assert picture.tokens_per_second() == 0.0
    assert list(picture.steps("x")) == []


def test_the_coordinators_time_goes_on_from_its_last_counts() -> None:
    picture = taken([snapshot(stats=stats(now=500.0))], here=90.0)

    assert picture.now(93.0) == 503.0
    picture.take(happened(0), 95.0)
    assert picture.now(95.0) == 505.0
    assert picture.now(80.0) == 500.0
    assert picture.age(98.0) == 3.0


def test_samples_are_a_second_apart_and_an_hour_long() -> None:
    picture = taken(curves(4000))

    assert len(picture.samples) == 3600
    picture.take(FeedStats(seq=1, stats=stats(now=NOW + 0.5)), NOW)
    assert picture.samples[-1].at == NOW


@pytest.mark.parametrize(
    "fields",
    [
        {"now": NOW + 5, "completion_tokens": 3},
        {"now": NOW - 3600},
    ],
    ids=["started anew", "clock set back"],
)
def test_curves_begin_again_with_the_coordinator(fields: dict[str, float]) -> None:
    picture = taken(curves())
    picture.take(FeedStats(seq=1, stats=stats(**fields)), NOW)

    assert [sample.at for sample in picture.samples] == [fields["now"]]


def test_the_rate_is_that_of_the_last_seconds() -> None:
    assert taken(curves()).tokens_per_second() == 40.0

    old = FeedStats(seq=1, stats=stats(now=NOW - RATE_OVER_S - 1, completion_tokens=1))
    assert taken([old, FeedStats(seq=2, stats=stats())]).tokens_per_second() == 0.0


def test_what_happened_to_a_task_in_its_order() -> None:
    picture = taken(
        [snapshot(tasks=0), moved(1, "queued", node_name="", node=""), moved(2, "done")]
    )

    assert [(step.at, step.state, step.node) for step in picture.steps(task(2).id)] == [
        (NOW + 1, "queued", ""),
        (NOW + 2, "done", "cellar"),
    ]


def test_of_a_task_with_many_steps_the_last_one_is_kept() -> None:
    events = [moved(seq, "queued", reason=f"{seq}") for seq in range(MOST_STEPS + 5)]
    picture = taken([snapshot(tasks=0), *events, moved(99, "failed")])
    steps = picture.steps(task(2).id)

    assert len(steps) == MOST_STEPS
    assert steps[-1].state == "failed"
    assert isinstance(steps[0], Step)
    assert steps[0].reason == "0"


def test_a_snapshot_forgets_the_steps_of_tasks_that_are_gone() -> None:
    picture = taken([snapshot(tasks=0), moved(1, "queued")])
    picture.take(snapshot(tasks=0), NOW)

    assert list(picture.steps(task(2).id)) == []


def test_steps_of_forgotten_tasks_are_forgotten() -> None:
    picture = taken([snapshot(tasks=0)])
    for number in range(12_000):
        ended = task(2, id=f"{number}", state="done")
        picture.take(
            ClubEvent(seq=number, at=NOW, kind="task", what="done", task=ended), NOW
        )

    assert 1000 <= sum(bool(picture.steps(f"{one}")) for one in range(12_000)) <= 10_000


def test_changes_of_one_node_newest_first() -> None:
    changes = taken(script()).changes_of(node_id(1))

    assert [change.change.node for change in changes] == [node_id(1)] * len(changes)
    assert len(changes) == 2
    assert changes[0].at > changes[1].at


def test_how_soon_answers_began() -> None:
    quick = [task(4, id=f"{ms}", first_token_ms=ms) for ms in range(100, 1100, 100)]
    old = task(4, id="old", first_token_ms=9000, ended_at=NOW - 3600)
    picture = taken([snapshot(tasks=0)])

    assert picture.latency([*quick, old]) == Latency(10, 500, 1000)
    assert taken([snapshot()]).latency().tasks == 2


@given(st.lists(st.integers(0, 99), min_size=1), st.floats(0, 1))
def test_a_quantile_is_one_of_the_values(values: list[int], share: float) -> None:
    ordered = sorted(values)
    found = quantile(ordered, share)

    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)


def test_missed_events_are_noted() -> None:
    gap = FeedState(connected=True, since=NOW, gaps=1, reason="too far behind")
    picture = taken([connected(), snapshot(), gap, gap])

    assert list(picture.gaps) == [(NOW, "too far behind")]


def test_a_feed_that_was_refused_can_begin_again() -> None:
    picture = taken(script())
    picture.refuse("no")

    assert not picture.connected
    picture.begin_again()
    assert not picture.connected
    assert picture.refused == ""
    picture.take(connected(), NOW)
    assert picture.connected


def test_what_was_missed_between_two_feeds_is_a_gap() -> None:
    picture = taken([snapshot(), happened(0)])
    picture.begin_again()
    picture.take(snapshot(seq=101), NOW)
    assert not picture.gaps

    picture.begin_again()
    picture.take(snapshot(seq=150), NOW + 1)
    assert list(picture.gaps) == [(NOW + 1, "the screen connected again")]

    picture.begin_again()
    picture.take(snapshot(seq=150, boot="another process"), NOW + 2)
    assert [at for at, _ in picture.gaps] == [NOW + 1, NOW + 2]
