from __future__ import annotations

import pytest

from clubai.comparing.forms import form_of

PROSE = "The sky is blue because of Rayleigh scattering."


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        (["42", "42.", "**41**"], "number"),
        (["$1,200.50", "≈ 1e3", r"so it is \boxed{7}"], "number"),
        (["B", "(A)", "C."], "choice"),
        (['{"a": 1}', "```json\n[1]\n```", "[]"], "json"),
        (["<think>why</think>42", "41"], "number"),
        ([PROSE, PROSE], "text"),
        (["42 apples", "42 pears"], "text"),
        (["{not json}", "[neither"], "text"),
        (["7" * 100, "8" * 100], "text"),
        ([], "text"),
    ],
)
def test_answers_have_a_form(answers: list[str], kind: str) -> None:
    assert form_of(answers) == kind


def test_more_than_half_decide() -> None:
    assert form_of(["42", "41", PROSE]) == "number"
    assert form_of(["42", PROSE]) == "text"
    assert form_of(["42", "41", "B", PROSE]) == "text"
