"""A table of what changes all the time: only the lines that are seen are ever drawn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Generic, Literal, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from clubai.tui.grid import GAP, Grid, Placed
from clubai.tui.look import Cell, Look, Tone

T = TypeVar("T")


class LiveTable(ScrollView, Generic[T], can_focus=True):
    """Shows a `Grid`; the keys move its cursor, and sort and mark."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"live-table--{part}"
        for part in (
            *("head", "sorted", "row", "cursor", "marked"),
            *("good", "warn", "bad", "muted", "accent"),
        )
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "edge(-1)", "First", show=False),
        Binding("end,G", "edge(1)", "Last", show=False),
        Binding("enter", "choose", "Open", show=False),
        Binding("space", "mark", "Mark", show=False),
        Binding(
            "greater_than_sign", "sort_next(1)", "Sort by the next column", show=False
        ),
        Binding(
            "less_than_sign", "sort_next(-1)", "Sort by the column before", show=False
        ),
        Binding("S", "turn", "Turn the order", show=False),
        Binding("W", "wide", "All columns", show=False),
    ]

    class Chosen(Message):
        """Enter was pressed on a row, or it was clicked twice."""

        def __init__(self, table: LiveTable[Any], row: Any) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> LiveTable[Any]:
            """The table."""
            return self.table

    class Moved(Message):
        """The cursor, the order or the marks are other ones."""

    def __init__(self, grid: Grid[T], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.grid = grid
        self.wide = False
        """All columns are shown, also those that do not fit."""
        self._look = Look()
        self._choosing = False
        """What was chosen is on its way to the screen."""

    def put(self, rows: Iterable[T], look: Look) -> None:
        """Show these rows; the cursor stays on its row, and its row on its line."""
        self._look = look
        before, seen = self.grid.index, self._sees(self.grid.index)
        self.grid.put(rows, look)
        self._measure()
        moved = self.grid.index - before
        if self.grid.cursor and seen and moved:
            self._scroll(self.scroll_offset.y + moved)
        self.refresh()

    def set_filter(self, typed: str) -> None:
        """Show the rows that pass."""
        self.grid.set_filter(typed)
        self._changed()

    def render_line(self, y: int) -> Strip:
        """The heads in the first line, rows in the others."""
        placed = self._placed()
        if y == 0:
            strip = self._head(placed)
        else:
            index = self.scroll_offset.y + y - 1
            strip = self._row(placed, index)
        left = self.scroll_offset.x
        base = self.rich_style
        return strip.crop(left, left + self.size.width).adjust_cell_length(
            self.size.width, base if y == 0 or strip.cell_length == 0 else None
        )

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self.grid.move(by)
        self._changed()

    def action_page(self, step: int) -> None:
        """Move the cursor by a screenful."""
        self.action_move(step * max(self._room.height - 2, 1))

    def action_edge(self, step: int) -> None:
        """Move the cursor to the first or the last row."""
        self.action_move(step * len(self.grid.shown))

    def action_choose(self) -> None:
        """Open the row under the cursor; once, however quickly that is asked again."""
        screen = self.screen
        if self.grid.row is None or self._choosing or not screen.is_active:
            return
        self._choosing = True
        screen.post_message(self.Chosen(self, self.grid.row))
        screen.call_later(self._chose)  # it comes after the message

    def _chose(self) -> None:
        self._choosing = False

    def action_mark(self) -> None:
        """Mark the row, or take its mark away, and go on to the next."""
        self.grid.mark()
        self.action_move(1)

    def action_sort_next(self, step: Literal[1, -1]) -> None:
        """Sort by another column."""
        self.grid.sort_next(step)
        self._changed()

    def action_turn(self) -> None:
        """Turn the order round."""
        if self.grid.sort_by:
            self.grid.sort(self.grid.sort_by)
            self._changed()

    def action_wide(self) -> None:
        """Show all columns, or those that fit."""
        self.wide = not self.wide
        self._changed()

    def on_resize(self) -> None:
        """Other columns may fit now."""
        self._changed()

    def on_click(self, event: events.Click) -> None:
        """A head sorts by its column; a row is chosen, and opened by a second click."""
        if event.y == 0:
            self._click_head(event.x + self.scroll_offset.x)
            return
        index = self.scroll_offset.y + event.y - 1
        if index < len(self.grid.shown):
            if event.chain > 1:  # what was chosen first, wherever it is by now
                self.action_choose()
                return
            self.grid.move_to(index)
            self._changed()

    def _click_head(self, x: int) -> None:
        for place in self._placed():
            if x < place.width + GAP:
                self.grid.sort(place.column.name)
                self._changed()
                return
            x -= place.width + GAP

    @property
    def _room(self) -> Size:
        """What is left beside the scrollbars."""
        return self.scrollable_content_region.size

    def _placed(self) -> list[Placed[T]]:
        return self.grid.place(self._room.width, wide=self.wide)

    def _measure(self) -> None:
        least = sum(column.width + GAP for column in self.grid.columns) - GAP
        width = least if self.wide and least > self._room.width else 0
        self.virtual_size = Size(width, len(self.grid.shown) + 1)

    def _changed(self) -> None:
        self._measure()
        self._show_cursor()
        self.refresh()
        self.post_message(self.Moved())

    def _sees(self, index: int) -> bool:
        first = self.scroll_offset.y
        return first <= index < first + max(self._room.height - 1, 1)

    def _show_cursor(self) -> None:
        first, index = self.scroll_offset.y, self.grid.index
        if index < first:
            self._scroll(index)
        elif not self._sees(index):
            self._scroll(index - max(self._room.height - 2, 0))

    def _scroll(self, y: int) -> None:
        self.scroll_to(y=max(y, 0), animate=False, force=True, immediate=True)

    def _head(self, placed: list[Placed[T]]) -> Strip:
        grid = self.grid
        head, by = self._style("head"), self._style("sorted")
        segments = []
        for place in placed:
            column = place.column
            name = column.name
            if name == grid.sort_by:
                ascii_sign, sign = ("v", "▼") if grid.falling else ("^", "▲")
                name += ascii_sign if self._look.ascii else sign
            text = self._look.align(name, place.width, right=column.right)
            segments.append(Segment(text, by if column.name == grid.sort_by else head))
            segments.append(Segment(" " * GAP, head))
        return Strip(segments)

    def _row(self, placed: list[Placed[T]], index: int) -> Strip:
        if index >= len(self.grid.shown):
            return Strip.blank(self.size.width, self.rich_style)
        row = self.grid.shown[index]
        base = self._style("row")
        if self.grid.key(row) in self.grid.marked:
            base += self._style("marked")
        if index == self.grid.index and self.has_focus:
            base += self._style("cursor")
        segments = []
        for place in placed:
            cell = place.column.cell(row, self._look)
            segments.append(
                Segment(
                    self._look.align(cell.text, place.width, right=place.column.right),
                    base + self._tone(cell) if cell.tone else base,
                )
            )
            segments.append(Segment(" " * GAP, base))
        return Strip(segments).adjust_cell_length(
            max(self.size.width, self.virtual_size.width), base
        )

    def _tone(self, cell: Cell) -> Style:
        tone: Tone = cell.tone
        # Only the colour: the row's own ground stays behind it.
        return Style(color=self._style(tone).color)

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"live-table--{part}", partial=True)
