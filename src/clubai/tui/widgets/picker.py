"""Lets one of several be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from clubai.tui.look import Look
from clubai.tui.widgets.modal import Modal


class Picker(Modal[str | None]):
    """Gives the key of what was chosen; None: nothing was."""

    DEFAULT_CSS = """
    Picker {
        align: center middle;
    }
    #picker {
        width: 64;
        max-width: 90%;
        height: auto;
        max-height: 80%;
        padding: 0 1;
        border: round $primary;
        background: $surface;
    }
    #picker-title {
        text-style: bold;
    }
    #picker OptionList {
        height: auto;
        max-height: 16;
        border: none;
        padding: 0;
    }
    Picker.-ascii #picker {
        border: ascii $primary;
    }
    """
    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave it"),
    ]

    def __init__(
        self, title: str, choices: Sequence[tuple[str, str]], chosen: str
    ) -> None:
        super().__init__()
        self._title = title
        self._choices = tuple(choices)
        """Keys, and what is shown for each."""
        self._chosen = chosen

    def compose(self) -> ComposeResult:
        """The choices under each other."""
        look = Look()
        with Vertical(id="picker"):
            yield Static(self._title, id="picker-title", markup=False)
            yield OptionList(
                *(Option(Content(look.fit(text, 200))) for _, text in self._choices),
                compact=True,
            )

    def on_mount(self) -> None:
        """Begin on what is chosen now."""
        self.set_class(self.app.has_class("-ascii"), "-ascii")
        keys = [key for key, _ in self._choices]
        for choices in self.query(OptionList):  # none when it was left at once
            chosen = keys.index(self._chosen) if self._chosen in keys else 0
            choices.highlighted = chosen

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """One was chosen."""
        self.dismiss(self._choices[event.option_index][0])

    def action_leave(self) -> None:
        """Choose nothing."""
        self.dismiss(None)
