"""One model: who has it, and what was asked of it lately."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from clubai.model import NodeSnapshot, TaskSnapshot
from clubai.tui.look import Cell, Look, count, duration, rate
from clubai.tui.screens.base import ClubScreen
from clubai.tui.screens.causes import open_task
from clubai.tui.screens.filtered import ask_model
from clubai.tui.screens.node import NodeScreen
from clubai.tui.tables.models import (
    ModelRow,
    model_rows,
    nodes_with,
    tasks_of,
)
from clubai.tui.tables.nodes import first_tokens_of, nodes_grid
from clubai.tui.tables.tasks import tasks_grid
from clubai.tui.widgets.lines import Lines
from clubai.tui.widgets.table import LiveTable
from clubai.tui.words import Notice


class ModelScreen(ClubScreen):
    """One model: who has it, and what was asked of it lately."""

    HELP = (
        "One model: above the nodes that offer it, below the tasks that asked for it, "
        "the last first. Tab goes from one to the other, Enter opens a node or a task; "
        "`p` asks it in the Playground."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("p", "ask", "Ask it")]
    DEFAULT_CSS = """
    #model-facts, .model-title { height: 1; }
    """

    def __init__(self, model: str) -> None:
        super().__init__()
        self.model = model
        self.crumb = model
        self._first_tokens: dict[str, float] = {}

    def body(self) -> ComposeResult:
        """Its facts and two tables."""
        yield Lines(id="model-facts")
        yield LiveTable[NodeSnapshot](nodes_grid(self._first_tokens), id="model-nodes")
        yield Lines(id="model-asked").add_class("model-title")
        asked = tasks_grid(without="Model", sort="Age")
        yield LiveTable[TaskSnapshot](asked, id="model-tasks")

    def fill(self, look: Look) -> Notice | None:
        """Show it."""
        picture = self.picture
        row = next(
            (each for each in model_rows(picture, look.now) if each.name == self.model),
            None,
        )
        nodes, tasks = nodes_with(picture, self.model), tasks_of(picture, self.model)
        if row is None and not nodes and not tasks:
            return Notice("The model is gone", "No node offers it. Esc goes back.")
        self._first_tokens.clear()
        self._first_tokens |= first_tokens_of(picture.mirror.ended.values(), look.now)
        width = self.size.width - 2
        facts = look.fit(_facts(row, look), width)
        self.query_one("#model-facts", Lines).put([[Cell(facts)]])
        self.query_one("#model-nodes", LiveTable).put(nodes, look)
        asked = look.fit(_asked(row, len(tasks), look), width)
        self.query_one("#model-asked", Lines).put([[Cell(asked)]])
        self.query_one("#model-tasks", LiveTable).put(tasks, look)
        return None

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        """Open the node or the task."""
        if event.table.id == "model-nodes":
            self.board.push_screen(NodeScreen(event.row.id))
        else:
            open_task(self.board, event.row.id)

    def action_ask(self) -> None:
        """Go to the Playground with it."""
        ask_model(self.board, self.model)


def _facts(row: ModelRow | None, look: Look) -> str:
    if row is None or not row.nodes:
        return "no node that is up has it"
    context = f"{row.context} tokens of context" if row.context else "context unknown"
    return look.rule.join(
        (
            f"{row.nodes} up, {row.warm} warm",
            f"{row.slots_free} of {row.slots} slots free",
            context,
            ", ".join(row.kinds),
        )
    )


def _asked(row: ModelRow | None, remembered: int, look: Look) -> str:
    if row is None:
        return f"{remembered} tasks remembered"
    return look.rule.join(
        (
            f"{count(row.requests)} tasks in 10 min, {row.waiting} waiting",
            f"1st token p95 {duration(row.first_token_ms)}",
            f"{rate(row.tokens_per_second)} tok/s measured",
        )
    )
