# ruff: noqa: RUF001 -- answers write numbers with signs that look like letters
from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.comparing.numerals import (
    MAX_DIGITS,
    number_value,
    numbers_alike,
    shown,
)

LONG = "7" * MAX_DIGITS


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", "42"),
        ("42.", "42"),
        ("1,234.50", "1234.5"),
        ("1.234,50", "1234.5"),
        ("1.234.567", "1234567"),
        ("12,5", "12.5"),
        ("0,123", "0.123"),
        ("1'234", "1234"),
        ("1\u202f234\u202f567", "1234567"),
        (r"1\,234 and 1{,}235", "1235"),
        ("1e3", "1000"),
        ("2.5E-2", "0.025"),
        ("1.5 × 10³", "1500"),
        (r"1.5 \times 10^{3}", "1500"),
        ("2^10", "1024"),
        ("1/2", "0.5"),
        ("1/3", "1/3"),
        ("2 / 6", "1/3"),
        ("-2/3", "-2/3"),
        (r"\frac{1}{2}", "0.5"),
        ("3 1/2", "3.5"),
        ("3½", "3.5"),
        ("50%", "0.5"),
        ("50 percent", "0.5"),
        ("-5", "-5"),
        ("\N{MINUS SIGN}5", "-5"),
        ("-$5", "-5"),
        ("10-5", "5"),
        ("+3", "3"),
        (".5", "0.5"),
        ("007", "7"),
        ("-0.0", "0"),
        ("٣٫٥", "3.5"),
        ("\N{FULLWIDTH DIGIT SIX}", "6"),
        ("$1.2 million", "1200000"),
        (r"\$42.10", "42.1"),
        ("**288** eggs", "288"),
        ("20 °C", "20"),
        ("42km", "42"),
        ("forty-two", "42"),
    ],
)
def test_a_number_is_read_by_value(text: str, value: str) -> None:
    assert number_value(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("17 × 23 = 391, as 17 × 20 = 340", "340"),
        ("The answer is 391. I took 3 steps.", "391"),
        ("The answer is 17 × 23 = 391.", "391"),
        ("The answer is 391, as 17 and 23 say.", "391"),
        (r"First 3, so \boxed{4}. I am 100 % sure.", "4"),
        ("<think>3</think>4", "4"),
        ("Answer: yes\nIt is 4", "4"),
        ("The answer is six. It is 7 no more.", "7"),
    ],
)
def test_the_result_is_taken_and_not_what_leads_to_it(text: str, value: str) -> None:
    assert number_value(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I'm sorry, but I can't help with that.",
        "H2O",
        "version 3.11.7",
        "1,2,3",
        "1/0",
        "0^-1",
        "1e400",
        "1e-9999999",
        "10^99999",
        "9" * (MAX_DIGITS + 1),
        "9" * 1_000_000,
        "1/" + "9" * 5000,
    ],
)
def test_other_things_have_no_value(text: str) -> None:
    assert number_value(text) is None


def test_as_many_digits_as_allowed_are_exact() -> None:
    assert number_value(f"It is {LONG}.") == LONG


def test_a_percentage_that_was_asked_for_is_not_divided() -> None:
    assert number_value("75 %", percent=True) == number_value("75", percent=True)
    assert number_value("75 %") == number_value("0.75")


@pytest.mark.parametrize(
    ("a", "b", "tolerance", "alike"),
    [
        ("42", "42", None, True),
        ("0", "0", 0.0, True),
        ("365", "365.25", None, False),
        ("1000", "1001", None, False),
        ("2024", "2025", 0.001, True),
        ("3", "3.0000000001", None, True),
        ("1/3", "0.333", None, True),
        ("1/3", "0.33", None, False),
        ("1/3", "0.33", 0.02, True),
        ("0.333", "0.334", 0.0, False),
        ("98.6", "-98.6", None, False),
        ("-1/3", "-0.3333", None, True),
    ],
)
def test_numbers_are_alike_within_the_tolerance(
    a: str, b: str, tolerance: float | None, alike: bool
) -> None:
    assert numbers_alike(a, b, tolerance) is alike
    assert numbers_alike(b, a, tolerance) is alike


@given(st.fractions())
def test_what_is_shown_is_the_number(number: Fraction) -> None:
    assert Fraction(shown(number)) == number


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_a_shown_decimal_is_read_back(number: object) -> None:
    value = shown(Fraction(str(number)))

    assert number_value(value) == value
