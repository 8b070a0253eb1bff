"""Every change of the node's points, with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from clubai.tui.look import Look
from clubai.tui.screens.owner_base import OwnerPage
from clubai.tui.tables.own import changes_grid
from clubai.tui.tables.standing import Line
from clubai.tui.widgets.table import LiveTable
from clubai.tui.words import Notice

if TYPE_CHECKING:
    from clubai.agent.view import AgentSnapshot


class OwnerPointsScreen(OwnerPage):
    """The ledger of one node."""

    crumb = "Points"
    HELP = """\
Every change of your node's points, and why: the last 500, and what comes. `r` reads
them again. Points in escrow (held) count once the node has passed an audit.
"""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "reload", "Read again")]

    def body(self) -> ComposeResult:
        """The table."""
        yield LiveTable[Line](changes_grid(), id="changes")

    def show(self, agent: AgentSnapshot, look: Look) -> Notice | None:
        """Show the changes, or why there are none."""
        owner = self.owner
        points = owner.points
        if not points.changes:
            if missing := owner.no_feed:
                return Notice("The points cannot be seen", missing)
            if points.refused:
                return Notice("The club does not tell them", points.refused)
            if not points.loaded:
                return Notice("Loading", "Asking the club for the changes.")
            return Notice("No changes yet", "Each task that is done moves points.")
        self.query_one("#changes", LiveTable).put(points.changes, owner.club_look)
        return None

    def action_reload(self) -> None:
        """Read them again."""
        if not self.owner.no_feed:
            self.owner.load()
