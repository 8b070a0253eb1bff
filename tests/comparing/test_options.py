from __future__ import annotations

import pytest

from clubai.comparing.options import Choices, choices_in


@pytest.mark.parametrize(
    "prompt",
    [
        "Which is the capital?\nA) Bonn\nB) Paris\nC) Rome",
        "Which is the capital? A. Bonn B. Paris C. Rome",
        "Choose the capital: (A) Bonn, (B) Paris, or (C) Rome.",
        "A: Bonn;\nB: Paris;\nC: Rome\nWhich of them is the capital?",
        "Do it as here:\nA) x\nB) y\nA\nWhich? A) Bonn B) Paris C) Rome",
    ],
)
def test_options_have_a_letter_and_a_meaning(prompt: str) -> None:
    assert choices_in(prompt) == Choices(("A", "B", "C"), ("Bonn", "Paris", "Rome"))


@pytest.mark.parametrize(
    ("prompt", "names"),
    [
        ("Answer with A, B, C or D.", ("A", "B", "C", "D")),
        ("Say A or B", ("A", "B")),
        ("Reply A/B/C", ("A", "B", "C")),
        ("Is it? Answer yes or no.", ("yes", "no")),
        ("Is it (Yes/No)?", ("yes", "no")),
        ("True or false: it is.", ("true", "false")),
        ("Classify as positive, negative or neutral: x", ("positive", "negative",
         "neutral")),
        ('Reply with "red" or "blue".', ("red", "blue")),
        ("Reply with one of: red, green, blue", ("red", "green", "blue")),
        ("Pick one of these words: sun, moon and star", ("sun", "moon", "star")),
        ("Answer in one word: hot or cold?", ("hot", "cold")),
    ],
)  # fmt: skip
def test_choices_are_found(prompt: str, names: tuple[str, ...]) -> None:
    assert choices_in(prompt) == Choices(names)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "Write about cats or dogs.",
        "Say hello to Bob or Alice for me",
        "Answer with a number or a word that fits.",
        "Summarise this:\nA) one\nB) two",
        "What is plan B) about?",
        "Which is better, B) or C) of the list?",
        "Vitamin A or C?",
        "Choose between vitamin A or C.",
    ],
)
def test_other_prompts_offer_none(prompt: str) -> None:
    assert choices_in(prompt) is None
