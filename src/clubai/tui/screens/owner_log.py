"""What the agent logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult

from clubai.tui.logtail import LogLine
from clubai.tui.look import Look
from clubai.tui.screens.owner_base import OwnerPage
from clubai.tui.tables.own import log_grid
from clubai.tui.widgets.table import LiveTable
from clubai.tui.words import Notice

if TYPE_CHECKING:
    from clubai.agent.view import AgentSnapshot


class OwnerLogScreen(OwnerPage):
    """The last thousand lines, the newest first; also while the agent starts."""

    crumb = "Log"
    HELP = "What the agent logged, the newest first. `/` filters, `P` holds it still."

    def body(self) -> ComposeResult:
        """The table."""
        yield LiveTable[LogLine](log_grid(), id="log")

    def fill(self, look: Look) -> Notice | None:
        """Show the log, whatever the agent does."""
        lines = list(self.owner.log_tail.lines)
        if not lines:
            return Notice("Nothing was logged yet", "--log-level debug logs more.")
        self.query_one("#log", LiveTable).put(reversed(lines), look)
        return None

    def show(self, agent: AgentSnapshot, look: Look) -> Notice | None:
        """The same."""
        return self.fill(look)
