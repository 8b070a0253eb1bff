"""The tasks, live and lately ended."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from clubai.model import TaskSnapshot
from clubai.tui.look import Look
from clubai.tui.screens.base import ClubScreen
from clubai.tui.screens.task import TaskScreen, cancel_tasks, copy_ids
from clubai.tui.tables.tasks import WHICH, Which, of_which, tasks_grid
from clubai.tui.widgets.table import LiveTable
from clubai.tui.words import Notice

_NONE: Final[dict[Which, Notice]] = {
    "all": Notice(
        "No tasks yet",
        "Nobody has asked anything since the coordinator started:\n\n"
        '  clubai ask "Why is the sky blue?"',
    ),
    "live": Notice(
        "No task is live", "Nobody waits for an answer now. f: other tasks."
    ),
    "failed": Notice(
        "No task failed", "None of those that are remembered. f: other tasks."
    ),
}


class TasksScreen(ClubScreen):
    """All tasks: the live ones first, then those that ended, the newest first."""

    crumb = "Tasks"
    HELP = """
    # Tasks

    The live ones first, then those that ended lately, the newest first. **Enter** opens
    one, **x** cancels the marked ones or the one under the cursor, **i** copies their
    ids. **f** shows all, only the live ones, or only those that failed; the path says
    which.

    There is no key to ask a task again: the club keeps neither what was asked nor what
    was answered. Only whoever asked can ask again.
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "act('cancel')", "Cancel"),
        Binding("i", "copy_ids", "Copy id"),
        Binding("f", "which", "All/live/failed"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.which: Which = "all"
        """Which tasks are shown."""

    def body(self) -> ComposeResult:
        """The table."""
        yield LiveTable[TaskSnapshot](tasks_grid(), id="tasks")

    def fill(self, look: Look) -> Notice | None:
        """Show the tasks."""
        tasks = of_which(self.picture.tasks, self.which)
        self.query_one("#tasks", LiveTable).put(tasks, look)
        return None if tasks else _NONE[self.which]

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        """Open one."""
        self.board.push_screen(TaskScreen(event.row.id))

    def action_which(self) -> None:
        """Show other tasks."""
        self.which = WHICH[(WHICH.index(self.which) + 1) % len(WHICH)]
        self.crumb = "Tasks" if self.which == "all" else f"Tasks: {self.which}"
        self.draw()

    def action_act(self, _what: str) -> None:
        """Cancel the marked tasks, or the one under the cursor."""
        cancel_tasks(self.board, self._chosen())

    def action_copy_ids(self) -> None:
        """Copy the ids of the marked tasks, or of the one under the cursor."""
        copy_ids(self.board, self._chosen())

    def _chosen(self) -> list[TaskSnapshot]:
        return self.query_one("#tasks", LiveTable).grid.chosen
