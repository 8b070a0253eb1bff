"""Curves and bars as lines: in their width, with their maximum."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from clubai.tui.curves import WINDOWS, Curve
from clubai.tui.look import Cell, Look
from clubai.tui.picture import Picture
from clubai.tui.plots import (
    Plot,
    bar_lines,
    plot_lines,
    plots,
    side_by_side,
    span_words,
)
from support.dashboard import NOW, curves, script, snapshot

LOOK = Look(now=NOW)


def picture(seconds: int = 60) -> Picture:
    made = Picture()
    for item in script():
        made.take(item, NOW)
    if seconds != 60:
        made = Picture()
        for item in [snapshot(), *curves(seconds)]:
            made.take(item, NOW)
    return made


def text(lines: list[list[Cell]]) -> list[str]:
    return ["".join(cell.text for cell in line) for line in lines]


def test_three_curves_are_drawn_from_the_samples() -> None:
    tokens, queue, slots = plots(picture(), LOOK, WINDOWS[0], 60)

    assert tokens.curve.columns[1:] == (40.0,) * 59
    assert queue.curve.columns[-8:-1] == (4.0, 5.0, 6.0, 0.0, 1.0, 2.0, 3.0)
    assert (slots.now, slots.top, slots.curve.highest) == ("5", 13.0, 12.0)


def test_a_longer_window_averages() -> None:
    _, queue, _ = plots(picture(), LOOK, WINDOWS[1], 30)

    assert len(queue.curve.columns) == 30
    known = [value for value in queue.curve.columns if value is not None]
    assert 3 <= len(known) <= 4
    assert all(2.0 < value < 4.0 for value in known)


def test_there_is_no_curve_before_the_first_snapshot() -> None:
    assert plots(Picture(), LOOK, WINDOWS[0], 60) == []


def test_the_maximum_is_written() -> None:
    lines = text(plot_lines(Plot("Queue", "3", Curve((0.0, 5.5, 11.0))), 24, 3, LOOK))

    assert lines[0] == "Queue 3 max 11          "
    assert lines[1:] == [" " * 23 + "█", " " * 22 + "██"]


def test_a_given_top_is_the_scale() -> None:
    lines = text(plot_lines(Plot("Slots", "1", Curve((4.0,)), 8.0), 20, 3, LOOK))

    assert lines[0].strip() == "Slots 1 max 8"
    assert [line.strip() for line in lines[1:]] == ["", "█"]


@given(
    st.lists(st.none() | st.floats(0, 1e7), max_size=80),
    st.integers(0, 60),
    st.integers(1, 12),
    st.booleans(),
)
def test_a_plot_stays_in_its_place(
    columns: list[float | None], width: int, height: int, ascii: bool
) -> None:
    look = Look(now=NOW, ascii=ascii)

    lines = text(
        plot_lines(Plot("Tokens/s", "1", Curve(tuple(columns))), width, height, look)
    )

    assert len(lines) == height
    assert all(cell_len(line) == width for line in lines)
    assert not ascii or all(line.isascii() for line in lines)


def test_how_much_of_the_window_is_known_is_said() -> None:
    assert span_words(picture(), LOOK, WINDOWS[0]) == "last 60 s"
    assert span_words(picture(), LOOK, WINDOWS[2]) == "last 1 h, 59 s of it seen"


def test_bars_show_first_tokens() -> None:
    lines = text(bar_lines(picture(), LOOK, 40))

    assert lines[0].strip() == "First token, last 10 min"
    assert lines[2] == "< 500 ms  1 " + "█" * 14
    assert lines[3] == "< 1 s     2 " + "█" * 27
    assert lines[6] == "5 s +     0 "


def test_bars_of_nothing_are_empty() -> None:
    assert all("█" not in line for line in text(bar_lines(Picture(), LOOK, 40)))


def test_blocks_stand_next_to_each_other() -> None:
    one, other = [[Cell("ab")], [Cell("cd")]], [[Cell("ef")]]

    assert text(side_by_side([one, other], 2, 1)) == ["ab ef", "cd   "]
    assert side_by_side([], 2, 1) == []
