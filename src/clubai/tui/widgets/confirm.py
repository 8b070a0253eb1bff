"""Asks before something is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from clubai.tui import plain
from clubai.tui.acts.act import Act

MOST_TITLES: Final = 6
MOST_TITLE: Final = 100


class Confirm(ModalScreen[str | None]):
    """Gives what was typed, empty when nothing was asked for; None: do not do it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "no", "No"),
        Binding("y", "yes", "Yes"),
    ]

    def __init__(self, acts: Sequence[Act]) -> None:
        super().__init__()
        self.acts = acts
        """What would be done; they are asked about as the first one is."""

    def compose(self) -> ComposeResult:
        """The question, a line to type a reason in when one is needed, two buttons."""
        with Vertical(id="confirm"):
            title = "\n".join(
                plain.name(act.title, MOST_TITLE) for act in self.acts[:MOST_TITLES]
            )
            if len(self.acts) > MOST_TITLES:
                title += f"\nand {len(self.acts) - MOST_TITLES} more"
            yield Static(title, id="confirm-title", markup=False)
            yield Static(plain.text(self.acts[0].asks), id="confirm-asks", markup=False)
            if self.acts[0].reason:
                yield Input(placeholder="why (needed)", id="confirm-reason")
            with Horizontal(id="confirm-buttons"):
                yield Button("Yes (y)", id="yes", variant="warning")
                yield Button("No (n)", id="no")

    def on_mount(self) -> None:
        """Begin in the line, or on *No*."""
        self.query_one("#confirm-reason" if self.acts[0].reason else "#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """One of the two."""
        if event.button.id == "yes":
            self.action_yes()
        else:
            self.action_no()

    def on_input_submitted(self) -> None:
        """The reason is typed."""
        self.action_yes()

    def action_yes(self) -> None:
        """Do it, unless the reason is missing."""
        reason = ""
        if self.acts[0].reason:
            line = self.query_one("#confirm-reason", Input)
            reason = line.value.strip()
            if not reason:
                line.focus()
                self.notify("Say why: it is written in the audit log.", timeout=3)
                return
        self.dismiss(reason)

    def action_no(self) -> None:
        """Leave it."""
        self.dismiss(None)
