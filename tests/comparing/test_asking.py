from __future__ import annotations

import pytest

from clubai.comparing import Comparator, choose_comparator

PROSE = "The sky is blue because of Rayleigh scattering."


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ("What is 17 * 23?", "number"),
        ("what's 2+2", "number"),
        ("Compute 12.5% of 80.", "number"),
        ("How many legs does a spider have?", "number"),
        ("Add them up. Answer with a number.", "number"),
        ("Give only the final number.", "number"),
        ("Say it as a percentage.", "number"),
        ("Reply in JSON: who is Ann, 41?", "json"),
        ("Return a valid JSON object.", "json"),
        ("Is the Earth flat? Answer yes or no.", "choice"),
        ("Which is it?\nA) this\nB) that", "choice"),
        (r"Solve it and put the result in \boxed{}.", "exact"),
        ("Why is the sky blue?", "text"),
        ("Give a number of reasons why.", "text"),
        ("What is a comment in JSON?", "text"),
        ("How many calories should I eat? Explain why.", "text"),
        ("What is 2024 known for?", "text"),
        ("", "text"),
    ],
)
def test_the_prompt_asks_for_a_kind(prompt: str, kind: str) -> None:
    assert choose_comparator(prompt).kind == kind


@pytest.mark.parametrize("form", ["json_object", "json_schema"])
def test_the_response_format_says_json(form: str) -> None:
    assert choose_comparator("Yes or no?", {"type": form}).kind == "json"
    assert choose_comparator("Why?", {"type": "text"}).kind == "text"


def test_what_the_caller_says_is_taken() -> None:
    assert choose_comparator("What is 2+2?", kind="exact") == Comparator(kind="exact")
    assert choose_comparator("x", choices=["red", "blue"]) == Comparator(
        kind="choice", choices=("red", "blue")
    )
    assert choose_comparator("x", kind="number", tolerance=0.1) == Comparator(
        kind="number", tolerance=0.1
    )


def test_the_tolerance_holds_for_a_number_that_the_prompt_asks_for() -> None:
    assert choose_comparator("What is 2/3?", tolerance=0.1).tolerance == 0.1
    assert choose_comparator("Why?", tolerance=0.1).tolerance is None


def test_a_choice_without_choices_is_refused() -> None:
    with pytest.raises(ValueError, match="choices"):
        choose_comparator("Which?", kind="choice")


def test_options_and_their_meanings_are_found() -> None:
    comparator = choose_comparator("Which one? A) Paris B) Rome")

    assert comparator == Comparator(
        kind="choice", choices=("A", "B"), meanings=("Paris", "Rome")
    )


def test_a_percentage_is_asked_for() -> None:
    asked = "What percentage is 3 of 4? Answer with just the number."

    assert choose_comparator(asked).percent
    assert not choose_comparator("What is 25% of 80?").percent


def test_the_form_of_the_answers_is_taken_where_the_prompt_says_nothing() -> None:
    def kind(*answers: str) -> str:
        return choose_comparator("Guess!", answers=answers).kind

    assert kind("42", "42.", PROSE) == "number"
    assert kind("B", "B)") == "choice"
    assert kind('{"a": 1}', '{"a": 2}') == "json"
    assert kind(PROSE, PROSE, "42") == "text"


def test_a_kind_that_the_answers_do_not_have_is_not_kept() -> None:
    prompt = "How many stars are there?"

    assert choose_comparator(prompt, answers=[PROSE, PROSE, "7"]).kind == "text"
    assert choose_comparator(prompt, answers=["7", "8 stars", PROSE]).kind == "number"


def test_boxes_with_numbers_are_compared_as_numbers() -> None:
    prompt = r"Put it in \boxed{}."
    boxes = [r"\boxed{0.5}", r"\boxed{1/2}"]

    assert choose_comparator(prompt, answers=boxes).kind == "number"
    assert choose_comparator(prompt, answers=[r"\boxed{x^2}"] * 2).kind == "exact"


def test_a_minority_of_answers_changes_nothing() -> None:
    honest = ["7", "seven of them", "There are 7."]
    prompt = "How many are there?"

    for bad in (PROSE, "B", '{"a": 1}', ""):
        assert choose_comparator(prompt, answers=[*honest, bad, bad]).kind == "number"
