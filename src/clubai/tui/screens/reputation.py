"""How the nodes stand, and why."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from clubai.tui.look import Look
from clubai.tui.screens.base import ClubScreen
from clubai.tui.words import Notice


class ReputationScreen(ClubScreen):
    """How the nodes stand, and why."""

    crumb = "Reputation"

    def body(self) -> ComposeResult:
        """Nothing yet."""
        yield Static()

    def fill(self, look: Look) -> Notice | None:
        """Nothing yet."""
        return Notice("Reputation", "Not built yet.")
