"""One assignment: while it runs, and after it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from clubai.tui.look import Look
from clubai.tui.screens.owner_base import STYLES, OwnerPage
from clubai.tui.tables.lanes import TASK_WIDTH, ended_lines, lane_lines, work_key
from clubai.tui.words import Notice

if TYPE_CHECKING:
    from clubai.agent.view import AgentSnapshot

LABEL = 12


class LaneScreen(OwnerPage):
    """All that is known of one assignment; it goes on from its slot to its end."""

    HELP = "One task, as this node has it: never what was asked or answered."

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key
        """As `work_key` gives it."""
        self.crumb = key[:TASK_WIDTH]

    def body(self) -> ComposeResult:
        """Labels and texts."""
        yield Static(id="lane-facts", markup=False)

    def show(self, agent: AgentSnapshot, look: Look) -> Notice | None:
        """Show it as long as it is remembered."""
        running = (lane for lane in agent.lanes if work_key(lane) == self.key)
        ended = (work for work in agent.recent if work_key(work) == self.key)
        lines = next((lane_lines(lane, look) for lane in running), None)
        if lines is None:
            lines = next((ended_lines(work, look) for work in ended), None)
        if lines is None:
            text = "Only the last hundred are remembered. Esc goes back."
            return Notice("It is gone", text)
        pieces: list[tuple[str, str]] = []
        for label, cell in lines:
            text = look.fit(cell.text, max(self.size.width - LABEL - 3, 10))
            pieces.append((f"{label:<{LABEL}}", "$text-muted"))
            pieces.append((f"{text}\n", STYLES.get(cell.tone, "")))
        self.query_one("#lane-facts", Static).update(Content.assemble(*pieces))
        return None
