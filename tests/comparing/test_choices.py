from __future__ import annotations

import pytest

from clubai.comparing.choices import choice_value

LETTERS = ("A", "B", "C", "D")
CITIES = ("London", "Paris", "Rome", "New York")


@pytest.mark.parametrize(
    "text",
    [
        "B",
        "b",
        "(b).",
        "B)",
        "B) Paris",
        "**B) Paris**",
        "B - Paris",
        "B is right.",
        "B, because A is in England",
        "Option B",
        "The answer is B.",
        "The correct answer is: **(B) Paris**",
        "**Answer:** B",
        "Answer:\nB) Paris",
        r"A or C? No, \boxed{B}",
        "It's not the capital of England, so it must be B.",
        "<think>A</think>B",
        "\N{FULLWIDTH LATIN CAPITAL LETTER B}",
        "B) Paris. A) London is in the United Kingdom.",
        "Paris",
        "It is Paris, of course.",
    ],
)
def test_the_option_that_is_named_is_found(text: str) -> None:
    assert choice_value(text, LETTERS, CITIES) == "B"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A dog has no letter.",
        "I think so.",
        "C or B",
        "Paris or Rome",
        "(A) and (B)",
        "E",
        "It's not Paris",
        "I'm sorry, but I can't help with that request.",
    ],
)
def test_none_or_several_are_no_choice(text: str) -> None:
    assert choice_value(text, LETTERS, CITIES) is None


def test_an_article_is_no_option() -> None:
    assert choice_value("A city in France: Paris", LETTERS, CITIES) == "B"
    assert choice_value("A", LETTERS, CITIES) == "A"


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("Yes.", "yes"),
        ("**No**", "no"),
        ("No, a whale is a mammal, yes.", "no"),
        ("It breathes air, so yes", "yes"),
        ("The answer is no.", "no"),
        ("There is no doubt about it", None),
        ("I do not know", None),
        ("yes or no", None),
    ],
)
def test_words_that_stand_in_any_text_begin_or_end_it(
    text: str, choice: str | None
) -> None:
    assert choice_value(text, ("yes", "no")) == choice


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("Negative", "negative"),
        ("The review is very negative in its tone", "negative"),
        ("not negative", None),
        ("It is not negative but neutral.", "neutral"),
        ("positive or negative", None),
        ("very positive", "very positive"),
        ("I call it very positive on the whole", "very positive"),
        ("both positive and negative in part", None),
    ],
)
def test_words_may_stand_anywhere_if_it_is_one_alone(
    text: str, choice: str | None
) -> None:
    names = ("positive", "negative", "neutral", "very positive")

    assert choice_value(text, names) == choice


def test_a_choice_is_given_as_it_was_offered() -> None:
    assert choice_value("RED!", ("Red", "Blue")) == "Red"
