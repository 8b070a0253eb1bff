from __future__ import annotations

import re
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from clubai.verification import choosing
from clubai.verification.choosing import KINDS

seeds = st.integers(0, 1 << 32)


def kind_of(word: str) -> str:
    (kind,) = [name for name, words in KINDS.items() if word in words.split()]
    return kind


@given(seeds)
def test_one_option_is_of_the_kind(seed: int) -> None:
    draft = choosing.kind(Random(seed))

    asked = kind_of(draft.expected)
    assert f"is {asked}" in draft.task
    assert [word for word in draft.choices if kind_of(word) == asked] == [
        draft.expected
    ]


@given(seeds)
def test_one_option_is_of_another_kind(seed: int) -> None:
    draft = choosing.odd(Random(seed))

    others = {kind_of(word) for word in draft.choices if word != draft.expected}
    assert len(others) == 1
    assert kind_of(draft.expected) not in others


@given(seeds)
def test_the_most_is_the_most(seed: int) -> None:
    draft = choosing.most(Random(seed))

    amounts = {
        name: int(count) for name, count in re.findall(r"(\w+): (\d+)", draft.passage)
    }
    most = max if "highest" in draft.task else min
    assert draft.expected == most(amounts, key=lambda name: amounts[name])
