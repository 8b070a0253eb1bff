from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.dividing.marks import disarm_marks, keep_marks, marks, strip_marks
from clubai.dividing.options import MOST_PARTS

ODD = st.text(st.sampled_from("[]()123409, -\u2013;`\n\ta."), max_size=80)


def numbers(text: str) -> list[tuple[int, ...]]:
    return [mark.numbers for mark in marks(text)]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("It is 5 [3].", [(3,)]),
        ("[1] It is [2][3].", [(1,), (2,), (3,)]),
        ("It is [7, 2; 9].", [(2, 7, 9)]),
        ("It is [4-6, 1].", [(1, 4, 5, 6)]),
        ("It is [4 \u2013 6].", [(4, 5, 6)]),
        ("It is [1-900].", [(1, 900)]),
        ("It is [9-7].", []),
        ("It is [0, 3].", [(3,)]),
    ],
)
def test_marks_are_read(text: str, named: list[tuple[int, ...]]) -> None:
    assert numbers(text) == named


@pytest.mark.parametrize(
    "text",
    [
        "[0]",
        "[2024]",
        f"[{MOST_PARTS + 1}]",
        "[" + "9" * 10_000 + "]",
        "[[3]]",
        "[1[2]3]",
        "[1[2], 3]",
        "[3](https://example.org)",
        "`a[1]`",
        "```\na[1]\n```",
        "```\na[1]",
        "[n]",
        "[]",
        "[\u0663]",
        "(3)",
    ],
)
def test_what_is_no_mark_is_left_alone(text: str) -> None:
    assert numbers(text) == []
    assert strip_marks(text) == text
    assert disarm_marks(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("It is 5 [3]. It is red.[4] Or not", "It is 5. It is red. Or not"),
        ("[3] It is 5.", "It is 5."),
        ("- [3] It is 5.\n[1] [2] It is red.", "- It is 5.\nIt is red."),
        ("It [1] [2] is [3]", "It is"),
    ],
)
def test_space_goes_with_a_mark(text: str, left: str) -> None:
    assert strip_marks(text) == left


def test_only_known_numbers_are_kept() -> None:
    text = "[9] It is 5 [3, 9]. It is red [9].\n[3] Or not."

    assert keep_marks(text, {3}) == "It is 5 [3]. It is red.\n[3] Or not."


def test_marks_of_a_document_are_disarmed() -> None:
    assert disarm_marks("As shown [12], it is `a[0]` [3-5].") == (
        "As shown (12), it is `a[0]` (3-5)."
    )


@given(ODD)
def test_nothing_but_marks_is_taken(text: str) -> None:
    left = strip_marks(text)

    assert strip_marks(left) == left
    assert sum(mark.end - mark.start for mark in marks(text)) == len(text) - len(left)


@given(ODD)
def test_disarmed_text_has_no_marks_and_its_length(text: str) -> None:
    assert numbers(disarm_marks(text)) == []
    assert len(disarm_marks(text)) == len(text)


@given(ODD)
def test_marks_come_in_order_and_name_passages(text: str) -> None:
    end = 0
    for mark in marks(text):
        assert end <= mark.start < mark.end
        assert all(1 <= number <= MOST_PARTS for number in mark.numbers)
        end = mark.end


def test_hostile_text_is_read_in_time_that_is_in_proportion() -> None:
    for piece in ("[1 ", "[1, ", "`", "[1] ", " " * 50 + "[", "[1, 2-3", "[" * 30):
        text = piece * (300_000 // len(piece))
        strip_marks(text)
