"""Lines of text with tones, which scroll when there are many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from clubai.tui import plain
from clubai.tui.look import Cell, Tone

Line = Sequence[Cell]

_STYLES: Final[dict[Tone, str]] = {
    "": "",
    "accent": "bold $text-accent",
    "good": "$text-success",
    "warn": "$text-warning",
    "bad": "$text-error",
    "muted": "$text-muted",
}


class Lines(Static):
    """Lines of text that are as high as there are lines."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, markup=False)
        self._lines: tuple[Line, ...] | None = None

    def put(self, lines: Iterable[Line]) -> None:
        """Show these lines; nothing is done when they are shown already."""
        new = tuple(tuple(line) for line in lines)
        if new != self._lines:
            self._lines = new
            self.update(painted(new))


class Page(VerticalScroll, can_focus=True):
    """The same, and what does not fit can be scrolled to."""

    DEFAULT_CSS = """
    Page {
        scrollbar-size-vertical: 1;
    }
    Page > Lines {
        height: auto;
    }
    """

    def compose(self) -> ComposeResult:
        """The lines."""
        yield Lines()

    def put(self, lines: Iterable[Line]) -> None:
        """Show these lines."""
        self.query_one(Lines).put(lines)


def painted(lines: Iterable[Line]) -> Content:
    """The lines in the theme's colours, with nothing in them that a terminal obeys."""
    pieces: list[tuple[str, str]] = []
    for line in lines:
        if pieces:
            pieces.append(("\n", ""))
        pieces += [(plain.text(cell.text), _STYLES[cell.tone]) for cell in line]
    return Content.assemble(*pieces)
