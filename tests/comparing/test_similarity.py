from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz

from clubai.comparing import normalise, similarity
from clubai.comparing.normal import MAX_COMPARED
from clubai.comparing.similarity import wording

NOT_QUADRATIC_S = 30
"""Of processor time: enough on any machine, and not for work that explodes."""

WORDS = st.lists(
    st.sampled_from(["the", "sky", "is", "blue", "red", "because", "日本", "สวัสดี"])
    | st.text(max_size=3),
    max_size=12,
).map(" ".join)


@given(WORDS, WORDS)
def test_it_is_the_same_both_ways_and_between_0_and_1(a: str, b: str) -> None:
    alike = similarity(a, b)

    assert alike == similarity(b, a)
    assert 0 <= alike <= 1


@given(WORDS)
def test_what_is_of_the_same_words_is_the_same(text: str) -> None:
    assert similarity(text, f"**{normalise(text).upper()}**!") == 1


def test_it_is_the_mean_of_two_measures() -> None:
    """Three words of five, and the ratio that rapidfuzz gives for the characters."""
    a, b = "the sky is blue", "The sky is red!"

    ratio = fuzz.ratio("the sky is blue", "the sky is red") / 100
    assert similarity(a, b) == pytest.approx((3 / 5 + ratio) / 2)


def test_less_than_half_as_long_counts_less() -> None:
    a, b = "one two three four five six seven eight", "one two three"

    plain = (3 / 8 + fuzz.ratio(a, b) / 100) / 2
    assert similarity(a, b) == pytest.approx(plain * 2 * len(b) / len(a))


def test_a_cosine_is_a_third_of_the_mean() -> None:
    a, b = "the sky is blue", "the sky is red"

    assert similarity(a, b, cosine=0.9) == pytest.approx(
        (2 * similarity(a, b) + 0.9) / 3
    )
    assert similarity(a, a, cosine=1.0) == 1
    assert similarity(a, b, cosine=-0.5) == similarity(a, b, cosine=0)
    assert similarity(a, a, cosine=1.0000001) == 1


def test_a_cosine_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="cosine"):
        similarity("a", "b", cosine=math.nan)


def test_words_of_a_script_without_spaces_are_told_apart() -> None:
    """As one word each, the two sentences would have none in common."""
    spaceless = similarity("天空是蓝色的因为散射", "因为散射天空是蓝色的")

    assert spaceless > 0.7


def test_nothing_is_like_nothing_and_unlike_something() -> None:
    assert similarity("", "...") == 1
    assert similarity("", "word") == 0


def test_of_long_texts_the_ends_are_compared() -> None:
    long = "word " * 1_000_000
    start = time.process_time()

    assert similarity(long + "a" * MAX_COMPARED, long) < 0.9
    assert time.process_time() - start < NOT_QUADRATIC_S
    assert len(wording(long)) <= MAX_COMPARED + 1


def test_letters_that_grow_when_they_are_folded_are_bounded_too() -> None:
    assert len(wording("\ufdfa" * 100_000)) <= MAX_COMPARED + 1
