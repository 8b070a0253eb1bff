from __future__ import annotations

from random import Random

from clubai.verification.draft import Draft
from clubai.verification.wording import messages, words_of


def test_what_is_asked_is_in_it_whole_whatever_surrounds_it() -> None:
    draft = Draft(
        task="Which {one}?", expected="a", form="choice", passage='{"k": 1}\nmore'
    )
    rng = Random(1)
    worded = {words_of(rng, draft) for _ in range(300)}

    assert len(worded) > 250
    for said in worded:
        assert "Which {one}?" in said[-1].content
        assert '{"k": 1}\nmore' in said[-1].content
        assert said[-1].role == "user"


def test_options_stand_apart_from_how_to_answer() -> None:
    draft = Draft(task="Which?\n- a\n- b", expected="a", form="choice", terse="Now.")

    for seed in range(20):
        assert "- b\n\nNow." in words_of(Random(seed), draft)[-1].content


def test_a_system_prompt_that_is_empty_is_none() -> None:
    assert [each.role for each in messages("", "Q")] == ["user"]
    assert [each.role for each in messages("S", "Q")] == ["system", "user"]
