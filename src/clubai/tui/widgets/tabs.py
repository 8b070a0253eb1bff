"""One line of tabs: the one that is seen stands in brackets."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

BETWEEN = 1
"""Empty cells between two tabs."""


class TabLine(Static):
    """Names beside each other, of which one is chosen; a click chooses another."""

    DEFAULT_CSS = """
    TabLine {
        height: 1;
        margin-bottom: 1;
    }
    """

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, names: Sequence[str], *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self.names = tuple(names)
        self.index = 0
        """The one that is chosen."""

    def on_mount(self) -> None:
        """Show the first."""
        self.choose(0)

    def choose(self, index: int) -> None:
        """Show another as chosen."""
        self.index = index % len(self.names)
        pieces: list[tuple[str, str]] = []
        for number, text in enumerate(self._texts()):
            if number:
                pieces.append((" " * BETWEEN, ""))
            chosen = number == self.index
            pieces.append((text, "bold $text-accent" if chosen else "$text-muted"))
        self.update(Content.assemble(*pieces))

    def at(self, x: int) -> int | None:
        """The tab at a column; None: there is none."""
        left = 0
        for number, text in enumerate(self._texts()):
            if left <= x < left + len(text):
                return number
            left += len(text) + BETWEEN
        return None

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked."""
        index = self.at(event.x)
        if index is not None:
            self.post_message(self.Chosen(index))

    def _texts(self) -> list[str]:
        return [
            f"[{name}]" if number == self.index else f" {name} "
            for number, name in enumerate(self.names)
        ]
