from __future__ import annotations

import pytest

from clubai.comparing.counting import last_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Eight.", 8),
        ("It has eight legs.", 8),
        ("forty-two", 42),
        ("Seventeen", 17),
        ("seventy", 70),
        ("three hundred and five", 305),
        ("a hundred and one", 101),
        ("seventeen hundred", 1700),
        ("two thousand twenty-four", 2024),
        ("one million two hundred thousand and six", 1_200_006),
        ("minus four", -4),
        ("negative twenty-one", -21),
        ("zero", 0),
        ("first six, then seven", 7),
        ("one two", 2),
        ("twenty ten", 10),
        ("Someone often tends to weighten", None),
        ("", None),
    ],
)
def test_the_last_number_in_words_is_read(text: str, number: int | None) -> None:
    assert last_number(text) == number


def test_words_without_end_make_no_number_without_end() -> None:
    number = last_number("hundred " * 10_000)

    assert number is not None
    assert len(str(number)) < 100
