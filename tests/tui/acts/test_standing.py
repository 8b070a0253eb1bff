"""Acts on points and reviews: what is sent, and what cannot be."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.errors import ConfigError
from clubai.tui.acts.standing import (
    MOST_POINTS,
    adjust,
    dismiss,
    read_points,
    reinstate,
    standing_path,
    uphold,
)
from clubai.tui.tables.reputation import node_rows
from clubai.tui.tables.reviews import read_reviews
from support.club_answers import review
from support.dashboard import node, node_id

ROW = node_rows({node_id(0): node(0)}, {}, ())[0]
REVIEW = read_reviews({"reviews": [review(47)]})[0]


@given(st.integers(-MOST_POINTS, MOST_POINTS).filter(bool), st.sampled_from(["", " "]))
def test_whole_numbers_are_points(points: int, pad: str) -> None:
    assert read_points(f"{pad}{points}{pad}") == points
    assert read_points(f"{points:+}") == points


@pytest.mark.parametrize(
    "typed",
    ["", "0", "+0", "ten", "1.5", "1_000", "--5", "+", "٣", "1000001", "-1000001"],
)
def test_anything_else_names_field_value_and_fix(typed: str) -> None:
    with pytest.raises(ConfigError, match=r"points = .*give a whole number") as caught:
        read_points(typed)

    assert caught.value.field == "points"


@given(st.text())
def test_no_text_raises_anything_else(typed: str) -> None:
    with contextlib.suppress(ConfigError):
        assert 0 < abs(read_points(typed)) <= MOST_POINTS


def test_points_are_moved_by_the_nodes_whole_id() -> None:
    act = adjust(ROW)
    doing = act.with_reason("it helped").with_fields({"points": 50})

    assert (doing.method, doing.path) == (
        "POST",
        f"/api/reputation/{node_id(0)}/points",
    )
    assert doing.body == {"points": 50, "why": "it helped"}
    assert "attic" in act.title
    assert "100" in act.asks


def test_a_suspension_ends_with_a_reason() -> None:
    doing = reinstate(ROW).with_reason("looked at").with_fields({})

    assert doing.path == f"/api/reputation/{node_id(0)}/reinstated"
    assert doing.body == {"why": "looked at"}


def test_reviews_are_decided_either_way() -> None:
    assert uphold(REVIEW).with_reason("x").body == {"upheld": True, "why": "x"}
    assert dismiss(REVIEW).with_reason("x").body == {"upheld": False, "why": "x"}
    assert uphold(REVIEW).path == dismiss(REVIEW).path == "/api/reviews/47"


def test_paths_are_quoted() -> None:
    assert standing_path("a/b") == "/api/reputation/a%2Fb"
