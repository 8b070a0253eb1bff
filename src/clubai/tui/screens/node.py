"""One node: what it does, what it offers, how it stands, what was done to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final
from urllib.parse import quote

import msgspec
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from clubai.model import NICKNAME_LENGTH, ModelOffer, NodeSnapshot, TaskSnapshot
from clubai.tui.acts.roles import may_see
from clubai.tui.asked import Asked
from clubai.tui.look import Cell, Look
from clubai.tui.node_lines import gone_line, live_lines, points_lines
from clubai.tui.screens.acting import KEYS_HELP, NodeActing
from clubai.tui.tables.nodes import node_name
from clubai.tui.tables.notes import AuditLine, notes_grid, read_notes
from clubai.tui.tables.offers import offers_grid
from clubai.tui.tables.slots import Lane, lanes, lanes_grid
from clubai.tui.tables.standing import (
    Line,
    ledger_grid,
    line_of,
    merge,
    opening,
    read_lines,
)
from clubai.tui.tables.tasks import tasks_grid
from clubai.tui.widgets.page import Lines
from clubai.tui.widgets.table import LiveTable
from clubai.tui.widgets.tabs import TabLine
from clubai.tui.words import Notice

PANES: Final = ("Live", "Models", "Tasks", "Reputation", "Notes")
MOST_LINES: Final = 200
"""Of changes and of the audit log that are asked for."""
_WORKS: Final = ("offered", "running", "replying")


class NodeScreen(NodeActing):
    """One node."""

    HELP = f"""
# One node

