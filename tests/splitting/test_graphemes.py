from __future__ import annotations

import pytest

from clubai.splitting.graphemes import is_in_grapheme, last_grapheme


@pytest.mark.parametrize(
    ("text", "inside"),
    [("e\u0301", True), (" \u0301", True), ("\r\n", True), ("🇩🇪", True), ("ee", False)],
)
def test_two_characters_belong_together_or_not(text: str, inside: bool) -> None:
    assert is_in_grapheme(text, 1) is inside
    assert is_in_grapheme(f"x\n{text}\ny", 3) is inside


def test_nothing_is_before_the_beginning_or_after_the_end() -> None:
    assert not is_in_grapheme("\u0301e", 0)
    assert not is_in_grapheme("e\u0301", 2)
    assert not is_in_grapheme("", 0)


@pytest.mark.parametrize(
    ("start", "limit", "last"),
    [(0, 5, 4), (2, 7, 6), (2, 8, 8), (2, 3, 3), (16, 18, 18)],
)
def test_the_last_end_is_found(start: int, limit: int, last: int) -> None:
    assert last_grapheme("🇩🇪" * 9, start, limit) == last


def test_what_is_before_the_start_is_not_looked_at() -> None:
    assert last_grapheme("🇩🇪🇫🇷🇮🇹", 1, 4) == 3
