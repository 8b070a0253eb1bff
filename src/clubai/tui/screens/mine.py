"""What one asked, and what is left of one's quota."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import quote

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from clubai.model import TaskSnapshot
from clubai.tui.acts.roles import may_see
from clubai.tui.asked import Asked
from clubai.tui.look import Look
from clubai.tui.screens.asking import UnboundAskingScreen
from clubai.tui.screens.exchange import ExchangeScreen
from clubai.tui.screens.task import TaskScreen, cancel_tasks, copy_ids
from clubai.tui.tables.tasks import tasks_grid
from clubai.tui.use import USE_DAYS, read_balance, read_days, read_me, use_lines
from clubai.tui.widgets.page import Lines
from clubai.tui.widgets.table import LiveTable
from clubai.tui.words import Notice


class MineScreen(UnboundAskingScreen):
    """One's own tasks, what one used, and how the club is."""

    crumb = "My tasks"
    again_s = 60.0
    HELP = """
    # My tasks

    Who you are to the club, what your key allows, what you used in 30 days, and how the
    club is; under it your tasks, the live ones first. A member's feed tells of one's
    own tasks alone.

    **Enter** opens one: a question that was asked in this playground with its answer,
    any other as the club knows it, without what was asked. **x** cancels the marked
    ones, **i** copies their ids, **r** asks the club again what was used.
    """
    DEFAULT_CSS = """
    #mine-use {
        height: auto;
        margin-bottom: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "act('cancel')", "Cancel"),
        Binding("i", "copy_ids", "Copy id"),
        Binding("r", "ask_again", "Ask again"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._me = Asked(read_me)
        self._used = Asked(read_days)
        self._balance = Asked(read_balance)

    def body(self) -> ComposeResult:
        """What was used, and the tasks."""
        yield Lines(id="mine-use")
        yield LiveTable[TaskSnapshot](tasks_grid(), id="mine")

    def questions(self) -> list[tuple[Asked[Any], str]]:
        """Who one is, what one has, and, once that is known, what one used."""
        asked: list[tuple[Asked[Any], str]] = [
            (self._me, "/api/me"),
        ]
        if self._me.value is not None:
            member = quote(self._me.value.id, safe="")
            asked.append((self._used, f"/api/members/{member}/usage?days={USE_DAYS}"))
        return [*asked, (self._balance, "/api/balance")]

    def on_mount(self) -> None:
        """Begin in the table."""
        self.query_one("#mine").focus()

    def fill(self, look: Look) -> Notice | None:
        """Show one's tasks: of an operator's feed only their own, once it is known."""
        lines = use_lines(self._me, self._used, self._balance, self.picture, look)
        self.query_one("#mine-use", Lines).put(lines)
        self.query_one("#mine", LiveTable).put(self._tasks(), look)
        return None

    def _tasks(self) -> list[TaskSnapshot]:
        me, tasks = self._me.value, self.picture.tasks
        if me is None:
            return [] if may_see(self.picture.role, "tasks") else tasks
        return [task for task in tasks if not task.member or task.member == me.id]

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        """Open one: with its answer, if it was asked here."""
        exchange = self.board.conversation.of_task(event.row.id)
        if exchange is not None:
            self.board.push_screen(ExchangeScreen(exchange))
        else:
            self.board.push_screen(TaskScreen(event.row.id))

    def action_act(self, _what: str) -> None:
        """Cancel the marked tasks, or the one under the cursor."""
        cancel_tasks(self.board, self._chosen())

    def action_copy_ids(self) -> None:
        """Copy the ids of the marked tasks, or of the one under the cursor."""
        copy_ids(self.board, self._chosen())

    def _chosen(self) -> list[TaskSnapshot]:
        return self.query_one("#mine", LiveTable).grid.chosen
