"""One node."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from clubai.tui.look import Look
from clubai.tui.screens.base import ClubScreen
from clubai.tui.tables.nodes import node_name
from clubai.tui.words import Notice


class NodeScreen(ClubScreen):
    """One node: what it does, offers, and how it stands."""

    def __init__(self, node: str) -> None:
        super().__init__()
        self.node = node

    def body(self) -> ComposeResult:
        """What there is to say."""
        yield Static(id="node-facts", markup=False)

    def fill(self, look: Look) -> Notice | None:
        """Show it."""
        node = self.picture.mirror.nodes.get(self.node)
        if node is None:
            return Notice("The node is gone", "It has left the club. Esc goes back.")
        self.crumb = node_name(node)
        self.query_one("#node-facts", Static).update(f"{node.name} {node.state}")
        return None
