from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.verification import TEMPLATES, Question, make_question
from clubai.verification.questions import is_echoed

seeds = st.integers(0, 1 << 62)
templates = st.sampled_from(sorted(TEMPLATES))
REFUSALS = (
    "I'm sorry, but I can't help with that request.",
    "As an AI language model, I am unable to answer this.",
    "",
    "Sure!",
)


def phrasings(question: Question) -> list[str]:
    expected = question.expected
    return [
        expected,
        f"{expected}.",
        f"**{expected}**",
        f"The answer is {expected}.",
        f"Sure! Here you go:\n\n{expected}",
        f"<think>Let me see. 17, or Zed?</think>\n{expected}",
    ]


@given(seeds, templates)
def test_a_right_answer_is_right_in_several_phrasings(seed: int, name: str) -> None:
    question = make_question(Random(seed), (name,))

    assert question.template == name
    assert [text for text in phrasings(question) if not question.judge(text)] == []


@given(seeds, templates, st.text(max_size=200))
def test_what_is_no_answer_is_wrong(seed: int, name: str, noise: str) -> None:
    question = make_question(Random(seed), (name,))
    letters = Random(seed).choices("etaoinshrdl ", k=120)

    for text in (*REFUSALS, "".join(letters)):
        assert not question.judge(text)
    if question.expected.casefold() not in noise.casefold():
        assert not question.judge(noise) or question.form == "number"


@given(seeds, templates)
def test_the_request_said_again_is_wrong(seed: int, name: str) -> None:
    question = make_question(Random(seed), (name,))
    own = [each.content for each in question.messages]

    assert not is_echoed(question)
    assert not any(question.judge(text) for text in (*own, "\n".join(own)))


def test_a_needle_that_ends_its_text_is_drawn_again() -> None:
    """Whose last number is the right one is answered by an echo."""
    rng = Random(2)
    asked = [make_question(rng, ("lookup.code",)) for _ in range(100)]

    assert not any(each.judge(each.messages[-1].content) for each in asked)


@given(seeds, templates, seeds, templates)
def test_an_answer_to_another_question_is_wrong(
    seed: int, name: str, other_seed: int, other_name: str
) -> None:
    question = make_question(Random(seed), (name,))
    other = make_question(Random(other_seed), (other_name,))

    if question.expected != other.expected:
        assert not question.judge(other.expected)


@given(seeds, seeds)
def test_no_two_seeds_ask_the_same(seed: int, other: int) -> None:
    one, two = make_question(Random(seed)), make_question(Random(other))

    assert (one.id == two.id) is (seed == other)
    assert (one.messages == two.messages) is (seed == other)


def test_one_seed_asks_the_same_again() -> None:
    assert make_question(Random(7)) == make_question(Random(7))


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_a_template_hardly_ever_repeats_itself(name: str) -> None:
    rng = Random(5)
    asked = [make_question(rng, (name,)) for _ in range(300)]

    assert len({each.messages for each in asked}) == 300
    right = {each.expected for each in asked}
    assert len(right) > 20, "who knows the template must not know the answer"


def test_questions_are_put_in_many_ways() -> None:
    rng = Random(5)
    asked = [make_question(rng) for _ in range(400)]

    assert {each.template for each in asked} == set(TEMPLATES)
    assert len({each.max_tokens for each in asked}) >= 8
    assert {None, 0.0, 0.7} <= {each.temperature for each in asked}
    assert {each.messages[0].role for each in asked} == {"system", "user"}
    lengths = sorted(len(each.prompt) for each in asked)
    assert lengths[0] < 80
    assert lengths[-1] > 700


def test_an_unknown_template_is_an_error() -> None:
    with pytest.raises(KeyError):
        make_question(Random(1), ("none",))
