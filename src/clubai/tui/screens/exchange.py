"""All that is known of one question and its answer."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from clubai.tui.conversation import Exchange
from clubai.tui.look import Look
from clubai.tui.screens.base import ClubScreen
from clubai.tui.telling import details
from clubai.tui.words import Notice


class ExchangeScreen(ClubScreen):
    """Task, attempts, nodes, timings, parts of an exchange."""

    HELP = """What is known of one question that was asked from here: its task, every
node that worked on it, how many attempts it took, where the time went, and what became
of the parts of a divided job. Esc goes back."""
    DEFAULT_CSS = """
    #exchange-page {
        scrollbar-size-vertical: 1;
    }
    ExchangeScreen.-ascii #exchange-page {
        scrollbar-size-vertical: 0;
    }
    #exchange-facts {
        height: auto;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yank", "Copy the answer"),
    ]

    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self.exchange = exchange
        self.crumb = f"Question {exchange.number}"
        self._shown: tuple[int, bool] = (-1, False)

    def body(self) -> ComposeResult:
        """A page that scrolls."""
        with VerticalScroll(id="exchange-page"):
            yield Static(id="exchange-facts", markup=False)

    def on_mount(self) -> None:
        """Scrollbars are no ASCII signs."""
        self.set_class(self.board.look.ascii, "-ascii")

    def fill(self, look: Look) -> Notice | None:
        """Show it."""
        now = (self.exchange.version, look.ascii)
        if now != self._shown or self.exchange.under_way:
            self._shown = now
            facts = self.query_one("#exchange-facts", Static)
            facts.update(Text(details(self.exchange, look)))
        return None

    def action_yank(self) -> None:
        """Copy the answer."""
        self.board.copy(self.exchange.text, "the answer")

    def action_copy(self, form: str) -> None:
        """Copy what is shown."""
        del form
        self.board.copy(details(self.exchange, self.board.look), "the details")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is no table to filter."""
        return action != "filter" and super().check_action(action, parameters)
