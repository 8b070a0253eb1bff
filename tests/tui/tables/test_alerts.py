"""What needs a look, and why."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.client.feed import FeedItem
from clubai.model import ModelSnapshot, NodeSnapshot, NodeStanding, TaskSnapshot
from clubai.protocol.feed import ClubEvent, FeedSnapshot
from clubai.tui.look import Look
from clubai.tui.picture import Picture
from clubai.tui.tables.alerts import ALERTS, Alert, alerts, alerts_grid
from support.dashboard import NOW, change, node, node_id, script, snapshot, stats, task

LOOK = Look(now=NOW)


def club(
    *,
    nodes: tuple[NodeSnapshot, ...] = (),
    tasks: tuple[TaskSnapshot, ...] = (),
    models: tuple[ModelSnapshot, ...] | None = None,
    events: tuple[ClubEvent, ...] = (),
    **fields: Any,
) -> Picture:
    """A calm club with one node, and what is given."""
    begun = snapshot(stats=stats(**fields))
    begun = msgspec.structs.replace(
        begun,
        nodes=nodes or (node(0),),
        tasks=tasks,
        models=begun.models if models is None else models,
    )
    return taken(begun, *events)


def taken(*items: FeedItem) -> Picture:
    made = Picture()
    for item in items:
        made.take(item, NOW)
    return made


def one(made: Picture) -> Alert:
    found = alerts(made, LOOK, NOW)
    assert len(found) == 1, found
    return found[0]


def model(**fields: Any) -> ModelSnapshot:
    return msgspec.structs.replace(snapshot().models[0], **fields)


def review(number: int, what: str, cause: str) -> ClubEvent:
    moved = msgspec.structs.replace(
        change(number, f"review_{what}", 0), cause=cause, why="answers differ"
    )
    return ClubEvent(seq=number, at=NOW - 9.0, kind="review", what=what, standing=moved)


def test_nothing_needs_a_look_in_a_calm_club() -> None:
    assert alerts(club(), LOOK, NOW) == []
    assert alerts(Picture(), LOOK, NOW) == []


def test_the_worst_stands_first() -> None:
    found = alerts(taken(*script()), LOOK, NOW)

    assert [alert.level for alert in found] == ["alarm", *["warning"] * 4]
    assert {alert.what for alert in found} == {
        "forge lost",
        "cellar suspect",
        "eaves suspended",
        "2 failed",
        "3 tasks wait for 90 s",
    }
    assert len({alert.key for alert in found}) == len(found)


@pytest.mark.parametrize(
    ("state", "ago", "level", "says"),
    [
        ("suspect", 12.0, "warning", "not heard for 12 s; it gets nothing new"),
        ("lost", 50.0, "alarm", "not heard for 50 s; its tasks were given to others"),
        ("lost", 7300.0, "note", "not heard for 2 h; restart its agent"),
    ],
)
def test_a_silent_node_is_told_of(
    state: str, ago: float, level: str, says: str
) -> None:
    alert = one(club(nodes=(node(1, state=state, seen_at=NOW - ago),)))

    assert (alert.level, alert.what) == (level, f"barn {state}")
    assert alert.why.startswith(says)
    assert (alert.opens, alert.target, alert.at) == ("node", node_id(1), NOW - ago)


def test_nodes_that_were_paused_need_no_look() -> None:
    quiet = (node(3, state="paused"), node(0, state="draining"))

    assert alerts(club(nodes=quiet), LOOK, NOW) == []


def test_a_suspended_node_says_why_when_that_was_seen() -> None:
    suspended = node(0, standing=NodeStanding(points=0, held=0, suspended=True))
    moved = msgspec.structs.replace(change(0, "suspended", 0), why="three invalid")
    seen = ClubEvent(
        seq=1, at=NOW - 5.0, kind="standing", what="suspended", standing=moved
    )

    told = one(club(nodes=(suspended,), events=(seen,)))
    untold = one(club(nodes=(suspended,)))

    assert (told.what, told.why, told.at) == (
        "attic suspended",
        "three invalid",
        NOW - 5,
    )
    assert (untold.why, untold.at) == ("it gets no tasks from members", 0.0)


def test_a_club_without_nodes_is_an_alarm() -> None:
    alert = one(club(nodes_alive=0))

    assert (alert.level, alert.opens) == ("alarm", "nodes")


@pytest.mark.parametrize(
    ("models", "what", "level", "opens"),
    [
        ((model(slots_free=0),), "qwen3-8b full", "warning", "model"),
        ((model(slots=0, slots_free=0),), "qwen3-8b missing", "alarm", "model"),
        ((), "qwen3-8b missing", "alarm", "tasks"),
    ],
)
def test_a_model_without_room_is_told_of_while_tasks_wait(
    models: tuple[ModelSnapshot, ...], what: str, level: str, opens: str
) -> None:
    waiting = task(0, model="qwen3-8b", created_at=NOW - 3.0)

    alert = one(club(models=models, tasks=(waiting,)))

    assert (alert.what, alert.level, alert.opens) == (what, level, opens)
    assert alert.why.startswith("1 task waits")
    assert alerts(club(models=models), LOOK, NOW) == []


def test_short_waits_are_no_alert_and_long_ones_are() -> None:
    short = task(0, id="a" * 32, created_at=NOW - 29.0)
    long = task(0, id="b" * 32, created_at=NOW - 31.0)

    assert alerts(club(tasks=(short,)), LOOK, NOW) == []
    alert = one(club(tasks=(long, short)))
    assert (alert.what, alert.opens) == ("1 task waits for 31 s", "task")
    assert alert.target == "b" * 32
    assert alert.why == "all slots of its nodes are in use (smollm2-135m-instruct)"


def test_tasks_that_wait_for_the_same_reason_are_one_alert() -> None:
    waiting = tuple(task(0, id=letter * 32) for letter in "abc")

    alert = one(club(tasks=waiting))

    assert (alert.what, alert.opens) == ("3 tasks wait for 90 s", "tasks")
    assert alert.target == "queued"


def test_failures_are_told_by_their_code() -> None:
    failed = tuple(
        task(5, id=letter * 32, reason=reason, ended_at=NOW - seconds)
        for letter, reason, seconds in (
            ("a", "node_error: out of memory", 9.0),
            ("b", "node_error: no such file", 5.0),
            ("c", "cancelled: by its member", 7.0),
            ("d", "node_error: long ago", 601.0),
        )
    )

    first, second = alerts(club(tasks=failed), LOOK, NOW)

    assert (first.what, first.target) == ("2 failed", "failed")
    assert first.why == "node_error: no such file (last on cellar)"
    assert (second.what, second.opens) == ("1 failed", "task")
    assert second.target == "c" * 32


def test_open_reviews_are_told_of_until_they_end() -> None:
    opened, ended = review(7, "opened", "task:1"), review(8, "ended", "review:7")

    alert = one(club(events=(opened,)))

    assert (alert.what, alert.key) == ("review of barn", "review:7")
    assert alert.why == "answers differ; `clubai review` ends it"
    assert (alert.opens, alert.target) == ("review", "7")
    assert alerts(club(events=(opened, ended)), LOOK, NOW) == []


def test_who_may_not_read_a_review_is_led_to_its_node() -> None:
    opened = review(7, "opened", "task:1")

    for role in ("member", "auditor", "moderator"):
        alert = one(taken(_begun(role), opened))
        ends = "; `clubai review` ends it" if role == "moderator" else ""
        assert alert.why == f"answers differ{ends}"
        where = ("node", node_id(1)) if role == "member" else ("review", "7")
        assert (alert.opens, alert.target) == where


def _begun(role: str) -> FeedSnapshot:
    begun = snapshot(role=role)
    return msgspec.structs.replace(begun, nodes=(node(0),), tasks=())


def test_a_gap_is_a_note_for_ten_minutes() -> None:
    made = club()
    made.gaps.append((NOW - 100.0, "it was too far behind"))

    alert = one(made)

    assert (alert.level, alert.opens, alert.at) == ("note", "events", NOW - 100.0)
    assert alert.why.startswith("it was too far behind")
    assert alerts(made, LOOK, NOW + 501.0) == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("alive", "suspect", "lost", "paused")),
            st.booleans(),
            st.floats(0, 9000),
        ),
        max_size=12,
    ),
    st.lists(st.floats(0, 900), max_size=12),
)
def test_each_trouble_is_told_once_and_in_order(
    states: list[tuple[str, bool, float]], waits: list[float]
) -> None:
    nodes = tuple(
        node(
            number,
            id=f"node-{number}",
            state=state,
            seen_at=NOW - ago,
            standing=NodeStanding(points=0, held=0, suspended=suspended),
        )
        for number, (state, suspended, ago) in enumerate(states)
    )
    tasks = tuple(
        task(0, id=f"{number:032x}", created_at=NOW - wait)
        for number, wait in enumerate(waits)
    )

    found = alerts(club(nodes=nodes, tasks=tasks), LOOK, NOW)

    levels = ("alarm", "warning", "note")
    order = [levels.index(alert.level) for alert in found]
    assert order == sorted(order)
    assert len({alert.key for alert in found}) == len(found)
    troubled = sum(
        (state in ("suspect", "lost")) + suspended for state, suspended, _ in states
    )
    assert sum(alert.opens == "node" for alert in found) == troubled
    assert any(alert.opens in ("task", "tasks") for alert in found) == any(
        wait > 30.0 for wait in waits
    )


def test_the_table_keeps_the_order_and_shows_words() -> None:
    grid = alerts_grid()
    grid.put(alerts(taken(*script()), LOOK, NOW), LOOK)

    assert [row.level for row in grid.shown][:2] == ["alarm", "warning"]
    cells = {column.name: column.cell(grid.shown[0], LOOK) for column in ALERTS}
    assert cells["Level"] == ("alarm", "bad")
    assert cells["Since"] == ("22 s", "")
    for column in ALERTS:
        grid.sort(column.name)
        assert column.says
