"""A text of the club's to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from clubai.tui.asked import Asked
from clubai.tui.look import Look
from clubai.tui.screens.asking import AskingScreen
from clubai.tui.words import Notice


class ReadingScreen(AskingScreen):
    """What the club answers at a path, written as text."""

    HELP = "A text of the club's. Arrows scroll, `c` copies it, Esc goes back."
    BINDINGS: ClassVar[list[BindingType]] = [Binding("c", "copy_text", "Copy")]

    def __init__(
        self, crumb: str, path: str, write: Callable[[dict[str, Any]], str]
    ) -> None:
        super().__init__()
        self.crumb = crumb
        self.path = path
        self.asked = Asked(write)

    def questions(self) -> list[tuple[Asked[Any], str]]:
        """The text."""
        return [(self.asked, self.path)]

    def body(self) -> ComposeResult:
        """The text, and its age."""
        yield Static(id="reading-age", markup=False)
        with VerticalScroll(id="reading"):
            yield Static(id="reading-text", markup=False)

    def fill(self, look: Look) -> Notice | None:
        """Show it."""
        text = self.asked.value
        if text is None:
            title = "Not to be read" if self.asked.refused else "Loading"
            return Notice(title, self.asked.age(look))
        self.query_one("#reading-age", Static).update(self.asked.age(look))
        self.query_one("#reading-text", Static).update(text)
        return None

    def action_copy_text(self) -> None:
        """Put it on the clipboard."""
        if self.asked.value:
            self.board.copy(self.asked.value, self.crumb)
