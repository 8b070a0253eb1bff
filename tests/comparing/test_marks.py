from __future__ import annotations

import re

import pytest

from clubai.comparing.marks import MAX_STATED, boxed, last_match, stated


@pytest.mark.parametrize(
    ("text", "box"),
    [
        (r"\boxed{42}", "42"),
        (r"first \boxed{1}, then \boxed{2}.", "2"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{}", ""),
        (r"\boxed{42", None),
        (r"\boxed{" + "x" * 2000 + "}", None),
        ("no box", None),
    ],
)
def test_the_last_box_is_read(text: str, box: str | None) -> None:
    assert boxed(text) == box


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("The answer is 42.", ["42."]),
        ("The answer to 6 times 7 is 42\nbecause", ["42"]),
        ("**Answer:** B", ["B"]),
        ("Answer:\n\n  12 apples\nand more", ["12 apples"]),
        ("result = 7", ["7"]),
        ("The answer is 1. No: the answer is 2.", ["2."]),
        (r"The answer is \boxed{3}.", ["3", r"\boxed{3}."]),
        ("The answer is", []),
        ("An answering machine", []),
        ("I answer. It is late", []),
    ],
)
def test_a_result_stands_where_the_answer_says_so(text: str, places: list[str]) -> None:
    assert list(stated(text)) == places


def test_a_line_of_any_length_is_cut() -> None:
    (place,) = stated("Answer: " + "9" * 10_000)

    assert place == "9" * MAX_STATED


def test_the_last_match_is_found() -> None:
    found = last_match(re.compile("[a-z]"), "1a2b3")

    assert found is not None
    assert found[0] == "b"
    assert last_match(re.compile("x"), "abc") is None
