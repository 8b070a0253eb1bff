"""The nodes, and what an operator can do to them."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from clubai.model import NodeSnapshot
from clubai.tui.acts.nodes import NODE_ACTS
from clubai.tui.look import Look
from clubai.tui.screens.base import ClubScreen
from clubai.tui.screens.node import NodeScreen
from clubai.tui.tables.nodes import nodes_grid
from clubai.tui.widgets.table import LiveTable
from clubai.tui.words import Notice


class NodesScreen(ClubScreen):
    """All nodes."""

    crumb = "Nodes"
    HELP = "The club's nodes. Enter opens one."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "act('drain')", "Drain"),
        Binding("u", "act('resume')", "Resume"),
    ]

    def body(self) -> ComposeResult:
        """The table."""
        yield LiveTable[NodeSnapshot](nodes_grid(), id="nodes")

    def fill(self, look: Look) -> Notice | None:
        """Show the nodes."""
        nodes = self.picture.mirror.nodes.values()
        if not nodes:
            return Notice(
                "No nodes yet",
                "On a machine with LM Studio or another OpenAI-compatible server:\n\n"
                f"  clubai-agent --coordinator {self.board.source.url} --enrol T\n\n"
                "`clubai node enrol` makes the token T.",
            )
        self.query_one("#nodes", LiveTable).put(nodes, look)
        return None

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        """Open one."""
        self.board.push_screen(NodeScreen(event.row.id))

    def action_act(self, what: str) -> None:
        """Do it to the marked nodes, or to the one under the cursor."""
        table = self.query_one("#nodes", LiveTable)
        self.board.act([NODE_ACTS[what](node) for node in table.grid.chosen])
