"""What happens, line by line."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from clubai.tui.look import Look
from clubai.tui.screens.base import ClubScreen
from clubai.tui.words import Notice


class EventsScreen(ClubScreen):
    """What happens, line by line."""

    crumb = "Events"

    def body(self) -> ComposeResult:
        """Nothing yet."""
        yield Static()

    def fill(self, look: Look) -> Notice | None:
        """Nothing yet."""
        return Notice("Events", "Not built yet.")
