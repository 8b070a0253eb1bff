"""Lines of cells: what is no table, drawn without a layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from clubai.tui.look import Cell


class Lines(Widget):
    """Shows lines of cells in the colours of the theme; its height is given by CSS."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"lines--{tone}" for tone in ("good", "warn", "bad", "muted", "accent")
    }
    DEFAULT_CSS = """
    Lines {
        height: 1fr;

        & > .lines--good { color: $text-success; }
        & > .lines--warn { color: $text-warning; }
        & > .lines--bad { color: $text-error; }
        & > .lines--muted { color: $text-muted; }
        & > .lines--accent { text-style: bold; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Sequence[Cell]] = ()

    def put(self, lines: Sequence[Sequence[Cell]]) -> None:
        """Show these from now on; each cell's text is in its full width."""
        if lines != self._lines:
            self._lines = lines
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One of the lines."""
        base = self.rich_style
        cells = self._lines[y] if y < len(self._lines) else ()
        segments = [Segment(cell.text, self._style(cell, base)) for cell in cells]
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _style(self, cell: Cell, base: Style) -> Style:
        if not cell.tone:
            return base
        return base + self.get_component_rich_style(f"lines--{cell.tone}", partial=True)
