"""The club at a glance: counts, curves, what needs a look."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from clubai.tui.look import Look
from clubai.tui.screens.base import ClubScreen
from clubai.tui.words import Notice


class OverviewScreen(ClubScreen):
    """The club at a glance: counts, curves, what needs a look."""

    crumb = "Overview"

    def body(self) -> ComposeResult:
        """Nothing yet."""
        yield Static()

    def fill(self, look: Look) -> Notice | None:
        """Nothing yet."""
        return Notice("Overview", "Not built yet.")
