"""How the next question is asked, in one line: its model, its mode."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Static

from clubai.model import Mode, ModelSnapshot
from clubai.tui.conversation import MOST_AT_ONCE
from clubai.tui.look import Look

ANY: Final = "any"
MOST_NAME: Final = 40
"""Cells of a model's name."""

Choice = Literal["model", "mode"]


class HowLine(Horizontal):
    """Model, mode, and how many questions are under way; a click asks for another."""

    class Asked(Message):
        """The model or the mode was clicked."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    DEFAULT_CSS = """
    HowLine {
        height: 1;
    }
    HowLine > Static {
        width: auto;
        margin-right: 2;
    }
    HowLine > .picked {
        text-style: underline;
    }
    """

    def compose(self) -> ComposeResult:
        """Three words next to each other."""
        yield Static(id="asking-model", classes="picked", markup=False)
        yield Static(id="asking-mode", classes="picked", markup=False)
        yield Static(id="asking-now", markup=False)

    def show(self, model: str, mode: Mode, running: int) -> None:
        """Show it; `model` as it is told."""
        now = f"{running} of {MOST_AT_ONCE} under way" if running else ""
        self.query_one("#asking-model", Static).update(Text(f"model {model}"))
        self.query_one("#asking-mode", Static).update(Text(f"mode {mode}"))
        self.query_one("#asking-now", Static).update(Text(now))

    def on_click(self, event: events.Click) -> None:
        """Ask for another model or mode."""
        clicked = event.widget.id if event.widget is not None else ""
        if clicked == "asking-model":
            self.post_message(self.Asked("model"))
        elif clicked == "asking-mode":
            self.post_message(self.Asked("mode"))


def model_told(model: str, offered: Iterable[ModelSnapshot], look: Look) -> str:
    """The name of the model that is wanted, and who has room for it."""
    if not model:
        return ANY
    name = look.fit(model, MOST_NAME)
    found = next((each for each in offered if each.name == model), None)
    if found is None:
        return f"{name} (no node offers it now)"
    return f"{name} ({found.slots_free} of {found.slots} slots free)"


def model_choices(
    offered: Iterable[ModelSnapshot], look: Look
) -> list[tuple[str, str]]:
    """What can be wanted: each model's name, and what is told of it; first: any."""
    choices = [("", f"{ANY}: the one with the most free slots")]
    for model in offered:
        told = (
            f"{look.fit(model.name, MOST_NAME)}: {model.slots_free} of "
            f"{model.slots} slots free, context {model.context or '-'}"
        )
        choices.append((model.name, told))
    return choices
