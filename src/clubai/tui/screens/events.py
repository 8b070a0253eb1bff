"""What happens in the club, as it happens."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

import anyio
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from clubai.protocol.feed import ClubEvent
from clubai.tui.look import Cell, Look, clock, moment
from clubai.tui.saving import save_new
from clubai.tui.screens.base import ClubScreen
from clubai.tui.screens.event import EventScreen
from clubai.tui.tables.events import as_lines, newer
from clubai.tui.widgets.lines import Lines
from clubai.tui.widgets.table import LiveTable
from clubai.tui.widgets.tail import EventTail
from clubai.tui.words import Notice

_NO_SIGNS: Final = str.maketrans("", "", "-:")


class EventsScreen(ClubScreen):
    """What happens in the club, as it happens."""

    crumb = "Events"
    HELP = (
        "What happens in the club since this screen follows it, the last 5,000 events. "
        "The newest is followed until the cursor is moved away from it; `f` follows "
        "again. `S` turns the order, Space lets the list stand still while the club "
        "goes on, Enter opens an event. `e` writes what is shown, line by line as "
        "JSON, to a new file in the working directory."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "hold", "Hold"),
        Binding("e", "export", "Export"),
    ]
    DEFAULT_CSS = """
    #events-state { height: 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.held = False
        """The list stands still."""
        self._last: ClubEvent | None = None
        self._drawn = -1

    def body(self) -> ComposeResult:
        """A line that says whether it follows, and the table."""
        yield Lines(id="events-state")
        yield EventTail(id="events")

    def fill(self, look: Look) -> Notice | None:
        """Show the events, unless they are held."""
        picture, table = self.picture, self.query_one("#events", EventTail)
        if not picture.events:
            return Notice(
                "No events yet",
                "What happens in the club from now on is listed here: tasks, nodes, "
                "points, reviews, checks, members.",
            )
        if not self.held and picture.version != self._drawn:
            self._drawn, self._last = picture.version, picture.events[-1]
            table.put(picture.events, look)
        self._say_state(look)
        return None

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        """Open one."""
        self.board.push_screen(EventScreen(event.row))

    def on_live_table_moved(self) -> None:
        """It may follow no more, or again."""
        self._draw_frame(self.board.look)
        self._say_state(self.board.look)

    def action_hold(self) -> None:
        """Let the list stand still, or go on."""
        self.held = not self.held
        self.draw()

    def action_export(self) -> None:
        """Write what is shown to a new file."""
        rows = list(self.query_one("#events", EventTail).grid.shown)
        if not rows:
            self.notify("There is nothing to export.", timeout=2)
            return
        now = moment(self.board.look.now).translate(_NO_SIGNS).replace(" ", "-")
        name = f"clubai-events-{now}" if now else "clubai-events"
        self.run_worker(self._export(rows, name), group="export")

    async def _export(self, rows: list[ClubEvent], name: str) -> None:
        text = as_lines(rows)
        try:
            path = await anyio.to_thread.run_sync(
                save_new, Path.cwd(), name, ".jsonl", text
            )
        except OSError as error:
            self.notify(
                str(error), title="Not exported", severity="error", markup=False
            )
            return
        many = "1 event" if len(rows) == 1 else f"{len(rows)} events"
        self.notify(f"{many} in {path.name}", title="Exported", markup=False)

    def _say_state(self, look: Look) -> None:
        line = _state(self, self.query_one("#events", EventTail), look)
        fitted = look.fit(line.text, self.size.width - 2)
        self.query_one("#events-state", Lines).put([[Cell(fitted, line.tone)]])


def _state(screen: EventsScreen, table: EventTail, look: Look) -> Cell:
    if screen.held:
        new = newer(screen.picture.events, screen._last)
        return Cell(f"PAUSED, {new} new (Space: go on)", "warn")
    grid = table.events
    if grid.sort_by != "Time":
        return Cell(f"by {grid.sort_by}, not followed (f: the newest)", "muted")
    order = "first" if grid.falling else "last"
    if grid.follows or grid.row is None:
        return Cell(f"following, newest {order}", "muted")
    return Cell(
        f"newest {order}, cursor stays at {clock(grid.row.at)} (f: follow)", "accent"
    )
