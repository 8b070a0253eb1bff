"""One task: where its time went, and why it ended as it did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from clubai.model import TaskSnapshot
from clubai.tui.acts.tasks import cancel_live, task_path
from clubai.tui.asked import Asked
from clubai.tui.board import Board
from clubai.tui.export import as_json, as_markdown
from clubai.tui.look import Cell, Look
from clubai.tui.screens.base import ClubScreen
from clubai.tui.screens.node import NodeScreen
from clubai.tui.tables.tasks import ID_SHOWN, tasks_grid
from clubai.tui.task_lines import read_story, task_lines
from clubai.tui.widgets.page import Page
from clubai.tui.words import Notice


class TaskScreen(ClubScreen):
    """One task."""

    HELP = """
    # One task

    Its time to scale: queued, offered to a node, until the first token, replying. Then
    each node that tried and why that ended, what the club tells of it, and the points
    that moved for it. **n** or **Enter** opens its node, **x** cancels it, **i** copies
    its id, **c** copies all facts, **r** asks the club again what happened.

    What was asked and answered is not kept by the club, so no key asks it again.
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "act('cancel')", "Cancel"),
        Binding("n,enter", "node", "Its node"),
        Binding("i", "copy_ids", "Copy id"),
        Binding("r", "ask", "Ask again"),
    ]

    def __init__(self, task: str) -> None:
        super().__init__()
        self.task_id = task
        self.crumb = f"Task {task[:ID_SHOWN]}"
        self._last: TaskSnapshot | None = None
        self._known_at = 0.0
        self._story = Asked(read_story)

    def body(self) -> ComposeResult:
        """One page."""
        yield Page(id="task-page")

    def on_mount(self) -> None:
        """Ask the club for what the feed does not tell."""
        self.action_ask()

    def on_screen_resume(self) -> None:
        """Ask again when it is seen again, if it was not answered."""
        if self._story.refused:
            self.action_ask()

    def fill(self, look: Look) -> Notice | None:
        """Show it; one that is not remembered any more as it was."""
        found = self.picture.task(self.task_id)
        if found is not None:
            self._last, self._known_at = found, look.now
        task = self._last
        if task is None:
            return Notice(
                "This task is not remembered",
                "Only the live tasks and the last that ended are. Esc goes back.",
            )
        if found is None:  # its time stands still where it was seen last
            look = look._replace(now=self._known_at)
        page = self.query_one("#task-page", Page)
        lines = task_lines(
            task,
            self.picture.steps(task.id),
            self.picture.changes,
            self._story,
            look,
            max(page.size.width - 1, 20),
        )
        if found is None:
            age = self.board.look.age(self._known_at)
            text = f"Not remembered any more: as it was {age} ago."
            lines = [[Cell(text, "warn")], [], *lines]
        page.put(lines)
        return None

    def action_act(self, _what: str) -> None:
        """Cancel it."""
        cancel_tasks(self.board, self._tasks())

    def action_node(self) -> None:
        """Open the node that works on it, or did."""
        node = self._last.node if self._last is not None else ""
        if node:
            self.board.push_screen(NodeScreen(node))
        else:
            self.notify("No node was chosen for it.", timeout=2)

    def action_copy_ids(self) -> None:
        """Copy its id."""
        copy_ids(self.board, self._tasks())

    def action_copy(self, form: str) -> None:
        """Copy its facts."""
        tasks = self._tasks()
        if not tasks:
            self.notify("There is nothing to copy here.", timeout=2)
            return
        grid = tasks_grid()
        grid.put(tasks, self.board.look)
        text = as_json(tasks) if form == "json" else as_markdown(grid, tasks)
        self.board.copy(text, f"the task as {form}")

    def action_ask(self) -> None:
        """Ask the club what happened."""
        self._story.begin(self.board.source.clock())
        self.run_worker(self._ask(), group="story", exclusive=True)

    async def _ask(self) -> None:
        answer = await self.board.ask_club(task_path(self.task_id))
        self._story.take(answer, self.board.look.now)
        self.draw()

    def _tasks(self) -> list[TaskSnapshot]:
        return [] if self._last is None else [self._last]


def cancel_tasks(board: Board, tasks: Sequence[TaskSnapshot]) -> None:
    """Ask whether those that are live shall be cancelled; say which cannot be."""
    acts = cancel_live(tasks)
    ended = len(tasks) - len(acts)
    if not acts:
        what = "It has ended" if ended == 1 else "They have ended"
        text = f"{what} already: nothing to cancel." if ended else "There is no task."
        board.notify(text, title="Cancel", severity="warning", timeout=3)
        return
    if ended:
        which = (
            "One has ended: it is" if ended == 1 else f"{ended} have ended: they are"
        )
        board.notify(f"{which} left out.", title="Cancel")
    board.act(acts)


def copy_ids(board: Board, tasks: Sequence[TaskSnapshot]) -> None:
    """Copy the whole ids, one a line."""
    if not tasks:
        board.notify("There is no task here.", timeout=2)
        return
    what = "the task's id" if len(tasks) == 1 else f"{len(tasks)} ids"
    board.copy("\n".join(task.id for task in tasks), what)
