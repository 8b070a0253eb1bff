"""A table of what happens, which follows the newest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType

from clubai.protocol.feed import ClubEvent
from clubai.tui.look import Look
from clubai.tui.tables.events import EventGrid
from clubai.tui.widgets.table import LiveTable


class EventTail(LiveTable[ClubEvent]):
    """Follows the newest event until the cursor is moved away from it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "screen.hold", "Hold", show=False),
        Binding("f", "newest", "Follow the newest", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        self.events = EventGrid()
        super().__init__(self.events, id=id)

    def put(self, rows: Iterable[ClubEvent], look: Look) -> None:
        """Show these events; the newest stays in sight while it is followed."""
        super().put(rows, look)
        if self.events.follows and not self._sees(self.events.index):
            self.scroll_to(y=self.events.index, animate=False)

    def action_newest(self) -> None:
        """Go to the newest event and follow."""
        self.events.cursor = ""
        if self.events.sort_by != "Time":
            self.events.sort("Time")
        self.events.move_to(self.events.newest)
        self._changed()
