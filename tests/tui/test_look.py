from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from clubai.tui.look import (
    TONES,
    Look,
    ago,
    clock,
    count,
    day,
    duration,
    moment,
    percent,
    rate,
    state_cell,
)

ANY_TEXT = st.text(st.characters(codec=None))
WIDE = st.text(st.sampled_from("ab界絵ｶ\u0301\u0300\x1b\n\u202e\U0001f600é\u200d"))
LOOKS = (Look(), Look(ascii=True))
NUMBERS = st.floats(0, 1e12)


@given(ANY_TEXT | WIDE, st.integers(0, 30), st.booleans(), st.booleans())
@example("界界界", 4, False, False)
@example("e" + "\u0301" * 5000, 8, False, False)
def test_aligned_texts_have_exactly_their_width(
    text: str, width: int, right: bool, ascii: bool
) -> None:
    line = Look(ascii=ascii).align(text, width, right=right)

    assert cell_len(line) == width
    assert "\x1b" not in line
    assert "\n" not in line
    assert "\u202e" not in line
    assert len(line) <= 5 * width + 5


def test_a_text_that_does_not_fit_says_so() -> None:
    assert Look().fit("cellar", 4) == "cel…"
    assert Look(ascii=True).fit("cellar", 4) == "cel~"
    assert Look(ascii=True).fit("cel\x1blar and so on", 6) == "cel?l~"
    assert Look().fit("界界界", 4) == "界 …"
    assert Look().fit("cellar", 0) == ""
    assert Look().align("7", 3, right=True) == "  7"


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (20, "no answer within 30s"),
        (19, "no answer within…"),
        (17, "no answer within…"),
        (16, "no answer…"),
        (9, "no…"),
        (2, "n…"),
        (0, ""),
    ],
)
def test_a_text_of_several_words_is_cut_after_one(width: int, shown: str) -> None:
    assert Look().fit_words("no answer within 30s", width) == shown


@given(st.text(max_size=40), st.integers(0, 30))
def test_no_text_that_is_cut_is_wider_than_asked(text: str, width: int) -> None:
    fitted = Look(ascii=True).fit_words(text, width)

    assert cell_len(fitted) <= width
    assert fitted.isprintable()


@given(NUMBERS, NUMBERS, st.integers(0, 40), st.sampled_from(LOOKS))
def test_a_bar_is_as_wide_as_asked(
    used: float, total: float, width: int, look: Look
) -> None:
    bar = look.bar(used, total, width)

    assert cell_len(bar) == width
    assert not look.ascii or bar.isascii()


def test_a_bar_that_is_used_at_all_shows_it() -> None:
    assert Look().bar(1, 1000, 4) == "█░░░"
    assert Look().bar(3, 4, 4) == "███░"
    assert Look().bar(9, 4, 4) == "████"
    assert Look(ascii=True).bar(0, 0, 4) == "...."


@given(
    st.lists(NUMBERS, max_size=20),
    st.integers(0, 12),
    st.integers(1, 4),
    st.sampled_from(LOOKS),
)
def test_a_spark_is_as_wide_and_high_as_asked(
    values: list[float], width: int, height: int, look: Look
) -> None:
    lines = look.spark(values, width, height)

    assert [cell_len(line) for line in lines] == [width] * height
    assert not look.ascii or all(line.isascii() for line in lines)


def test_a_spark_stands_at_the_right_and_grows_from_the_ground() -> None:
    assert Look().spark([0, 1, 2, 4], 6) == ["   ▂▄█"]
    assert Look().spark([4, 8], 2, 2) == [" █", "██"]
    assert Look(ascii=True).spark([1, 8], 3) == [" .@"]


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_times_that_no_calendar_has_are_written_too(at: float) -> None:
    assert clock(at)
    assert day(at)
    assert moment(at)


def test_times() -> None:
    assert clock(1_790_000_000.0) == "14:13:20"
    assert day(1_790_000_000.0) == "2026-09-21"
    assert day(None) == "-"
    assert moment(1_790_000_000.0) == "2026-09-21 14:13:20"
    assert moment(1e300) == "-"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (duration(0), "-"),
        (duration(250), "250 ms"),
        (duration(1500), "1.5 s"),
        (ago(-3), "0 s"),
        (ago(119), "119 s"),
        (ago(600), "10 min"),
        (ago(7200), "2 h"),
        (ago(200_000), "2 d"),
        (count(950), "950"),
        (count(999.99), "1.0k"),
        (count(12_345), "12.3k"),
        (count(99_960), "100k"),
        (count(4_500_000), "4.5M"),
        (count(2e9), "2.0G"),
        (rate(9.94), "9.9"),
        (rate(12.5), "12"),
        (percent(0), "0 %"),
        (percent(0.0004), "<0.1 %"),
        (percent(0.05), "5.0 %"),
        (percent(0.5), "50 %"),
        (Look(now=100).age(40), "60 s"),
        (Look().dot(True), "●"),
        (Look(ascii=True).dot(False), "o"),
    ],
)
def test_numbers_for_people(written: str, meant: str) -> None:
    assert written == meant


@given(st.floats(0, 999e9))
def test_a_count_is_short(number: float) -> None:
    assert len(count(number)) <= 5


@pytest.mark.parametrize("state", TONES)
def test_a_word_stands_next_to_every_colour(state: str) -> None:
    assert state_cell(state) == (state, TONES[state])
    assert state_cell("new") == ("new", "")
    assert rate(0) == Look(now=100).age(0) == "-"


def test_ascii_signs_are_ascii() -> None:
    look = Look(ascii=True)

    assert (look.rule + look.arrow + look.cut + look.dot(True)).isascii()
