from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.comparing.normal import (
    MAX_COMPARED,
    MAX_MARKS,
    ends,
    fenced,
    folded,
    normalise,
    said,
)

NOT_QUADRATIC_S = 30
"""Of processor time: enough on any machine, and not for work that explodes."""

TEXTS = st.text() | st.lists(
    st.sampled_from(
        [
            "<think>",
            "</think>",
            "<Reasoning>",
            "</reasoning>",
            "```",
            "```py",
            "\n",
            "é",
        ]
    )
    | st.text(max_size=4)
).map("".join)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("!?", ""),
        ("It's 42.", "it s 42"),
        ("STRASSE straße", "strasse strasse"),
        ("ﬁne \N{FULLWIDTH DIGIT ONE}", "fine 1"),
        ("e\N{COMBINING ACUTE ACCENT}t", "\xe9t"),
        ("**bold** `code`", "bold code"),
        ('```json\n{"a": 1}\n```', "a 1"),
        ("<think>no</think>Yes", "yes"),
        ("<THINK>no\nno</Think> yes", "yes"),
        ("the opening tag was in the prompt</think>yes", "yes"),
        ("\ud800 x\x00y", "x y"),
        ("  \n\t ", ""),
        ("snake_case", "snake_case"),
        ("~~~~\nx\n~~~~", "x"),
        ("  ```\r\nx\r\n  ```", "x"),
        ("see ```x``` here", "see x here"),
        ("```python is a fence```", "python is a fence"),
        ("<think>a</think>b<thinking>c</thinking>d", "bd"),
        ("<reasoning>a</reasoning>b", "b"),
        ("<think>never closed", ""),
        ("a < b and b > c", "a b and b c"),
    ],
)
def test_the_words_of_an_answer_remain(text: str, words: str) -> None:
    assert normalise(text) == words


@given(TEXTS)
def test_normal_words_stay_as_they_are(text: str) -> None:
    words = normalise(text)

    assert normalise(words) == words


def test_reasoning_that_never_ends_is_all_reasoning() -> None:
    assert said("so <thinking>I think") == "so "


def test_a_block_is_what_stands_between_two_fences() -> None:
    assert fenced("a\n```py\nb\n```\nc\n~~~\nd\n~~~") == ["\nb\n", "\nd\n"]
    assert fenced("no ```block``` here") == []


def test_of_a_long_text_both_ends_are_compared() -> None:
    half = "a" * (MAX_COMPARED // 2)

    assert ends(half + half) == half + half
    assert ends(half + "lost" + "b" * len(half)) == half + "\n" + "b" * len(half)


@pytest.mark.parametrize("marks", ["\u0301\u0323", "\u0301\uff9e", "\u0f73\u0301"])
def test_a_pile_of_marks_takes_no_longer_than_its_length(marks: str) -> None:
    """To sort them all, Python would take hours."""
    start = time.process_time()

    text = folded("x" + marks * 500_000 + "y", "NFKC")

    assert time.process_time() - start < NOT_QUADRATIC_S
    assert MAX_MARKS <= len(text) <= 2 * MAX_MARKS + 2


def test_as_many_marks_as_any_script_needs_are_kept() -> None:
    zalgo = "x" + "\u0323" * MAX_MARKS

    assert folded(zalgo + "y", "NFC").endswith("\u0323y")
    assert len(folded(zalgo, "NFKC")) == MAX_MARKS + 1
