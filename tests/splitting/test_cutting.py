"""A span goes as far as it may, and ends where that breaks the least."""

from __future__ import annotations

import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.errors import ConfigError
from clubai.splitting.borders import Borders
from clubai.splitting.cutting import Count, Cutter


def spans(
    document: str,
    *levels: list[int],
    room: int = 10,
    most: int | None = None,
    count: Count = len,
) -> list[str]:
    finders = [lambda _, level=level: level for level in levels or ([],)]
    borders = Borders(document, finders, whole=-1)
    cutter = Cutter(document, borders, count=count, room=room, most=most or room)
    ends = list(cutter.ends())
    return [document[start:end] for start, end in pairwise([0, *ends])]


def test_a_document_that_fits_is_one_span() -> None:
    assert spans("0123456789", [3]) == ["0123456789"]
    assert spans("") == []


def test_without_borders_every_span_is_full() -> None:
    assert spans("0123456789abcdefghijxyz") == ["0123456789", "abcdefghij", "xyz"]


def test_the_last_border_in_reach_ends_a_span() -> None:
    assert spans("aa bb cc dd", [3, 6, 9]) == ["aa bb cc ", "dd"]


def test_a_border_just_in_reach_is_in_reach() -> None:
    assert spans("0123456789ab", [10]) == ["0123456789", "ab"]


def test_a_unit_that_fits_is_not_cut_however_empty_the_span_before_it() -> None:
    assert spans("a bbbbbbbbbb c", [2, 12], [2, 5, 12]) == ["a ", "bbbbbbbbbb", " c"]


def test_a_unit_that_does_not_fit_is_cut_at_the_next_level() -> None:
    found = spans("a bbbb bbbb bbbb c", [2, 16], [2, 7, 12, 16])

    assert found == ["a bbbb ", "bbbb bbbb", " c"]


def test_a_unit_that_does_not_fit_and_starts_late_gets_a_span_of_its_own() -> None:
    found = spans("aaaaaaa bbb bbb bbb", [8], [8, 12, 16])

    assert found == ["aaaaaaa ", "bbb bbb ", "bbb"]


def test_a_stronger_border_wins_only_over_what_it_must_not_cut() -> None:
    strong, weak = [4], [4, 7]

    assert spans("aa\nbb cc dd", strong, weak, room=8) == ["aa\nb", "b cc dd"]
    assert spans("aa\nbb cc dd ee ff", strong, weak, room=8)[0] == "aa\nbb c"


def test_a_long_unit_is_not_counted_whole() -> None:
    counted: list[int] = []

    def count(text: str) -> int:
        counted.append(len(text))
        return len(text)

    spans("a " + "b" * 100_000, [2], room=10, count=count)

    assert max(counted) < 100


def test_a_first_guess_that_is_too_short_is_made_up_for() -> None:
    def count(text: str) -> int:
        return len(text) // 1000

    assert [len(span) for span in spans("x" * 25_000, count=count)] == [
        10_999,
        10_999,
        3002,
    ]


def test_the_first_span_has_more_room() -> None:
    assert spans("0123456789abcdef", room=4, most=6) == ["012345", "6789", "abcd", "ef"]


def test_a_character_that_needs_more_room_has_it() -> None:
    def count(text: str) -> int:
        return sum(6 if letter == "X" else 1 for letter in text)

    assert spans("aaXXaa", room=4, most=6, count=count) == ["aa", "X", "X", "aa"]


def test_a_character_that_is_too_much_is_an_error_that_says_how_much() -> None:
    with pytest.raises(ConfigError) as caught:
        spans("ab😀", count=lambda text: 2 * len(text.encode()), room=4)

    assert (caught.value.field, caught.value.value) == ("max_tokens", 4)
    assert "character 2 of the document alone has 8" in caught.value.fix


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("abe\u0301e\u0301", ["ab", "e\u0301", "e\u0301"]),
        ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
        ("a👩‍💻", ["a", "👩‍💻"]),
        ("ab\r\n", ["ab", "\r\n"]),
        ("\u1100\u1161\u1100\u1161", ["\u1100\u1161"] * 2),
    ],
)
def test_no_cut_is_inside_a_grapheme(document: str, expected: list[str]) -> None:
    assert spans(document, room=3) == expected


def test_a_grapheme_that_does_not_fit_is_cut() -> None:
    assert spans("a" + "\u0301" * 5, room=3) == ["a\u0301\u0301", "\u0301" * 3]


def test_a_border_inside_a_grapheme_is_none() -> None:
    assert spans("abc \u0301def", [4], room=5) == ["abc \u0301", "def"]
    assert spans("abc d \u0301e", [4, 6], room=6) == ["abc ", "d \u0301e"]


@given(st.text(max_size=80), st.integers(1, 40), st.integers(0, 99))
def test_sizes_hold_for_a_count_that_makes_no_sense(
    document: str, room: int, seed: int
) -> None:
    def count(text: str) -> int:
        if len(text) < 2:
            return len(text)
        return zlib.crc32(text.encode(), seed) % 50

    found = spans(document, list(range(0, len(document), 7)), room=room, count=count)

    assert "".join(found) == document
    assert all(span and count(span) <= room for span in found)
