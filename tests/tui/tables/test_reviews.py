"""Reviews and checks as text that no terminal obeys."""

from __future__ import annotations

import pytest

from clubai.coordinator.standing import Review
from clubai.storage.checks import CheckRow
from clubai.tui.grid import text_lines
from clubai.tui.look import Look
from clubai.tui.tables.reviews import (
    ReviewRow,
    check_text,
    evidence,
    read_reviews,
    review_text,
    reviews_grid,
)
from support.club_answers import CHECK, review
from support.dashboard import NOW, node_id


def test_a_node_without_a_name_is_called_by_its_id() -> None:
    (row,) = read_reviews({"reviews": [review(1, name="")]})

    assert node_id(1).startswith(row.name)
    with pytest.raises(KeyError):
        read_reviews({})


def test_a_check_is_told_side_by_side() -> None:
    text = check_text(CHECK)

    assert "the club asked:\n  What is 2 and 2?" in text
    assert text.count("a reference answered:") == 2
    assert "judged:\n  known: it should be 4" in text
    assert "\x1b" not in text


def test_a_review_without_a_check_says_that_no_text_is_kept() -> None:
    assert "No text is kept" in review_text(review(1, evidence=[]))
    assert "expected:\n  4" in review_text(review(1, evidence=[CHECK]))
    ended = review_text(review(1, open=False, outcome="fine\x1b[2J"))
    assert "ended: fine" in ended
    assert "\x1b" not in ended


def test_the_evidence_is_counted_by_what_it_rests_on() -> None:
    one, other = read_reviews({"reviews": [review(1), review(2, cause="task:0a")]})

    assert (evidence(one), evidence(other)) == ("1 check", "verdict")


@pytest.mark.parametrize("width", [58, 138])
def test_the_table_reads_well(width: int) -> None:
    look, grid = Look(now=NOW), reviews_grid()
    rows = [review(1), review(2, open=False, outcome="was right")]
    grid.put(read_reviews({"reviews": rows}), look)

    head, first, second = text_lines(grid, look, width=width)

    assert "a client doubts it" in first
    assert "open" in first
    assert "ended" in second
    assert len(head) <= width


def test_what_is_read_is_what_the_club_tells() -> None:
    assert set(ReviewRow.__struct_fields__) <= set(Review.__struct_fields__)
    assert set(CHECK) <= set(CheckRow.__struct_fields__)
