"""Events as rows: words for people, and following the newest."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.protocol.feed import CheckOutcome, ClubEvent
from clubai.tui.look import Look
from clubai.tui.tables import events as table
from clubai.tui.tables.events import (
    EVENTS,
    EventGrid,
    event_key,
    newer,
    node_of,
    subject_of,
    tone_of,
    words_of,
)
from support.dashboard import NOW, change, happened, node, node_id, task

LOOK = Look(now=NOW)


def told(kind: str, what: str, **fields: Any) -> ClubEvent:
    return ClubEvent(seq=1, at=NOW, kind=kind, what=what, **fields)


def of_task(number: int, **fields: Any) -> ClubEvent:
    shown = task(number, id="3fa2" + "0" * 28, **fields)
    return told("task", shown.state, task=shown)


def of_check(passed: bool) -> ClubEvent:
    check = CheckOutcome(
        id="c",
        node=node_id(0),
        name="attic",
        model="qwen3-8b",
        kind="audit",
        passed=passed,
        why="" if passed else "another model answered",
    )
    return told("check", "passed" if passed else "failed", check=check)


def of_change(what: str, points: int, **fields: Any) -> ClubEvent:
    moved = msgspec.structs.replace(change(0, what, points), **fields)
    return told("standing", what, standing=moved)


def grid_of(events: list[ClubEvent]) -> EventGrid:
    grid = EventGrid()
    grid.put(events, LOOK)
    return grid


@pytest.mark.parametrize(
    ("event", "words", "tone"),
    [
        (
            of_task(0, reason=""),
            "task 3fa20000 waits for smollm2-135m-instruct",
            "warn",
        ),
        (
            of_task(0, reason="full", model="m"),
            "task 3fa20000 waits for m: full",
            "warn",
        ),
        (of_task(1), "task 3fa20000 offered to barn", "accent"),
        (of_task(2), "task 3fa20000 taken by cellar", "accent"),
        (of_task(3), "task 3fa20000 replying on attic", "accent"),
        (of_task(4), "task 3fa20000 done by barn: 64 tokens in 1.9 s", "good"),
        (of_task(5), "task 3fa20000 failed on cellar: the node was lost", "bad"),
        (
            of_task(5, node="", node_name="", reason=""),
            "task 3fa20000 failed: no reason is known",
            "bad",
        ),
        (
            of_change("completed", 10, cause="task:3fa2" + "0" * 28),
            "attic +10 completed (task 3fa20000)",
            "good",
        ),
        (
            of_change("timeout", -20, cause="", why="no answer within 30 s"),
            "attic -20 timeout: no answer within 30 s",
            "warn",
        ),
        (of_change("decay", -5, cause="", why=""), "attic -5 decay", "bad"),
        (
            of_change("released", 0, held=-20, cause="", why=""),
            "attic released (-20 held)",
            "",
        ),
        (of_change("suspended", 0, cause="", why="x"), "attic suspended: x", "bad"),
        (
            told("review", "opened", standing=change(0, "review_opened", 0)),
            "review of attic opened: no answer within 30 s",
            "warn",
        ),
        (
            told("node", "joined", node=node(1)),
            "barn joined with 2 models, 2 slots",
            "good",
        ),
        (told("node", "left", node=node(0)), "attic left", "muted"),
        (
            told("node", "lost", node=node(0)),
            "attic lost: it is not heard any more",
            "bad",
        ),
        (
            told("node", "suspect", node=node(0)),
            "attic suspect: its heartbeats stay away",
            "warn",
        ),
        (told("node", "paused", node=node(0)), "attic paused", "warn"),
        (
            told("node", "changed", node=node(0)),
            "attic changed: 1 model, 1 slot, alive",
            "",
        ),
        (of_check(True), "attic passed a check of qwen3-8b (audit)", "good"),
        (
            of_check(False),
            "attic failed a check of qwen3-8b (audit): another model answered",
            "bad",
        ),
        (told("month", "closed", subject="2026-10"), "month 2026-10 closed", ""),
        (told("member", "joined", subject="m_bo"), "m_bo joined", "good"),
        (
            told("member", "joined", subject="m_bo", detail="member"),
            "m_bo joined as member",
            "good",
        ),
        (
            told("member", "role", subject="m_bo", detail="operator"),
            "m_bo is operator now",
            "",
        ),
        (told("task", "odd"), "task odd", ""),
    ],
)
def test_an_event_is_said_in_words(event: ClubEvent, words: str, tone: str) -> None:
    assert (words_of(event), tone_of(event)) == (words, tone)


def test_the_subject_is_what_it_is_about() -> None:
    assert subject_of(of_task(0)) == "3fa20000"
    assert subject_of(of_check(True)) == "attic"
    assert subject_of(of_change("timeout", -1, name="")) == node_id(0)[:12]
    assert subject_of(told("node", "left", node=node(1))) == "barn"
    assert subject_of(told("month", "closed", subject="2026-10")) == "2026-10"


def test_the_node_behind_an_event_is_known() -> None:
    assert node_of(of_check(True)) == node_id(0)
    assert node_of(told("node", "left", node=node(1))) == node_id(1)
    assert node_of(of_task(0)) == ""


def test_keys_differ_after_the_coordinator_started_anew() -> None:
    assert event_key(told("task", "a")) != event_key(
        ClubEvent(seq=1, at=NOW + 1.0, kind="task", what="a")
    )


def test_the_newest_stands_first_and_is_followed() -> None:
    events = [happened(number) for number in range(8)]
    grid = grid_of(events[:4])

    assert (grid.shown[0], grid.row, grid.follows) == (events[3], events[3], True)
    grid.put(events, LOOK)
    assert grid.row == events[7]


def test_the_newest_last_is_followed_too() -> None:
    events = [happened(number) for number in range(8)]
    grid = grid_of(events[:4])

    grid.sort("Time")
    grid.put(events, LOOK)

    assert grid.shown == events
    assert (grid.row, grid.follows) == (events[7], True)


def test_a_moved_cursor_stays_and_the_newest_row_follows_again() -> None:
    events = [happened(number) for number in range(8)]
    grid = grid_of(events[:4])

    grid.move(1)
    grid.put(events, LOOK)
    assert (grid.row, grid.follows) == (events[2], False)

    grid.move(-100)
    assert (grid.row, grid.follows) == (events[7], True)


def test_another_order_is_not_followed() -> None:
    grid = grid_of([happened(number) for number in range(8)])

    grid.sort("Kind")
    grid.move_to(0)

    assert not grid.follows


def test_without_a_filter_no_text_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(EventGrid, "texts", lambda _self, row: made.append(row) or {})

    grid = grid_of([happened(number) for number in range(8)])
    assert made == []

    grid.set_filter("attic")
    assert len(made) == 8


def test_with_a_filter_each_text_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [happened(number) for number in range(8)]
    asked = []
    monkeypatch.setattr(
        table.Grid, "texts", lambda _self, row: asked.append(row) or {"x": "attic"}
    )
    grid = grid_of(events[:4])

    grid.set_filter("attic")
    grid.put(events[:4], LOOK)
    assert len(asked) == 4
    grid.put(events, LOOK)
    assert len(asked) == 8
    assert len(grid.shown) == 8


def test_a_filter_keeps_the_order_of_time() -> None:
    events = [happened(number) for number in range(24)]
    grid = grid_of(events)

    grid.set_filter("-l kind=member")

    assert grid.shown == [event for event in events[::-1] if event.kind == "member"]


def test_new_events_are_counted_from_the_last_that_was_shown() -> None:
    events = [happened(number) for number in range(8)]

    assert newer(events, events[7]) == 0
    assert newer(events, events[5]) == 2
    assert newer(events, None) == 8
    assert newer(events[3:], events[0]) == 5


def test_every_column_sorts_and_is_explained() -> None:
    grid = grid_of([happened(number) for number in range(24)])
    for column in EVENTS:
        grid.sort(column.name)
        assert len(grid.shown) == 24
        assert column.says


@given(st.lists(st.integers(-9, 9) | st.sampled_from(("put", "sort")), max_size=12))
def test_the_cursor_is_on_the_newest_or_where_it_was_left(steps: list[Any]) -> None:
    events = [happened(number) for number in range(40)]
    given_events = 4
    grid = grid_of(events[:given_events])
    for step in steps:
        before = grid.row
        if step == "put":
            given_events = min(given_events + 3, 40)
            grid.put(events[:given_events], LOOK)
            follows = events[given_events - 1]
        elif step == "sort":
            grid.sort("Time")
            follows = events[given_events - 1]
        else:
            grid.move(step)
            continue
        if grid.follows:
            assert grid.row is follows
        else:
            assert grid.row is before
