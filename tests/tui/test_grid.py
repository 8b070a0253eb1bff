from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from rich.cells import cell_len

from clubai.tui.filtering import parse_filter
from clubai.tui.grid import GAP, Column, Grid, age_column, text_lines
from clubai.tui.look import Cell, Look


class Row(NamedTuple):
    key: str
    name: str
    points: int


COLUMNS: tuple[Column[Row], ...] = (
    Column(
        name="Name",
        width=8,
        grow=True,
        cell=lambda row, _: Cell(row.name),
        sort=lambda row: row.name,
    ),
    Column(
        name="Points",
        width=6,
        right=True,
        rank=1,
        falling=True,
        cell=lambda row, _: Cell(str(row.points)),
        sort=lambda row: row.points,
    ),
    Column(
        name="Key",
        width=10,
        rank=2,
        cell=lambda row, _: Cell(row.key),
        sort=lambda row: row.key,
    ),
)
SORTS = {column.name: column.sort for column in COLUMNS}
ROWS = [Row("a", "attic", 3), Row("b", "barn", 7), Row("c", "cellar", 5)]


def grid(rows: list[Row] = ROWS, sort: str = "Name") -> Grid[Row]:
    made = Grid(COLUMNS, key=lambda row: row.key, sort=sort)
    made.put(rows, Look())
    return made


def keys(shown: Grid[Row]) -> str:
    return "".join(row.key for row in shown.shown)


class GridMachine(RuleBasedStateMachine):
    """A grid does what a plain list would, and its cursor follows its row."""

    def __init__(self) -> None:
        super().__init__()
        self.grid = grid([])
        self.rows: list[Row] = []

    @rule(
        rows=st.lists(
            st.builds(
                Row, st.sampled_from("abcdefgh"), st.text("xyz", max_size=2), st.just(0)
            ),
            max_size=8,
            unique_by=lambda row: row.key,
        ),
        points=st.lists(st.integers(0, 2), min_size=8, max_size=8),
    )
    def put(self, rows: list[Row], points: list[int]) -> None:
        before = self.grid.cursor
        self.rows = [row._replace(points=points[i]) for i, row in enumerate(rows)]
        self.grid.put(self.rows, Look())
        self._followed(before)

    @rule(typed=st.sampled_from(["", "x", "!x", "-l points=1", "y["]))
    def filter(self, typed: str) -> None:
        before = self.grid.cursor
        self.grid.set_filter(typed)
        self._followed(before)

    @rule(name=st.sampled_from([column.name for column in COLUMNS]))
    def sort(self, name: str) -> None:
        before, by, falling = (self.grid.cursor, self.grid.sort_by, self.grid.falling)
        self.grid.sort(name)
        assert by != name or self.grid.falling is not falling
        self._followed(before)

    @rule(step=st.sampled_from([1, -1]))
    def sort_next(self, step: int) -> None:
        self.grid.sort_next(step)  # type: ignore[arg-type]

    @rule(by=st.integers(-10, 10))
    def move(self, by: int) -> None:
        before = self.grid.index
        self.grid.move(by)
        last = max(len(self.grid.shown) - 1, 0)
        assert self.grid.index == min(max(before + by, 0), last)

    @rule(key=st.sampled_from("abcdefgh"))
    def choose(self, key: str) -> None:
        there = key in [row.key for row in self.grid.shown]
        assert self.grid.choose(key) is there
        assert not there or self.grid.cursor == key

    @rule()
    def mark(self) -> None:
        row = self.grid.row
        before = row is not None and row.key in self.grid.marked
        self.grid.mark()
        assert row is None or (row.key in self.grid.marked) is not before

    def _followed(self, before: str) -> None:
        if before in [row.key for row in self.grid.shown]:
            assert self.grid.row is not None
            assert self.grid.row.key == before

    @invariant()
    def shows_what_passes_in_its_order(self) -> None:
        shown, keep = self.grid.shown, parse_filter(self.grid.filter)
        assert sorted(row.key for row in shown) == sorted(
            row.key for row in self.rows if keep(self.grid.texts(row))
        )
        values = [SORTS[self.grid.sort_by](row) for row in shown]
        assert values == sorted(values, reverse=self.grid.falling)
        assert self.grid.total == len(self.rows)

    @invariant()
    def marks_and_cursor_are_of_rows(self) -> None:
        assert self.grid.marked <= {row.key for row in self.rows}
        assert (self.grid.row is None) is (not self.grid.shown)
        if self.grid.row is not None and self.grid.cursor:
            assert self.grid.row.key == self.grid.cursor
        assert all(row in self.grid.shown for row in self.grid.chosen)


GridMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=20)
TestGrid = GridMachine.TestCase


def test_a_column_sorts_its_own_way_first_and_the_other_way_next() -> None:
    shown = grid()

    assert keys(shown) == "abc"
    shown.sort("Points")
    assert keys(shown) == "bca"
    shown.sort("Points")
    assert keys(shown) == "acb"
    shown.sort_next(-1)
    assert (shown.sort_by, keys(shown)) == ("Name", "abc")
    shown.sort_next(-1)
    assert shown.sort_by == "Key"


def test_rows_that_are_equal_keep_their_places() -> None:
    rows = [Row(key, "same", 1) for key in "cab"]

    for falling in (False, True):
        shown = grid(rows)
        shown.falling = falling
        shown.put(rows, Look())
        assert keys(shown) == "abc"


def test_without_a_sort_the_order_is_that_of_the_rows() -> None:
    assert keys(grid(ROWS[::-1], sort="")) == "cba"


def test_marked_rows_are_chosen_or_the_one_under_the_cursor() -> None:
    shown = grid()
    shown.move(1)

    assert [row.key for row in shown.chosen] == ["b"]
    shown.mark()
    shown.move(1)
    shown.mark()
    assert [row.key for row in shown.chosen] == ["b", "c"]
    assert grid([]).chosen == []


def test_the_cursor_of_a_row_that_is_gone_stays_in_its_place() -> None:
    shown = grid()
    shown.move(1)
    shown.put([ROWS[0], ROWS[2]], Look())

    assert (shown.index, shown.cursor) == (1, "c")


@given(st.integers(4, 300), st.booleans())
def test_columns_fit_any_width(width: int, wide: bool) -> None:
    placed = grid().place(width, wide=wide)
    used = sum(place.width + GAP for place in placed) - GAP

    assert placed
    assert wide or used <= width
    assert not wide or (len(placed) == 3 and used >= width)
    assert all(place.width >= 4 for place in placed)


@pytest.mark.parametrize(
    ("width", "names"),
    [(4, ["Name"]), (14, ["Name"]), (15, ["Name", "Points"]), (26, [*SORTS])],
)
def test_columns_of_the_highest_rank_are_left_out_first(
    width: int, names: list[str]
) -> None:
    assert [place.column.name for place in grid().place(width)] == names


def test_by_age_the_latest_stands_first_and_what_never_was_last() -> None:
    ages = (*COLUMNS, age_column(lambda row: row.points, says="Since when."))
    made = Grid(ages, key=lambda row: row.key, sort="Age")
    made.put([*ROWS, Row("d", "den", 0)], Look(now=10.0))

    assert keys(made) == "bcad"
    assert [made.texts(row)["age"] for row in made.shown] == ["3 s", "5 s", "7 s", "-"]


def test_a_table_as_lines() -> None:
    lines = text_lines(grid(), Look(), width=20, most=2)

    assert lines == [
        "Name          Points",
        "attic              3",
        "barn               7",
        "… 1 more",
    ]


@given(st.integers(4, 80), st.text(max_size=20))
def test_no_line_is_wider_than_asked(width: int, name: str) -> None:
    lines = text_lines(grid([Row("a", name, 1)]), Look(), width=width)

    assert all(cell_len(line) <= width for line in lines)
