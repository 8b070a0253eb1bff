"""Any text at all is compared, in bounded time, and without an exception."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.comparing import (
    Candidate,
    Comparator,
    choose_comparator,
    judge,
    normalise,
    similarity,
)

NOT_QUADRATIC_S = 30
"""Of processor time: enough on any machine, and not for work that explodes."""

MEGABYTE = 1 << 20
COMPARATORS = (
    Comparator(kind="exact"),
    Comparator(kind="json"),
    Comparator(kind="number"),
    Comparator(kind="choice", choices=("A", "B"), meanings=("the sun", "the moon")),
    Comparator(kind="choice", choices=("yes", "no", "not sure")),
    Comparator(),
)
PIECES = (
    "lorem ipsum dolor ",
    "\0\x1b",
    "\ud800",
    "a\u0300\u0323",
    "\u0301\uff9e",
    "\ufdfa",
    "天空",
    "9",
    "٣",
    "1,234,",
    "1.",
    "1/",
    "1e5e",
    "1 x 10^",
    "10³",
    "½",
    "[",
    '{"a":',
    '"',
    "<think>",
    "</think>",
    "```\n",
    "```json\n",
    "`",
    " ",
    "\n",
    "*",
    "\\boxed{",
    "\\frac{1}{2}",
    "the answer is ",
    "answer ",
    "one hundred and ",
    "minus ",
    "A ",
    "A) x B) ",
    "yes or no ",
    "answer with: a, ",
    "one of: a, b, ",
    "what is 1+",
    "how many ",
)
ANY = st.lists(
    st.sampled_from([*PIECES, "B", "no", "}", "]", "}}", "0", "-", "%", "e", "^"])
    | st.text(st.characters(), max_size=4),
    max_size=20,
).map("".join)


def candidates(texts: list[str]) -> list[Candidate]:
    return [Candidate(label=str(n), text=text) for n, text in enumerate(texts)]


@given(st.lists(ANY, max_size=5), ANY)
def test_no_text_raises(texts: list[str], prompt: str) -> None:
    for comparator in (*COMPARATORS, choose_comparator(prompt, answers=texts)):
        judgement = judge(candidates(texts), comparator, prompt=prompt)

        assert judgement.quorum == (judgement.chosen is not None)


@pytest.mark.parametrize("piece", PIECES, ids=ascii)
def test_a_megabyte_is_read_in_time(piece: str) -> None:
    """The slowest takes a third of a second on an idle machine."""
    text = piece * (MEGABYTE // len(piece))
    start = time.process_time()

    for comparator in COMPARATORS:
        comparator.extract(text)
    choose_comparator(text)
    similarity(text, text + "x")

    assert time.process_time() - start < NOT_QUADRATIC_S


@pytest.mark.parametrize("comparator", COMPARATORS, ids=range(len(COMPARATORS)))
@pytest.mark.parametrize("piece", ["lorem ipsum dolor ", "\ud800", "天空"], ids=ascii)
def test_five_answers_of_a_megabyte_are_judged_in_time(
    piece: str, comparator: Comparator
) -> None:
    """In less than a second on an idle machine."""
    text = piece * (MEGABYTE // len(piece))
    five = candidates([f"{n}{text}{n}" for n in range(5)])
    start = time.process_time()

    judge(five, comparator, prompt=text)

    assert time.process_time() - start < NOT_QUADRATIC_S


def test_five_texts_of_all_different_letters_are_judged_in_time() -> None:
    """The slowest to compare: no two characters of a text are the same."""
    texts = [
        "".join(chr(0x4E00 + (place * 7919 + n) % 20_000) for place in range(MEGABYTE))
        for n in range(5)
    ]
    start = time.process_time()

    judge(candidates(texts), Comparator())

    assert time.process_time() - start < NOT_QUADRATIC_S


def test_a_megabyte_is_normalised_in_proportion() -> None:
    start = time.process_time()

    normalise("a\u0300\u0323" * (MEGABYTE // 3))

    assert time.process_time() - start < NOT_QUADRATIC_S
