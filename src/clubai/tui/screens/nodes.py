"""The nodes, and what an operator can do to them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult

from clubai.model import NodeSnapshot
from clubai.tui.look import Look
from clubai.tui.screens.acting import KEYS_HELP, NodeActing
from clubai.tui.screens.node import NodeScreen
from clubai.tui.tables.nodes import first_tokens_of, nodes_grid
from clubai.tui.widgets.table import LiveTable
from clubai.tui.words import Notice


class NodesScreen(NodeActing):
    """All nodes."""

    crumb = "Nodes"
    HELP = f"""
# Nodes

The club's nodes; those that are lost stay for a while. **Enter** opens one. **Space**
marks nodes: the other keys then act on all that are marked, and ask once.
{KEYS_HELP}"""

    def __init__(self) -> None:
        super().__init__()
        self._first_tokens: dict[str, float] = {}

    def body(self) -> ComposeResult:
        """The table."""
        yield LiveTable[NodeSnapshot](nodes_grid(self._first_tokens), id="nodes")

    def fill(self, look: Look) -> Notice | None:
        """Show the nodes."""
        mirror = self.picture.mirror
        self._first_tokens.clear()
        self._first_tokens |= first_tokens_of(mirror.ended.values(), look.now)
        self.query_one("#nodes", LiveTable).put(mirror.nodes.values(), look)
        if mirror.nodes:
            return None
        return Notice(
            "No nodes yet",
            "On a machine with LM Studio or another OpenAI-compatible server:\n\n"
            f"  clubai-agent --coordinator {self.board.source.url} --enrol T\n\n"
            "`clubai node enrol` makes the token T.",
        )

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        """Open one."""
        self.board.push_screen(NodeScreen(event.row.id))

    def chosen_nodes(self) -> Sequence[NodeSnapshot]:
        """The marked ones, or the one under the cursor."""
        return self.query_one("#nodes", LiveTable).grid.chosen
