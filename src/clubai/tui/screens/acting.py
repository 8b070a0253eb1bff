"""The keys that act on nodes: the same wherever nodes are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from clubai.model import NodeSnapshot
from clubai.tui.acts.nodes import node_acts
from clubai.tui.screens.base import ClubScreen

KEYS_HELP = """
**d** drains: it ends what it has, for a machine that is to be stopped. **p** pauses it,
**u** lets it go on. Owners may do that to their own nodes, operators to all.
For operators: **K** ends its connection (it may come back), **m** leaves a note in the
audit log, **T** makes it a reference for others, or takes that back.
Each asks first and is in the audit log. What it changed is seen when the club says so.
"""


class NodeActing(ClubScreen):
    """A screen on which nodes are chosen and something is done to them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "act('drain')", "Drain"),
        Binding("p", "act('pause')", "Pause it"),
        Binding("u", "act('resume')", "Resume"),
        Binding("K", "act('kick')", "Kick"),
        Binding("m", "act('note')", "Note"),
        Binding("T", "act('trust')", "Trust", show=False),
    ]

    def chosen_nodes(self) -> Sequence[NodeSnapshot]:
        """The nodes to which something is done."""
        raise NotImplementedError

    def action_act(self, what: str) -> None:
        """Do it to the chosen nodes: one question for all of them."""
        acts, left_out = node_acts(what, self.chosen_nodes())
        if left_out:
            self.notify(left_out, title="Nothing to do", timeout=3, markup=False)
        self.board.act(acts)
