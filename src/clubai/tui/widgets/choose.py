"""Lets a person choose one of a few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static

from clubai.tui.widgets.modal import Modal


class Choose(Modal[str | None]):
    """Gives the word that was chosen; None: none was."""

    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave")]
    SCOPED_CSS = False  # what stands above it says that it is ASCII
    DEFAULT_CSS = """
    Choose {
        align: center middle;
    }
    #choose {
        width: 48;
        max-width: 90%;
        height: auto;
        padding: 1 2;
        border: round $primary;
        background: $surface;
    }
    #choose OptionList {
        height: auto;
        max-height: 10;
        border: none;
    }
    .-ascii #choose {
        border: ascii $primary;
    }
    """

    def __init__(self, title: str, words: Sequence[str]) -> None:
        super().__init__()
        self.asked = title
        self.words = words

    def compose(self) -> ComposeResult:
        """The question, and the words."""
        with Vertical(id="choose"):
            yield Static(f"{self.asked}\n", markup=False)
            yield OptionList(*(Content(word) for word in self.words))
            yield Static("\nEnter: choose  Esc: leave", markup=False)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """This one."""
        self.dismiss(self.words[event.option_index])

    def action_leave(self) -> None:
        """None of them."""
        self.dismiss(None)
