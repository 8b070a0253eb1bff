"""What one asked, and what is left of one's quota."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from clubai.tui.look import Look
from clubai.tui.screens.base import ClubScreen
from clubai.tui.words import Notice


class MineScreen(ClubScreen):
    """What one asked, and what is left of one's quota."""

    crumb = "My tasks"

    def body(self) -> ComposeResult:
        """Nothing yet."""
        yield Static()

    def fill(self, look: Look) -> Notice | None:
        """Nothing yet."""
        return Notice("My tasks", "Not built yet.")
