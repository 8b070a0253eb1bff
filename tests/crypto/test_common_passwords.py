from __future__ import annotations

import pytest

from clubai.crypto.common_passwords import COMMON, is_common


@pytest.mark.parametrize(
    "password", ["password123", "PASSWORD123", " qwertyuiop ", "1234567890"]
)
def test_what_everybody_tries_is_common(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize("password", ["correct horse", "password1237", "", "x" * 10])
def test_others_are_not(password: str) -> None:
    assert not is_common(password)


def test_the_list_is_as_long_as_it_says_and_no_word_is_too_short() -> None:
    assert len(COMMON) > 100
    assert min(map(len, COMMON)) >= 10
    assert all(word == word.casefold() for word in COMMON)
