from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clubai.tui.filtering import keep_all, parse_filter

ROW = {"node": "attic", "state": "lost", "models": "qwen3-8b, smollm2"}
ANY_TEXT = st.text(st.characters(codec=None), max_size=30)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", True),
        ("attic", True),
        ("ATTIC", True),
        ("^lost$", True),
        ("barn", False),
        ("!barn", True),
        ("!lost", False),
        ("!!lost", True),
        ("! lost", False),
        ("!", True),
        ("a[", False),
        ("qwen.*smol", True),
        ("-f atc", True),
        ("-f cta", False),
        ("-f", True),
        ("!-f atc", False),
        ("-l state=lost", True),
        ("-l state=lo node=att", True),
        ("-l State=LOST,node=barn", False),
        ("-l nothing=x", False),
        ("-l lost", True),
        ("-l", True),
        ("!-l state=lost", False),
    ],
)
def test_what_is_let_through(typed: str, kept: bool) -> None:
    assert parse_filter(typed)(ROW) is kept


@given(ANY_TEXT | st.text("()[]{}*+?|\\^$!-fl =,0123456789", max_size=12), ANY_TEXT)
@example("x{4294967296}", "x")
@example("[[a]", "x")
@example("(" * 3000, "x")
@example("!" * 3000, "x")
@example("-l " + "=" * 5, "x")
def test_any_text_is_a_filter(typed: str, value: str) -> None:
    assert parse_filter(typed)({"name": value.lower()}) in (True, False)


@given(ANY_TEXT)
def test_the_inverse_lets_through_the_others(typed: str) -> None:
    keep, other = parse_filter(typed), parse_filter("!" + typed)

    assert other is keep_all or other(ROW) is not keep(ROW)


def test_what_is_no_expression_is_plain_text() -> None:
    assert parse_filter("a(")({"name": "a(b"})
