"""Asks for a number."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from clubai.tui.widgets.modal import Modal


class NumberScreen(Modal[int | None]):
    """Gives a whole number from `least` to `most`; None: leave it."""

    CSS = """
    NumberScreen {
        align: center middle;
    }
    NumberScreen > Vertical {
        width: 64;
        max-width: 90%;
        height: auto;
        padding: 1 2;
        border: round $warning;
        background: $surface;
    }
    NumberScreen #number-title {
        text-style: bold;
    }
    NumberScreen #number-asks {
        margin: 1 0;
    }
    .-ascii NumberScreen > Vertical {
        border: ascii $warning;
    }
    .-ascii NumberScreen Input {
        border: ascii $warning;
    }
    """
    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave it")]

    def __init__(
        self, title: str, asks: str, *, value: int, least: int, most: int
    ) -> None:
        super().__init__()
        self._title = title
        self._asks = asks
        self._value = value
        self._least = least
        self._most = most

    def compose(self) -> ComposeResult:
        """The question and a line."""
        with Vertical():
            yield Static(self._title, id="number-title", markup=False)
            yield Static(self._asks, id="number-asks", markup=False)
            # What is typed replaces the number: the line selects all of it.
            yield Input(str(self._value), type="integer", id="number")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take it when it is in its range."""
        text = event.value.strip()
        if text.isdecimal() and self._least <= int(text) <= self._most:
            self.dismiss(int(text))
            return
        said = f"Give {self._least} to {self._most}; Esc leaves it as it is."
        self.notify(said, severity="warning", timeout=3)

    def action_leave(self) -> None:
        """Nothing is changed."""
        self.dismiss(None)
