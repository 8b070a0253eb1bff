"""One member: what they use, their keys, nodes and tasks."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import quote

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from clubai.model import TaskSnapshot
from clubai.tui.acts.members import revoke
from clubai.tui.acts.roles import may_see
from clubai.tui.asked import Asked
from clubai.tui.look import Look
from clubai.tui.screens.asking import AskingScreen
from clubai.tui.screens.causes import open_task
from clubai.tui.tables.members import (
    KeyRow,
    MemberRow,
    keys_grid,
    nodes_line,
    read_days,
    read_keys,
    tasks_of,
    usage_lines,
)
from clubai.tui.tables.tasks import tasks_grid
from clubai.tui.widgets.table import LiveTable
from clubai.tui.words import Notice

DAYS = 30


class MemberScreen(AskingScreen):
    """One member."""

    HELP = """\
One member: tokens by day, keys, nodes, and the tasks that are remembered. Of another
member, operators alone see more than the nodes. Tab goes from the keys to the tasks and
back.

`x` revokes the key under the cursor. Enter opens the task under the cursor.
"""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("x", "act('revoke')", "Revoke")]
    CSS = """
    #member-usage, #member-nodes {
        height: auto;
    }
    #member-nodes {
        max-height: 3;
    }
    #member-keys-age, #member-tasks-head {
        height: 1;
        color: $text-muted;
    }
    """

    def __init__(self, member: MemberRow) -> None:
        super().__init__()
        self.member = member
        self.crumb = member.name
        self.usage = Asked(read_days)
        self.keys = Asked(read_keys)
        self._had_keys = False

    def questions(self) -> list[tuple[Asked[Any], str]]:
        """Use and keys."""
        member = quote(self.member.id, safe="")
        return [
            (self.usage, f"/api/members/{member}/usage?days={DAYS}"),
            (self.keys, f"/api/keys?member={member}"),
        ]

    def body(self) -> ComposeResult:
        """Use above, keys and tasks below."""
        yield Static(id="member-usage", markup=False)
        yield Static(id="member-nodes", markup=False)
        yield Static(id="member-keys-age", markup=False)
        yield LiveTable[KeyRow](keys_grid(), id="member-keys")
        yield Static(id="member-tasks-head", markup=False)
        asked = tasks_grid(without="Member", sort="Age")
        yield LiveTable[TaskSnapshot](asked, id="member-tasks")

    def fill(self, look: Look) -> Notice | None:
        """Show them."""
        picture, width = self.picture, max(self.size.width - 2, 1)
        owner = (self.member.name, self.member.id)
        nodes = nodes_line(picture.mirror.nodes.values(), owner, look)
        tasks = tasks_of(picture.tasks, self.member.id)
        keys = f"Keys, {self.keys.age(look)}"
        if self.keys.at and not self.keys.value:
            keys += ": none"
        texts = {
            "#member-usage": self._usage(look, width),
            "#member-nodes": nodes,
            "#member-keys-age": look.fit(keys, width),
            "#member-tasks-head": look.fit(self._tasks_head(len(tasks)), width),
        }
        for place, text in texts.items():
            self.query_one(place, Static).update(text)
        self.query_one("#member-keys", LiveTable).put(self.keys.value or (), look)
        if self._had_keys != bool(self.keys.value):
            self._had_keys = bool(self.keys.value)
            self.refresh_bindings()
        self.query_one("#member-tasks", LiveTable).put(tasks, look)
        return None

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        """Open a task."""
        if isinstance(event.row, TaskSnapshot):
            open_task(self.board, event.row.id)

    def may_act(self, what: str) -> bool:
        """Whose keys are shown, to them they may be revoked."""
        return super().may_act(what) and bool(self.keys.value)

    def action_act(self, what: str) -> None:
        """Revoke the key under the cursor."""
        grid = self.query_one("#member-keys", LiveTable).grid
        keys = [key for key in grid.chosen if key.revoked_at is None]
        if not keys:
            self.notify("There is no key here that is good.", timeout=3)
        self.board.act([revoke(key) for key in keys])

    def _tasks_head(self, told: int) -> str:
        if not told and not may_see(self.picture.role, "tasks"):
            return "No task is told: operators alone see those of others"
        return f"Tasks that are remembered: {told}"

    def _usage(self, look: Look, width: int) -> str:
        if self.usage.value is None:
            return look.fit(f"Use: {self.usage.age(look)}", width)
        lines = usage_lines(self.usage.value, look, width)
        if self.usage.refused:
            lines.append(look.fit(self.usage.age(look), width))
        return "\n".join(lines)
