"""One node's points: every change, what it rests on, and why."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from clubai.tui.acts.standing import STANDING_ACTS, standing_path
from clubai.tui.asked import Asked
from clubai.tui.look import Look, day, percent
from clubai.tui.screens.asking import AskingScreen
from clubai.tui.screens.causes import open_check, open_review, open_task
from clubai.tui.tables.reputation import NodeRow, node_rows, read_page
from clubai.tui.tables.standing import (
    Line,
    ledger_grid,
    line_of,
    merge,
    opening,
    window,
)
from clubai.tui.widgets.table import LiveTable
from clubai.tui.words import Notice

PAGE = 200
MOST = 1000
"""Changes in one answer."""


class LedgerScreen(AskingScreen):
    """All changes of one node's standing, the newest first."""

    HELP = """\
Every change of this node's points, with the points after it: those that were stored,
and live ones on top. Their sum is the points.

Enter opens what a change rests on: the task, the check, the review. `m` asks for older
ones.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "more", "Older ones"),
        Binding("a", "act('adjust')", "Adjust"),
        Binding("i", "act('reinstate')", "Reinstate"),
    ]
    CSS = """
    #ledger-facts {
        height: auto;
        color: $text-muted;
    }
    """

    def __init__(self, node: str, name: str) -> None:
        super().__init__()
        self.node = node
        self.crumb = name
        self.page = Asked(read_page)
        self._limit = PAGE

    def questions(self) -> list[tuple[Asked[Any], str]]:
        """The newest changes."""
        path = f"{standing_path(self.node)}?limit={self._limit}"
        return [(self.page, path)]

    def body(self) -> ComposeResult:
        """What the node has, and the changes."""
        yield Static(id="ledger-facts", markup=False)
        yield LiveTable[Line](ledger_grid(), id="ledger")

    def fill(self, look: Look) -> Notice | None:
        """Show them."""
        page = self.page.value
        live = map(line_of, self.picture.changes_of(self.node))
        lines = merge(page.lines if page else (), live)
        if not lines:
            title = "No change yet" if self.page.at else "Loading"
            if self.page.refused:
                title = "The changes cannot be read"
            return Notice(title, self.page.age(look))
        self.query_one("#ledger-facts", Static).update(self._facts(lines, look))
        self.query_one("#ledger", LiveTable).put(lines, look)
        return None

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        """Open what a change rests on."""
        kind, which = opening(event.row)
        if kind == "task":
            open_task(self.board, which)
        elif kind == "check":
            open_check(self.board, which)
        elif kind == "review":
            open_review(self.board, which)
        elif kind == "event" and event.table.grid.choose(which):
            event.table.action_move(0)
        else:
            self.notify("It rests on nothing more that could be shown.", timeout=3)

    def action_more(self) -> None:
        """Ask for older changes too."""
        page = self.page.value
        if page is None or page.complete:
            self.notify("These are all." if page else "Loading.", timeout=2)
        elif self._limit >= MOST:
            oldest = min(line.number for line in page.lines)
            more = f"clubai reputation {self.node} --why --before {oldest}"
            self.notify(f"Older ones: `{more}`", markup=False)
        else:
            self._limit = MOST
            self.ask()

    def action_act(self, what: str) -> None:
        """Do it to this node."""
        row = self._row()
        if row is None:
            return
        if what == "reinstate" and row.state != "suspended":
            self.notify("It is not suspended.", timeout=3)
            return
        self.board.act([STANDING_ACTS[what](row)])

    def _row(self) -> NodeRow | None:
        page = self.page.value
        told = {} if page is None else {self.node: page.told}
        rows = node_rows(self.picture.mirror.nodes, told, tuple(self.picture.changes))
        return next((row for row in rows if row.id == self.node), None)

    def _facts(self, lines: list[Line], look: Look) -> str:
        row = self._row()
        said = []
        if row is not None:
            said.append(f"{row.points} points, {row.held} in escrow")
            said.append(row.state or "standing not told")
        page = self.page.value
        complete = page is not None and page.complete
        said.append(window(lines, look, complete=complete))
        if page is not None:
            told = page.told
            said.append(
                f"{told.audits_passed} checks passed, {told.streak} in a row, "
                f"{percent(told.audit_rate)} of its tasks checked"
            )
            if told.suspended_until and row is not None and row.state == "suspended":
                said.append(f"suspended until {day(told.suspended_until)}")
        said.append(self.page.age(look))
        return look.rule.join(said)