Five tabs, changed by **[** and **]**, by Tab and the arrows, or by a click: **Live**
(its slots and what is on them), **Models** (what it offers), **Tasks** (its own),
**Reputation** (its points and why each moved), **Notes** (what was done to it, for
operators and auditors). **Enter** opens a task. **r** asks the club again for what the
feed does not tell: the changes of points, the notes.
{KEYS_HELP}"""
    DEFAULT_CSS = """
    NodeScreen Lines {
        height: auto;
        max-height: 8;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket", "tab(1)", "Next tab", key_display="]"),
        Binding("left_square_bracket", "tab(-1)", "Tab before", show=False),
        Binding("r", "ask", "Ask again", show=False),
    ]

    def __init__(self, node: str) -> None:
        super().__init__()
        self.node = node
        self.crumb = node[:NICKNAME_LENGTH]
        self.pane = 0
        """Which tab is seen."""
        self._last: NodeSnapshot | None = None
        self._left = False
        self._lanes: dict[str, int] = {}
        self._standing: Asked[list[Line]] = Asked(read_lines)
        self._notes: Asked[list[AuditLine]] = Asked(read_notes)

    def body(self) -> ComposeResult:
        """The tabs, a few lines, and the table of each tab."""
        yield TabLine(PANES, id="node-tabs")
        yield Lines(id="node-lines")
        tables: tuple[LiveTable[Any], ...] = (
            LiveTable[Lane](lanes_grid(), id="node-live"),
            LiveTable[ModelOffer](offers_grid(), id="node-models"),
            LiveTable[TaskSnapshot](tasks_grid(), id="node-tasks"),
            LiveTable[Line](ledger_grid(), id="node-points"),
            LiveTable[AuditLine](notes_grid(), id="node-notes"),
        )
        for index, table in enumerate(tables):
            table.display = index == self.pane
            yield table

    def on_mount(self) -> None:
        """Ask the club for what the feed does not tell."""
        self.action_ask()

    def on_screen_resume(self) -> None:
        """Ask again when it is seen again, if it was not answered."""
        notes = may_see(self.picture.role, "notes") and self._notes.refused
        if self._standing.refused or notes:
            self.action_ask()

    def fill(self, look: Look) -> Notice | None:
        """Show the tab that is seen."""
        found = self.picture.mirror.nodes.get(self.node)
        if found is not None:
            self._last, self._left = found, False
        elif self._last is not None and not self._left:
            self._left = True
            self._last = msgspec.structs.replace(self._last, state="lost", slots_used=0)
        node = self._last
        if node is None:
            return Notice(
                "This node is not here",
                "It left the club before this screen saw it. Esc goes back.",
            )
        self.crumb = node_name(node)
        lines, rows = self._shown(node, look)
        if node.state == "lost":
            lines = [gone_line(node, self._left, look), *lines]
        above = self.query_one("#node-lines", Lines)
        above.put(lines)
        above.display = bool(lines)
        self._tables()[self.pane].put(rows, look)
        return None

    def chosen_nodes(self) -> Sequence[NodeSnapshot]:
        """This one."""
        return [] if self._last is None else [self._last]

    def on_tab_line_chosen(self, event: TabLine.Chosen) -> None:
        """Show another tab."""
        self.show_pane(event.index)

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        """Open the task of a lane, of a row, or of a change."""
        match event.row:
            case Lane(task=TaskSnapshot() as task) | (TaskSnapshot() as task):
                self._open(task.id)
            case Line() as line:
                kind, which = opening(line)
                if kind == "task":
                    self._open(which)

    def action_tab(self, step: int) -> None:
        """Show the next tab, or the one before."""
        self.show_pane((self.pane + step) % len(PANES))

    def show_pane(self, index: int) -> None:
        """Show a tab, with its own filter."""
        self.pane = index
        tables = self._tables()
        for number, table in enumerate(tables):
            table.display = number == index
        self.query_one(TabLine).choose(index)
        line = self.query_one("#filter", Input)
        with line.prevent(Input.Changed):
            line.value = tables[index].grid.filter
        line.display = False
        tables[index].focus()
        self.draw()

    def action_ask(self) -> None:
        """Ask the club for the changes of points, and operators for the notes."""
        self.run_worker(self._ask(), group="node", exclusive=True)

    def on_board_acted(self) -> None:
        """Something was done: it may be in the audit log."""
        self.action_ask()

    async def _ask(self) -> None:
        here = self.board.source.clock()
        short = quote(self.node[:NICKNAME_LENGTH], safe="")
        self._standing.begin(here)
        self._notes.begin(here)
        path = f"/api/reputation/{short}?limit={MOST_LINES}"
        answer = await self.board.ask_club(path)
        self._standing.take(answer, self.board.look.now)
        self.draw()
        if may_see(self.picture.role, "notes"):
            path = f"/api/audit?object={short}&limit={MOST_LINES}"
            answer = await self.board.ask_club(path)
        else:
            answer = "operators and auditors alone see what was done to a node"
        self._notes.take(answer, self.board.look.now)
        self.draw()

    def _shown(
        self, node: NodeSnapshot, look: Look
    ) -> tuple[list[list[Cell]], Sequence[object]]:
        """What stands above the table of the tab that is seen, and its rows."""
        width = max(self.size.width - 2, 20)
        mirror = self.picture.mirror
        match PANES[self.pane]:
            case "Live":
                ended = [task for task in mirror.ended.values() if task.node == node.id]
                live = [] if self._left else self._live(_WORKS)
                rows = lanes(node, live, self._lanes)
                self._lanes = {row.task.id: row.number for row in rows if row.task}
                latency = self.picture.latency(ended)
                return live_lines(node, latency, look, width), rows
            case "Models":
                return _empty(node.models, "It offers no model."), node.models
            case "Tasks":
                tasks = [task for task in self.picture.tasks if task.node == node.id]
                return _empty(tasks, "No task of it is remembered."), tasks
            case "Reputation":
                seen = map(line_of, self.picture.changes_of(node.id))
                known = merge(self._standing.value or (), seen)
                lines = points_lines(node, known, look, width)
                return [*lines, _age(self._standing, look)], known
            case _:
                notes = self._notes.value or []
                lines = [_age(self._notes, look)]
                if self._notes.at:
                    lines += _empty(
                        notes, "Nothing was done to it, and no note is on it."
                    )
                return lines, notes

    def _live(self, states: Sequence[str]) -> list[TaskSnapshot]:
        return [
            task
            for task in self.picture.mirror.live.values()
            if task.node == self.node and task.state in states
        ]

    def _open(self, task: str) -> None:
        from clubai.tui.screens.task import TaskScreen  # each opens the other

        if self.picture.task(task) is None:
            self.notify("This task is not remembered any more.", timeout=3)
        else:
            self.board.push_screen(TaskScreen(task))

    def _tables(self) -> list[LiveTable[Any]]:
        return list(self.query(LiveTable))


def _empty(rows: Sequence[object], says: str) -> list[list[Cell]]:
    return [] if rows else [[Cell(says, "muted")]]


def _age(asked: Asked[Any], look: Look) -> list[Cell]:
    return [Cell(asked.age(look), "warn" if asked.refused else "muted")]
