"""The keys at the foot of a screen, made anew only when they are other ones."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen
from textual.widgets import Footer


class Footing(Footer):
    """Textual's footer makes all its keys anew at each change of the focus.

    On a change of screens that is several times over, and most of what it costs.
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[tuple[Any, ...]] | None = None

    def bindings_changed(self, screen: Screen[Any]) -> None:
        """Show the keys, when others are shown."""
        if not (screen.app.app_focus and self.is_attached and screen is self.screen):
            return
        active = screen.active_bindings.values()
        shown = [(one.binding, one.enabled, one.tooltip) for one in active]
        if shown != self._shown:
            self._shown = shown
            super().bindings_changed(screen)
