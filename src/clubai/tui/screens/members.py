"""Who is in the club, and what they use."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from clubai.tui.look import Look
from clubai.tui.screens.base import ClubScreen
from clubai.tui.words import Notice


class MembersScreen(ClubScreen):
    """Who is in the club, and what they use."""

    crumb = "Members"

    def body(self) -> ComposeResult:
        """Nothing yet."""
        yield Static()

    def fill(self, look: Look) -> Notice | None:
        """Nothing yet."""
        return Notice("Members", "Not built yet.")
