"""A secret that is shown this once."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from clubai.tui import plain
from clubai.tui.widgets.modal import Modal

MOST_SECRET = 512


class Once(Modal[None]):
    """Shows a secret until it is closed; afterwards nothing here knows it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy_secret", "Copy"),
        Binding("escape,enter,q", "close", "Close"),
    ]
    SCOPED_CSS = False  # what stands above it says that it is ASCII
    DEFAULT_CSS = """
    Once {
        align: center middle;
    }
    #once {
        width: 76;
        max-width: 96%;
        height: auto;
        padding: 1 2;
        border: round $warning;
        background: $surface;
    }
    #once-secret {
        margin: 1 0;
        text-style: bold;
    }
    .-ascii #once {
        border: ascii $warning;
    }
    """

    def __init__(self, title: str, secret: str) -> None:
        super().__init__()
        self.head = title
        self._secret = secret

    def compose(self) -> ComposeResult:
        """What it is, the secret alone on its line, what the keys do."""
        with Vertical(id="once"):
            yield Static(f"{self.head}: shown now, and never again.", markup=False)
            yield Static(
                plain.name(self._secret, MOST_SECRET), id="once-secret", markup=False
            )
            yield Static("c: copy  Esc: close", markup=False)

    def action_copy_secret(self) -> None:
        """Put it on the clipboard of the terminal; the message does not repeat it."""
        self.app.copy_to_clipboard(self._secret)
        self.notify("Copied it.", timeout=2)

    def action_close(self) -> None:
        """Forget it."""
        self._secret = ""
        self.dismiss(None)
