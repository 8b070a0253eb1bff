"""One event, with all that is known of it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from clubai.protocol.feed import ClubEvent
from clubai.tui.export import as_json
from clubai.tui.look import Look, moment
from clubai.tui.plain import text
from clubai.tui.screens.base import ClubScreen
from clubai.tui.screens.causes import open_task
from clubai.tui.screens.node import NodeScreen
from clubai.tui.tables.events import node_of, words_of
from clubai.tui.words import Notice


class EventScreen(ClubScreen):
    """One event, with all that is known of it."""

    HELP = (
        "One event as the club told it. `y` copies it as JSON, `C` as a block for "
        "Markdown; Enter opens the task or the node that it is about."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open its subject", key_display="Enter"),
        Binding("y", "copy('json')", "Copy", show=False),
    ]
    DEFAULT_CSS = """
    #event-words { height: auto; text-style: bold; }
    #event-time { height: 1; color: $text-muted; }
    #event-json { height: 1fr; margin-top: 1; }
    """

    def __init__(self, event: ClubEvent) -> None:
        super().__init__()
        self.event = event
        self.crumb = f"{event.kind} {event.what}"

    def body(self) -> ComposeResult:
        """Its words, its time, its JSON."""
        event = self.event
        yield Static(text(words_of(event)), id="event-words", markup=False)
        at = f"{moment(event.at)} UTC, event {event.seq}"
        yield Static(at, id="event-time", markup=False)
        with VerticalScroll(id="event-json"):
            yield Static(text(as_json([event])), markup=False)

    def fill(self, look: Look) -> Notice | None:
        """Nothing: an event does not change."""
        return None

    def action_copy(self, form: str) -> None:
        """Copy it."""
        json = as_json([self.event])
        block = json if form == "json" else f"```json\n{json}\n```"
        self.board.copy(block, f"the event as {form}")

    def action_open(self) -> None:
        """Open the task or the node that it is about."""
        event, node = self.event, node_of(self.event)
        if event.task is not None:
            open_task(self.board, event.task.id)
        elif node:
            self.board.push_screen(NodeScreen(node))
        else:
            self.notify("There is nothing behind this event.", timeout=2)
