"""How the nodes stand, and why."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from clubai.tui.acts.roles import may_see
from clubai.tui.acts.standing import STANDING_ACTS
from clubai.tui.asked import Asked
from clubai.tui.look import Look
from clubai.tui.screens.asking import AskingScreen
from clubai.tui.screens.ledger import LedgerScreen
from clubai.tui.screens.reviews import ReviewsScreen
from clubai.tui.tables.reputation import (
    NodeRow,
    node_rows,
    read_told,
    reputation_grid,
    spread_lines,
    told_since,
)
from clubai.tui.widgets.table import LiveTable
from clubai.tui.words import Notice

SPREAD_HEIGHT = 20
"""Lines of a terminal from which on there is room for the distribution."""


class ReputationScreen(AskingScreen):
    """All nodes by their points."""

    crumb = "Reputation"
    HELP = """\
How the nodes stand. Points move live; checks and marks are asked when the screen is
shown, and on `r`.

Enter opens a node's ledger: every change with its cause and why. Operators adjust
points with `a`; they and moderators end a suspension with `i`. `v` shows the open
reviews, to auditors too.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "act('adjust')", "Adjust"),
        Binding("i", "act('reinstate')", "Reinstate"),
        Binding("v", "reviews", "Reviews"),
    ]
    CSS = """
    #reputation-spread, #reputation-age {
        height: auto;
        color: $text-muted;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.told = Asked(read_told)

    def questions(self) -> list[tuple[Asked[Any], str]]:
        """Checks, marks, reviews."""
        return [(self.told, "/api/reputation")]

    def body(self) -> ComposeResult:
        """The distribution above the table."""
        yield Static(id="reputation-age", markup=False)
        yield Static(id="reputation-spread", markup=False)
        yield LiveTable[NodeRow](reputation_grid(), id="reputation")

    def fill(self, look: Look) -> Notice | None:
        """Show them."""
        picture = self.picture
        rows = node_rows(
            picture.mirror.nodes, self.told.value or {}, tuple(picture.changes)
        )
        if not rows:
            return Notice(
                "No node is judged yet",
                "A node has points from its first login on. `clubai node enrol` makes "
                "a token for one.",
            )
        age = f"checks: {self.told.age(look)}{look.rule}{self._since(look)}"
        self.query_one("#reputation-age", Static).update(look.fit(age, self._width))
        spread = self.query_one("#reputation-spread", Static)
        spread.display = self.size.height >= SPREAD_HEIGHT
        if spread.display:
            lines = spread_lines([row.points for row in rows], look, self._width)
            spread.update("\n".join(lines))
        self.query_one("#reputation", LiveTable).put(rows, look)
        return None

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        """Open a node's ledger."""
        self.board.push_screen(LedgerScreen(event.row.id, event.row.name))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Reviews are not for all."""
        if action == "reviews":
            return may_see(self.picture.role, "reviews")
        return super().check_action(action, parameters)

    def action_reviews(self) -> None:
        """Show the open reviews."""
        self.board.push_screen(ReviewsScreen())

    def action_act(self, what: str) -> None:
        """Do it to the marked nodes, or to the one under the cursor."""
        rows = self.query_one("#reputation", LiveTable).grid.chosen
        if what == "reinstate":
            rows = [row for row in rows if row.state == "suspended"]
            if not rows:
                self.notify("It is not suspended.", timeout=3)
        self.board.act([STANDING_ACTS[what](row) for row in rows])

    @property
    def _width(self) -> int:
        return max(self.size.width - 2, 1)

    def _since(self, look: Look) -> str:
        return told_since(tuple(self.picture.changes), look)
