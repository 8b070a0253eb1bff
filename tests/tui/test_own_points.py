from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.protocol.feed import ClubEvent
from clubai.tui.own_points import DAY_S, MOST, OwnPoints, rank
from clubai.tui.picture import Picture
from support.dashboard import NOW, node, node_id
from support.owner import earned, line

MIDNIGHT = NOW - NOW % DAY_S


def page(*numbers: int, **fields: Any) -> dict[str, Any]:
    lines = [line(number, **fields) for number in numbers]
    return {"changes": lines, "next": None}


def hear(picture: Picture, number: int, **fields: Any) -> None:
    event = ClubEvent(
        seq=number,
        at=NOW + number,
        kind="standing",
        what="x",
        standing=earned(number, **fields),
    )
    picture.take(event, NOW)


def test_what_was_read_and_what_is_heard_make_one_list() -> None:
    points, picture = OwnPoints(), Picture()
    points.load(page(3, 2, 1))
    hear(picture, 3)
    hear(picture, 4)
    hear(picture, 5, node=node_id(1))
    points.hear(picture, node_id(0))
    points.hear(picture, node_id(0))

    assert [change.number for change in points.changes] == [4, 3, 2, 1]
    assert (points.changes[0].change, points.changes[0].why) == (
        "audit passed",
        "the answers agree",
    )


def test_what_was_heard_first_stays_when_the_page_comes() -> None:
    points, picture = OwnPoints(), Picture()
    hear(picture, 9)
    points.hear(picture, node_id(0))
    points.load(page(8, 7))

    assert [change.number for change in points.changes] == [9, 8, 7]


def test_a_refusal_is_kept_in_words() -> None:
    points = OwnPoints()
    points.load("not yours")
    assert (points.refused, points.loaded) == ("not yours", False)

    points.load(page(1))
    assert (points.refused, points.loaded) == ("", True)


@pytest.mark.parametrize(
    "odd",
    [
        {"changes": [{"seq": 1}]},
        {"changes": [{**line(1), "at": None}]},
        {"changes": [{**line(1), "points": "x"}]},
        {"changes": [1]},
        {"changes": 5},
        {},
    ],
)
def test_what_cannot_be_read_is_told_and_what_was_known_stays(
    odd: dict[str, Any],
) -> None:
    points = OwnPoints()
    points.load(page(1))
    points.load(odd)

    assert "cannot read" in points.refused
    assert [change.number for change in points.changes] == [1]


def test_a_day_ends_at_midnight_utc() -> None:
    points = OwnPoints()
    lines = [
        line(3, at=MIDNIGHT + 1, points=-20),
        line(2, at=MIDNIGHT, points=10),
        line(1, at=MIDNIGHT - 1, points=1000),
    ]
    points.load({"changes": lines, "next": 1})

    assert points.today(NOW) == (-10, 2, True)


def test_a_day_that_is_not_known_whole_says_so() -> None:
    points = OwnPoints()
    assert not points.today(NOW).whole

    points.load({"changes": [line(1, at=MIDNIGHT)], "next": 1})
    assert points.today(NOW) == (10, 1, False)

    points.load(page(1, at=MIDNIGHT))
    assert points.today(NOW).whole


@given(st.lists(st.lists(st.integers(1, 2 * MOST)), max_size=4))
def test_the_list_is_ordered_without_doubles_and_bounded(
    pages: list[list[int]],
) -> None:
    points = OwnPoints()
    for numbers in pages:
        points.load(page(*numbers))

    seqs = [change.number for change in points.changes]
    known = sorted({each for numbers in pages for each in numbers}, reverse=True)
    assert seqs == known[:MOST]


def test_the_same_points_have_the_same_place() -> None:
    nodes = [node(number) for number in range(4)]
    first = node(3, id="first")

    assert rank(nodes, node_id(3)) == (1, 4)
    assert rank([*nodes, first], node_id(3)) == (1, 5)
    assert rank([*nodes, first], node_id(2)) == (3, 5)
    assert rank(nodes, "unknown") == (0, 0)
    assert rank([node(0, standing=None)], node_id(0)) == (0, 0)
