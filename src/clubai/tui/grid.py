"""What a table shows and in which order: columns, sort, filter, cursor, marks. Pure.

Rows are any frozen values with a key. The cursor and the marks follow keys, so what a
person looks at stays what they look at while rows come, go and change their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeVar

from clubai.tui.filtering import Keep, keep_all, parse_filter
from clubai.tui.look import Cell, Look

T = TypeVar("T")
GAP: Final = 1
"""Empty cells between columns."""
LEAST_WIDTH: Final = 4
"""Of a column, however narrow the screen is."""


@dataclass(frozen=True, kw_only=True)
class Column(Generic[T]):
    """One column: what stands in it, how it sorts, when there is room for it."""

    name: str
    """Its head, unique in its table."""
    width: int
    """In terminal cells."""
    cell: Callable[[T, Look], Cell]
    sort: Callable[[T], Any]
    """Values of one column must compare with each other."""
    rank: int = 0
    """Where there is no room for all, those of the highest rank are left out first;
    those of rank 0 always stay."""
    right: bool = False
    """Its text stands at the right: numbers."""
    grow: bool = False
    """It takes what is left of the width, or gives what is missing; one of a table."""
    falling: bool = False
    """Sorted by it first, the highest stands on top."""
    says: str = ""
    """One sentence for the help and the documentation."""


def age_column(
    at: Callable[[T], float], *, says: str, rank: int = 0, width: int = 7
) -> Column[T]:
    """How long ago something was, the latest first; `at`: Unix seconds, 0 for never."""
    return Column(
        name="Age",
        rank=rank,
        width=width,
        right=True,
        cell=lambda row, look: Cell(look.age(at(row))),
        sort=lambda row: -at(row),
        says=says,
    )


@dataclass(frozen=True)
class Placed(Generic[T]):
    """A column with the width that it has on this screen."""

    column: Column[T]
    width: int


class Grid(Generic[T]):
    """The rows of one table as they are shown."""

    def __init__(
        self,
        columns: Sequence[Column[T]],
        *,
        key: Callable[[T], str],
        sort: str = "",
    ) -> None:
        self.columns = tuple(columns)
        self.key = key
        self.sort_by = sort
        """A column's name; empty: the order in which rows are given."""
        self.falling = self._column(sort).falling if sort else False
        self.filter = ""
        """As it was typed."""
        self.shown: list[T] = []
        """What passes the filter, in its order."""
        self.total = 0
        """All rows, those that do not pass included."""
        self.cursor = ""
        """The key of the row that was chosen; empty: whichever is the first."""
        self.marked: set[str] = set()
        self._keep: Keep = keep_all
        self._rows: tuple[T, ...] = ()
        self._index = 0
        self._look = Look()

    @property
    def look(self) -> Look:
        """By what the rows were written last."""
        return self._look

    @property
    def index(self) -> int:
        """Where the cursor stands in `shown`."""
        return self._index

    @property
    def row(self) -> T | None:
        """The row that is chosen."""
        return self.shown[self._index] if self.shown else None

    @property
    def chosen(self) -> list[T]:
        """The marked rows that are shown, or the one under the cursor."""
        marked = [row for row in self.shown if self.key(row) in self.marked]
        if marked:
            return marked
        return [] if self.row is None else [self.row]

    def put(self, rows: Iterable[T], look: Look) -> None:
        """Show these rows from now on."""
        self._rows, self._look = tuple(rows), look
        self.total = len(self._rows)
        if self.marked:
            self.marked &= {self.key(row) for row in self._rows}
        self._arrange()

    def set_filter(self, typed: str) -> None:
        """Let through what `typed` says."""
        self.filter = typed
        self._keep = parse_filter(typed)
        self._arrange()

    def sort(self, name: str) -> None:
        """Sort by a column; by the same one again: the other way round."""
        if name == self.sort_by:
            self.falling = not self.falling
        else:
            self.sort_by, self.falling = name, self._column(name).falling
        self._arrange()

    def sort_next(self, step: Literal[1, -1]) -> None:
        """Sort by the next column, or the one before."""
        names = [column.name for column in self.columns]
        if self.sort_by not in names:
            self.sort(names[0] if step == 1 else names[-1])
            return
        self.sort(names[(names.index(self.sort_by) + step) % len(names)])

    def move(self, by: int) -> None:
        """Move the cursor by so many rows, as far as there are any."""
        self.move_to(self._index + by)

    def move_to(self, index: int) -> None:
        """Move the cursor to a place in `shown`."""
        if self.shown:
            self._index = min(max(index, 0), len(self.shown) - 1)
            self.cursor = self.key(self.shown[self._index])

    def choose(self, key: str) -> bool:
        """Move the cursor to a row; False: it is not shown."""
        for index, row in enumerate(self.shown):
            if self.key(row) == key:
                self.move_to(index)
                return True
        return False

    def mark(self) -> None:
        """Mark the row under the cursor, or take its mark away."""
        if self.row is not None:
            self.marked ^= {self.key(self.row)}

    def place(self, width: int, *, wide: bool = False) -> list[Placed[T]]:
        """The columns that fit into `width`, with their widths.

        `wide`: all of them, however wide they are together.
        """
        columns = self.columns if wide else self._fitting(width)
        used = sum(column.width + GAP for column in columns) - GAP
        spare = width - used if not wide else max(width - used, 0)
        return [
            Placed(column, max(column.width + spare * column.grow, LEAST_WIDTH))
            for column in columns
        ]

    def texts(self, row: T) -> dict[str, str]:
        """A row's texts by column, in lower case both, as filters see them."""
        return {
            column.name.lower(): column.cell(row, self._look).text.lower()
            for column in self.columns
        }

    def _fitting(self, width: int) -> Sequence[Column[T]]:
        left, kept = width + GAP, set()
        for column in sorted(self.columns, key=lambda column: column.rank):
            left -= column.width + GAP
            if column.rank and left < 0:
                break
            kept.add(column.name)
        return [column for column in self.columns if column.name in kept]

    def _arrange(self) -> None:
        rows = list(self._rows)
        if self._keep is not keep_all:
            rows = [row for row in rows if self._keep(self.texts(row))]
        if self.sort_by:
            by = self._column(self.sort_by).sort
            rows.sort(key=self.key)  # rows that are equal keep their places
            rows.sort(key=by, reverse=self.falling)
        self.shown = rows
        self._follow_cursor()

    def _follow_cursor(self) -> None:
        if not self.shown or not self.cursor:
            self._index = 0
        elif not self.choose(self.cursor):
            self.move_to(self._index)

    def _column(self, name: str) -> Column[T]:
        return next(column for column in self.columns if column.name == name)


def text_lines(
    grid: Grid[T], look: Look, *, width: int, most: int | None = None
) -> list[str]:
    """The table as plain lines, its heads first: for pipes and logs."""
    placed = grid.place(width)
    rows = grid.shown if most is None else grid.shown[:most]
    table = [[Cell(place.column.name) for place in placed]]
    table += [[place.column.cell(row, look) for place in placed] for row in rows]
    lines = [
        (" " * GAP)
        .join(
            look.align(cell.text, place.width, right=place.column.right)
            for place, cell in zip(placed, cells, strict=True)
        )
        .rstrip()
        for cells in table
    ]
    if len(rows) < len(grid.shown):
        lines.append(f"{look.cut} {len(grid.shown) - len(rows)} more")
    return lines
