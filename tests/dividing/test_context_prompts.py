from __future__ import annotations

import pytest

from clubai.dividing.context_prompts import NOTHING, map_template, reduce_template
from clubai.dividing.options import Dividing, Purpose

PURPOSES: list[Purpose] = ["answer", "summarise"]


def test_a_chunk_is_asked_for_a_quote_or_for_none() -> None:
    template = map_template(Dividing())

    assert "quote what it says" in template.user
    assert f"or answer {NOTHING} if it says nothing of it" in template.user


def test_a_summary_is_never_none() -> None:
    assert NOTHING not in map_template(Dividing(purpose="summarise")).user


@pytest.mark.parametrize("purpose", PURPOSES)
def test_every_prompt_has_its_places(purpose: Purpose) -> None:
    options = Dividing(purpose=purpose)

    for place in ("{question}", "{heading}", "{chunk}"):
        assert map_template(options).user.count(place) == 1
    for final in (False, True):
        for place in ("{question}", "{answers}"):
            assert reduce_template(options, final=final).user.count(place) == 1


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("final", [False, True])
def test_marks_are_asked_for_when_they_are_wanted(
    purpose: Purpose, final: bool
) -> None:
    def text(*, cite: bool) -> str:
        options = Dividing(purpose=purpose, cite=cite)
        return reduce_template(options, final=final).user

    assert "Keep the marks in brackets, such as [2]" in text(cite=True)
    assert "marks" not in text(cite=False)


def test_prompts_of_the_options_come_in_place_of_those_built_in() -> None:
    options = Dividing(map_prompt="Names in: {chunk}?", reduce_prompt="All names.")

    assert map_template(options).user == "Names in: {chunk}?"
    for final in (False, True):
        assert reduce_template(options, final=final).user == "All names.\n\n{answers}"


def test_a_system_text_of_whoever_asks_comes_in_place_of_that_built_in() -> None:
    options = Dividing(purpose="summarise")

    assert map_template(options).system == "Summarise in a few short sentences."
    assert map_template(options, "In Greek.").system == "In Greek."
    assert reduce_template(options, "In Greek.", final=True).system == "In Greek."
