"""Asks before something is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Input, Static

from clubai.errors import ConfigError
from clubai.tui import plain
from clubai.tui.acts.act import Act
from clubai.tui.widgets.modal import Modal

MOST_TITLES: Final = 6
MOST_TITLE: Final = 100


class Confirm(Modal[str | None]):
    """Gives what was typed, empty when nothing was asked for; None: do not do it."""

    AUTO_FOCUS = "Input, #no"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "no", "No"),
        Binding("y", "yes", "Yes"),
    ]

    def __init__(self, acts: Sequence[Act]) -> None:
        super().__init__()
        self.acts = acts
        """What would be done; they are asked about as the first one is."""
        self.read: dict[str, Any] = {}
        """What the act's fields were read as, once it is to be done."""

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
            fields = self.acts[0].fields
            for field in fields:
                line = f"confirm-{field.name}"
                yield Input(placeholder=field.says, id=line, compact=True)
            if self.acts[0].reason:
                several = bool(fields)
                yield Input(
                    placeholder="why (needed)", id="confirm-reason", compact=several
                )
            with Horizontal(id="confirm-buttons"):
                yield Button("Yes (y)", id="yes", variant="warning")
                yield Button("No (n)", id="no")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """One of the two."""
        if event.button.id == "yes":
            self.action_yes()
        else:
            self.action_no()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A line is typed: on to the next one, or all of them are."""
        lines = list(self.query(Input))
        after = lines[lines.index(event.input) + 1 :]
        if after:
            after[0].focus()
        else:
            self.action_yes()

    def action_yes(self) -> None:
        """Do it, unless something is missing or cannot be used."""
        if not self.query(Button):
            return  # nobody has seen yet what is asked
        reason = ""
        for field in self.acts[0].fields:
            line = self.query_one(f"#confirm-{field.name}", Input)
            try:
                self.read[field.name] = field.read(line.value)
            except ConfigError as error:
                line.focus()
                self.notify(str(error), severity="error", timeout=5, markup=False)
                return
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
