from __future__ import annotations

import json
import re
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from clubai.verification import lookup

seeds = st.integers(0, 1 << 32)


@given(seeds)
def test_a_code_is_next_to_its_cabinet(seed: int) -> None:
    draft = lookup.code(Random(seed))

    found = re.search(r"the (\w+ (?:box|locker))\?", draft.task)
    assert found is not None
    pattern = rf"{found[1]}\D+{draft.expected}\b"
    assert re.search(pattern, draft.passage)
    assert re.findall(r"\d+", draft.passage).count(draft.expected) == 1


@given(seeds)
def test_a_place_is_that_of_the_one_who_is_named(seed: int) -> None:
    draft = lookup.place(Random(seed))

    found = re.search(r"(?:for|with) (\w+)\?", draft.task)
    assert found is not None
    assert re.search(rf"\b{found[1]}\b[^.]* {draft.expected}\.", draft.passage)
    assert draft.expected in draft.choices


@given(seeds)
def test_a_field_is_of_the_record(seed: int) -> None:
    draft = lookup.field(Random(seed))

    (name,) = re.findall('"([^"]+)"', draft.task)
    assert json.loads(draft.passage)[name] == draft.expected


@given(seeds)
def test_the_word_stands_once_and_the_other_one_is_no_answer(seed: int) -> None:
    draft = lookup.password(Random(seed))

    assert draft.passage.count(f"for the door is {draft.expected}.") == 1
    assert len(draft.choices) == 2
