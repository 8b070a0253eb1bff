from __future__ import annotations

import re
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from clubai.verification import strings

seeds = st.integers(0, 1 << 32)


@given(seeds)
def test_capitals_are_of_the_words_that_are_quoted(seed: int) -> None:
    draft = strings.capitals(Random(seed))

    assert f'"{draft.expected.lower()}"' in draft.task


@given(seeds)
def test_a_joined_name_has_all_words(seed: int) -> None:
    draft = strings.joined(Random(seed))

    assert f'"{re.sub("[-_]", " ", draft.expected)}"' in draft.task


@given(seeds)
def test_an_order_is_another_than_the_one_given(seed: int) -> None:
    draft = strings.ordered(Random(seed))

    words = draft.expected.split(", ")
    assert words == sorted(words)
    assert draft.expected not in draft.task
    assert all(word in draft.task for word in words)


@given(seeds)
def test_initials_are_the_first_letters(seed: int) -> None:
    draft = strings.initials(Random(seed))

    (name,) = re.findall('"([^"]+)"', draft.task)
    assert draft.expected == "".join(word[0] for word in name.split())


@given(seeds)
def test_a_code_stands_between_its_marks(seed: int) -> None:
    draft = strings.repeated(Random(seed))

    assert draft.expected[1:-1] in draft.task
    assert draft.expected not in draft.task
