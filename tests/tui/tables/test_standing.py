"""Changes of standing: read, merged, and told."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.coordinator.standing import StandingLine
from clubai.reputation.events import Change as Kind
from clubai.tui.grid import text_lines
from clubai.tui.look import Look
from clubai.tui.picture import Change
from clubai.tui.tables.standing import (
    DAY_S,
    Line,
    change_word,
    ledger_grid,
    line_of,
    merge,
    moved_since,
    opening,
    read_lines,
    signed,
    window,
)
from support.club_answers import ledger, line
from support.dashboard import NOW, change


def _line(number: int, **fields: object) -> Line:
    return msgspec.convert({**line(number), "number": number, **fields}, Line)


numbers = st.lists(st.integers(0, 40), unique=True)


@given(numbers, numbers)
def test_each_number_is_there_once_and_the_newest_first(
    fetched: list[int], live: list[int]
) -> None:
    merged = merge(map(_line, fetched), map(_line, live))

    found = [each.number for each in merged]
    assert found == sorted({*fetched, *live}, reverse=True)


def test_what_the_club_keeps_wins_over_what_was_seen() -> None:
    merged = merge([_line(3, why="kept")], [_line(3, why="seen")])

    assert [each.why for each in merged] == ["kept"]


def test_a_live_change_is_a_line_like_a_stored_one() -> None:
    live = line_of(Change(NOW, change(9, "timeout", -20)))

    assert (live.number, live.at, live.change, live.points, live.total) == (
        9,
        NOW,
        "timeout",
        -20,
        80,
    )


def test_an_answer_is_read() -> None:
    assert [each.number for each in read_lines(ledger())] == [96, 95, 94, 93, 92, 9]
    with pytest.raises(KeyError):
        read_lines({})


@given(st.lists(st.tuples(st.integers(-99, 99), st.integers(0, 100))))
def test_moved_points_are_summed_from_a_moment_on(moves: list[tuple[int, int]]) -> None:
    lines = [
        _line(number, points=points, at=float(at))
        for number, (points, at) in enumerate(moves)
    ]

    assert moved_since(lines, 50.0) == sum(points for points, at in moves if at >= 50)


def test_the_last_day_is_told_only_when_the_lines_reach_it() -> None:
    look = Look(now=NOW)
    short = [_line(1, at=NOW - 10.0, points=5)]
    long = [*short, _line(0, at=NOW - DAY_S - 1.0, points=70)]

    assert window(short, look, complete=False) == "+5 in the newest 1 changes"
    assert window(short, look, complete=True) == "+5 in the last 24 h"
    assert window(long, look, complete=False) == "+5 in the last 24 h"


@pytest.mark.parametrize(
    ("fields", "opens"),
    [
        ({"cause": "task:0a"}, ("task", "0a")),
        ({"cause": "check:c_1"}, ("check", "c_1")),
        ({"cause": "review:7"}, ("review", "7")),
        ({"cause": "event:7"}, ("event", "7")),
        ({"cause": "check:c_1", "change": "review_opened"}, ("review", "5")),
        ({"cause": "hour:2026-09-21T10"}, ("", "")),
        ({"cause": "task:"}, ("", "")),
        ({"cause": ""}, ("", "")),
    ],
)
def test_what_enter_opens(fields: dict[str, str], opens: tuple[str, str]) -> None:
    assert opening(_line(5, **fields)) == opens


def test_words_and_signs() -> None:
    assert change_word("review_opened") == "review opened"
    assert [signed(points) for points in (5, 0, -5)] == ["+5", "-", "-5"]
    assert all("_" not in change_word(kind) for kind in Kind)


@pytest.mark.parametrize("width", [58, 78, 138, 198])
def test_the_ledger_reads_well_at_every_width(width: int) -> None:
    grid = ledger_grid()
    grid.put([_line(5, points=-20, total=80, why="late", count=3)], Look(now=NOW))

    head, row = text_lines(grid, Look(now=NOW), width=width)

    assert len(row) <= width
    assert ("Why" in head) == ("late" in row)
    assert "completed x3" in row
    assert "-20" in row


def test_what_is_read_is_what_the_club_tells() -> None:
    fields = set(Line.__struct_fields__) - {"number"} | {"seq"}

    assert fields <= set(StandingLine.__struct_fields__)
