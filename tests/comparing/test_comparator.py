from __future__ import annotations

import math

import pytest

from clubai.comparing import Comparator, similarity


@pytest.mark.parametrize(
    ("comparator", "text", "value"),
    [
        (Comparator(kind="exact"), " a ", " a"),
        (Comparator(kind="json"), '{"b": 1, "a": 2.0}', '{"a": 2, "b": 1}'),
        (Comparator(kind="number"), "It is 50 %.", "0.5"),
        (Comparator(kind="number", percent=True), "It is 50 %.", "50"),
        (Comparator(kind="choice", choices=("yes", "no")), "No.", "no"),
        (
            Comparator(kind="choice", choices=("A", "B"), meanings=("sun", "moon")),
            "The moon",
            "B",
        ),
        (Comparator(), "The Moon!", "the moon"),
        (Comparator(), "...", None),
    ],
)
def test_the_value_is_that_of_the_kind(
    comparator: Comparator, text: str, value: str | None
) -> None:
    assert comparator.extract(text) == value


def test_values_of_texts_are_as_alike_as_the_texts() -> None:
    a, b = "The sky is **blue**.", "The sky is red."
    texts = Comparator()

    assert texts.alike(texts.extract(a), texts.extract(b)) == similarity(a, b)


def test_other_values_are_the_same_or_not() -> None:
    assert Comparator(kind="exact").alike("abc", "abd") == 0
    assert Comparator(kind="exact").alike("abc", "abc") == 1
    assert Comparator(kind="number").alike("1/3", "0.3333") == 1
    assert Comparator(kind="number", tolerance=0).alike("1/3", "0.3333") == 0


def test_two_missing_values_are_not_alike() -> None:
    assert Comparator().alike(None, None) == 0
    assert Comparator(kind="json").alike(None, None) == 0
    assert Comparator(kind="number").alike("1", None) == 0


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"kind": "choice"}, "choices"),
        ({"kind": "choice", "choices": ("one",)}, "choices"),
        ({"choices": ("a", "b"), "meanings": ("c",)}, "meanings"),
        ({"kind": "number", "tolerance": -0.1}, "tolerance"),
        ({"kind": "number", "tolerance": math.nan}, "tolerance"),
        ({"kind": "number", "tolerance": math.inf}, "tolerance"),
    ],
)
def test_fields_that_make_no_sense_are_refused(
    fields: dict[str, object], name: str
) -> None:
    with pytest.raises(ValueError, match=name):
        Comparator(**fields)  # type: ignore[arg-type]
