from __future__ import annotations

from clubai.comparing.echoes import without_echoes
from clubai.comparing.similarity import wording

PROMPT = "Summarise: the museum will close for two years, as its roof leaks."
SUMMARY = wording("The museum closes for two years for repairs to the roof.")
COPY = wording(PROMPT)


def test_a_copy_of_the_prompt_loses_its_value() -> None:
    values = {"a": SUMMARY, "b": COPY, "c": SUMMARY, "d": None}

    assert without_echoes(values, PROMPT) == {**values, "b": None}


def test_a_copy_with_a_word_more_is_one_too() -> None:
    values = {"a": SUMMARY, "b": wording(f"Asked: {PROMPT}"), "c": SUMMARY}

    assert without_echoes(values, PROMPT)["b"] is None


def test_of_two_answers_one_may_be_a_copy() -> None:
    assert without_echoes({"a": SUMMARY, "b": COPY}, PROMPT)["b"] is None


def test_where_most_are_copies_they_are_what_was_asked_for() -> None:
    values = {"a": COPY, "b": COPY, "c": SUMMARY}

    assert without_echoes(values, PROMPT) == values


def test_without_a_prompt_nothing_is_a_copy() -> None:
    values = {"a": "", "b": COPY, "c": None}

    assert without_echoes(values, "") == values
