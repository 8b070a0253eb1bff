from __future__ import annotations

from random import Random

import pytest
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from clubai.model import NodeId
from clubai.verification.keys import (
    MOST_USES,
    AnswerKey,
    AnswerKeys,
    Outcome,
    Reference,
    Source,
    can_be_key,
    compare,
)
from clubai.verification.prompts import make_prompt

BREAD = "Bread is made of flour, water, salt and yeast. Let it rise, then bake it hot."
ALIKE = "Bread is made from flour and water with yeast. It has to rise before you bake."
OTHER = "A solar panel turns light into electricity; keep it clean and free of shade."
PROMPT = make_prompt(Random(1))


def reference(text: str = BREAD, owner: str = "a", finish: str = "stop") -> Reference:
    return Reference(
        node=NodeId(owner.encode().ljust(32)),
        owner=owner,
        text=text,
        finish_reason=finish,
    )


def key(
    id_: str = "k",
    *references: Reference,
    model: str = "m",
    quantization: str = "Q4",
) -> AnswerKey:
    return AnswerKey(
        id=id_,
        model=model,
        quantization=quantization,
        prompt=PROMPT,
        references=references or (reference(), reference(owner="b")),
        source="owners",
    )


@pytest.mark.parametrize(
    ("text", "outcome", "passed"),
    [
        (BREAD, "exact", True),
        (f"  {BREAD.upper()}\n", "exact", True),
        (BREAD.replace("hot", "well"), "near", True),
        (ALIKE, "alike", True),
        (OTHER, "another answer", False),
        ("I'm sorry, but I can't help with that.", "another answer", False),
        ("", "another answer", False),
        (PROMPT.messages[-1].content, "another answer", False),
    ],
)
def test_an_answer_stands_to_a_key(text: str, outcome: Outcome, passed: bool) -> None:
    compared = compare(key(), text, "stop")

    assert (compared.outcome, compared.passed) == (outcome, passed)


def test_an_answer_that_repeats_the_request_is_no_answer() -> None:
    """However like the answer the request itself is."""
    asked = PROMPT.messages[-1].content
    near = f"{asked} Well."
    made = key("k", reference(f"{asked} {asked[:60]} {BREAD}"), reference(owner="b"))

    assert compare(made, near, "stop").outcome == "another answer"


@pytest.mark.parametrize("finish", ["length", "tool_calls", ""])
def test_what_was_cut_or_ended_otherwise_can_only_fail(finish: str) -> None:
    assert compare(key(), BREAD, finish).passed is None
    assert compare(key(), OTHER, finish).passed is False
    assert compare(key(), "", finish).passed is None


def test_what_was_cut_says_nothing_though_the_references_were_too() -> None:
    cut = key("k", reference(finish="length"), reference(owner="b", finish="length"))

    assert compare(cut, OTHER, "length").passed is None


def test_an_answer_may_be_like_any_of_the_references() -> None:
    made = key("k", reference(OTHER), reference(BREAD, "b"))

    assert compare(made, BREAD, "stop").outcome == "exact"


@pytest.mark.parametrize(
    ("texts", "source", "good"),
    [
        ((BREAD, BREAD), "owners", True),
        ((BREAD, OTHER), "owners", False),
        ((BREAD, OTHER), "trusted", False),
        ((BREAD, ALIKE), "trusted", True),
        ((BREAD,), "trusted", False),
        (("", ""), "trusted", False),
    ],
)
def test_references_make_a_key_when_they_agree(
    texts: tuple[str, ...], source: Source, good: bool
) -> None:
    found = [reference(text, f"o{n}") for n, text in enumerate(texts)]

    assert can_be_key(found, source) is good


def test_of_nodes_that_nobody_vouches_for_it_takes_two_owners() -> None:
    same = [reference(owner="a"), reference(owner="a")]

    assert not can_be_key(same, "owners")
    assert can_be_key(same, "trusted")


def test_references_that_were_cut_make_no_key() -> None:
    cut = [reference(finish="length"), reference(owner="b", finish="length")]

    assert not can_be_key(cut, "trusted")


def test_a_key_is_for_one_model_and_one_quantisation() -> None:
    keys = AnswerKeys()
    keys.add(key())

    assert keys.pick("m", "Q8", "z") is None
    assert keys.pick("other", "Q4", "z") is None
    assert keys.pick("m", "Q4", "z") is not None


def test_the_owners_of_its_references_are_never_asked() -> None:
    keys = AnswerKeys()
    keys.add(key())

    assert keys.pick("m", "Q4", "a") is None
    assert keys.pick("m", "Q4", "b") is None


class Picking(RuleBasedStateMachine):
    """Whoever picks: never twice for an owner, and never too often."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = AnswerKeys(most=4)
        self.made = 0
        self.used: dict[str, list[str]] = {}

    @rule(owner=st.sampled_from("xyz"))
    def add(self, owner: str) -> None:
        self.made += 1
        made = key(str(self.made), reference(owner=owner), reference(owner=f"{owner}2"))
        self.keys.add(made)
        self.used[made.id] = [owner, f"{owner}2"]

    @rule(number=st.integers(0, 30))
    def pick(self, number: int) -> None:
        owner = "xyz"[number] if number < 3 else f"o{number}"
        picked = self.keys.pick("m", "Q4", owner)
        if picked is not None:
            note(f"{picked.id} for {owner}")
            assert owner not in self.used[picked.id]
            self.used[picked.id].append(owner)

    @rule()
    def use_up(self) -> None:
        for number in range(100, 160):
            self.pick(number)

    @invariant()
    def bounded(self) -> None:
        assert len(self.keys) <= 4
        assert all(len(used) <= MOST_USES + 2 for used in self.used.values())


TestPicking = Picking.TestCase


def test_a_key_is_used_up() -> None:
    keys = AnswerKeys()
    keys.add(key())

    picked = [keys.pick("m", "Q4", f"o{number}") for number in range(MOST_USES + 1)]

    assert [each is not None for each in picked] == [True] * MOST_USES + [False]
    assert len(keys) == 0
