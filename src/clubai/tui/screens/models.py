"""The models that the club offers."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from clubai.tui.look import Look
from clubai.tui.screens.base import ClubScreen
from clubai.tui.screens.model import ModelScreen
from clubai.tui.tables.models import ModelRow, model_rows, models_grid
from clubai.tui.widgets.table import LiveTable
from clubai.tui.words import Notice


class ModelsScreen(ClubScreen):
    """The models that the club offers."""

    crumb = "Models"
    HELP = (
        "The models that nodes offer, and those that tasks wait for. Enter shows who "
        "has one and what was asked of it; `p` asks it in the Playground."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("p", "ask", "Ask it")]

    def body(self) -> ComposeResult:
        """The table."""
        yield LiveTable[ModelRow](models_grid(), id="models")

    def fill(self, look: Look) -> Notice | None:
        """Show the models."""
        rows = model_rows(self.picture, look.now)
        if not rows:
            return Notice(
                "No models yet",
                "A model is here as soon as a node that is up offers it. Nodes offer "
                "what their model server has loaded, or can load.",
            )
        self.query_one("#models", LiveTable).put(rows, look)
        return None

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        """Open one."""
        self.board.push_screen(ModelScreen(event.row.name))

    def action_ask(self) -> None:
        """Go to the Playground with the model under the cursor."""
        row: ModelRow | None = self.query_one("#models", LiveTable).grid.row
        if row is not None:
            self.board.ask_model(row.name)
