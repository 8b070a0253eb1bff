from __future__ import annotations

import pytest

from clubai.verification.beginnings import FEWEST_WORDS, another, likeness

BREAD = "Bread is made of flour, water, salt and yeast. Let it rise, then bake it hot."
OTHER = "A solar panel turns light into electricity; keep it clean and free of shade."
ASKED = "Explain to a beginner how bread is made at home, in two or three sentences."


def cut(text: str, words: int) -> str:
    return " ".join(text.split()[:words])


def test_only_what_both_have_is_compared() -> None:
    assert likeness(cut(BREAD, 13), BREAD) == 1.0
    assert likeness(f"{BREAD} {OTHER} {OTHER}", BREAD) == 1.0


def test_few_words_say_nothing() -> None:
    assert likeness(cut(BREAD, FEWEST_WORDS - 1), BREAD) is None
    assert likeness("", BREAD) is None
    assert another("Sure!", [BREAD, BREAD], ASKED) is None
    assert another(OTHER, [BREAD, "Yes."], ASKED) is None


def test_to_begin_otherwise_is_another_answer() -> None:
    alike = another(f"{OTHER} {OTHER}", [BREAD, BREAD], ASKED)

    assert alike is not None
    assert alike < 0.3


@pytest.mark.parametrize("text", [BREAD, cut(BREAD, 13), f"{BREAD} {OTHER}"])
def test_to_begin_alike_says_nothing(text: str) -> None:
    assert another(text, [OTHER, BREAD], ASKED) is None


def test_the_request_over_again_is_another_answer() -> None:
    assert another(ASKED, [f"{ASKED} {BREAD}", BREAD], ASKED) is not None
