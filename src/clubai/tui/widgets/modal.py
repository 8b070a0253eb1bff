"""Screens that stand in front of another one, and leave it once.

Two keys that come in one read are both handled before the screen is gone: the second
one must not take away what is behind it.
"""

from __future__ import annotations

from textual.await_complete import AwaitComplete
from textual.command import CommandPalette
from textual.screen import ModalScreen, ScreenResultType
from textual.widgets import Input, OptionList


class Modal(ModalScreen[ScreenResultType]):
    """Gives something to whoever showed it, and only once."""

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Leave; nothing happens when it is not on top."""
        return super().dismiss(result) if self.is_active else AwaitComplete()


class Palette(CommandPalette):
    """Textual's palette, which runs one command and only once."""

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Leave; nothing happens when it is not on top."""
        return super().dismiss(result) if self.is_active else AwaitComplete()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Textual's own handlers come after this one."""
        if not self.is_active:
            event.prevent_default().stop()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Textual's own handlers come after this one."""
        if not self.is_active:
            event.prevent_default().stop()
