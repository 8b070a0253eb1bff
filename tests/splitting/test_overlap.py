"""What is repeated is whole, small enough, and leaves room for what is new."""

from __future__ import annotations

import pytest

from clubai.splitting.borders import code_borders, text_borders
from clubai.splitting.cutting import Count
from clubai.splitting.overlap import Overlap

TEXT = "One is here. Two is there. Three is nowhere. And this is new."
FRESH = TEXT.index("And")


def repeated(
    room: int, *, document: str = TEXT, most: int = 1000, count: Count = len
) -> str:
    overlap = Overlap(
        document, text_borders(document), count=count, room=room, most=most
    )
    fresh = document.index("And")
    return document[overlap.start(fresh, len(document)) : fresh]


def test_as_many_sentences_as_fit_are_repeated() -> None:
    assert repeated(18) == "Three is nowhere. "
    assert repeated(31) == "Three is nowhere. "
    assert repeated(32) == "Two is there. Three is nowhere. "
    assert repeated(1000) == "One is here. Two is there. Three is nowhere. "


def test_words_are_repeated_when_a_sentence_is_too_long() -> None:
    assert repeated(17) == "is nowhere. "
    assert repeated(9) == "nowhere. "


@pytest.mark.parametrize("room", [0, 1, 8])
def test_nothing_is_repeated_when_a_word_is_too_long(room: int) -> None:
    assert repeated(room) == ""


def test_with_what_is_new_it_is_small_enough() -> None:
    new = len(TEXT) - FRESH

    assert repeated(1000, most=new + 18) == "Three is nowhere. "
    assert repeated(1000, most=new) == ""


def test_nothing_comes_before_the_beginning() -> None:
    overlap = Overlap(TEXT, text_borders(TEXT), count=len, room=9, most=99)

    assert overlap.start(0, 12) == 0


def test_lines_are_repeated_and_lone_spaces_are_not() -> None:
    assert repeated(12, document="one\ntwo and\n\n\nAnd") == "two and\n\n\n"
    assert repeated(3, document="one\ntwo and\n\n\nAnd") == ""


def test_code_is_repeated_by_lines() -> None:
    document = "a. B\nc. D\ne. F\n"
    overlap = Overlap(document, code_borders(document), count=len, room=7, most=99)

    assert overlap.start(10, 15) == 5


def test_it_does_not_start_inside_a_grapheme() -> None:
    assert repeated(14, document="some \u0301thing else. And") == "else. "
    assert repeated(14, document="some \u0301thing else. And") == "else. "


def test_a_count_that_makes_no_sense_cannot_make_it_too_big() -> None:
    def count(text: str) -> int:
        return len(text) if len(text) % 2 else 0

    assert count(repeated(5, count=count)) <= 5


def test_what_is_far_away_is_not_counted() -> None:
    counted: list[int] = []

    def count(text: str) -> int:
        counted.append(len(text))
        return len(text)

    repeated(20, document="x" * 100_000 + " And", count=count)

    assert max(counted) < 100
