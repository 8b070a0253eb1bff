"""The club at a glance: counts, curves, what needs a look."""

from __future__ import annotations

from typing import Any, ClassVar, Final, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Static

from clubai.tui.cards import card_lines, cards
from clubai.tui.curves import WINDOWS
from clubai.tui.look import Cell, Look
from clubai.tui.plots import bar_lines, plot_lines, plots, side_by_side, span_words
from clubai.tui.screens.base import ClubScreen
from clubai.tui.screens.causes import open_review, open_task
from clubai.tui.screens.events import EventsScreen
from clubai.tui.screens.filtered import open_filtered
from clubai.tui.screens.model import ModelScreen
from clubai.tui.screens.node import NodeScreen
from clubai.tui.screens.nodes import NodesScreen
from clubai.tui.screens.tasks import TasksScreen
from clubai.tui.tables.alerts import Alert, alerts, alerts_grid
from clubai.tui.widgets.lines import Lines
from clubai.tui.widgets.table import LiveTable
from clubai.tui.words import Notice

_AROUND: Final = 3
"""Lines of the screen that are not the body's."""
_GAP: Final = 2
_BARS: Final = 40


class Room(NamedTuple):
    """How the body is divided, in terminal cells."""

    width: int
    cards: int
    """Lines, an empty one after them included."""
    curves: int
    """Lines of one curve, its head included."""
    space: int
    """Empty lines after the curves."""
    bars: bool
    """There is room for the first-token times."""


def room(width: int, height: int, card_lines: int) -> Room:
    """Divide a screen: alerts get what the numbers leave."""
    body = height - _AROUND
    space = 1 if body >= 18 else 0
    curves = 3 if body < 18 else 5 if body < 28 else 9
    return Room(width - 2, card_lines + space, curves, space, width >= 120)


class OverviewScreen(ClubScreen):
    """The club at a glance: counts, curves, what needs a look."""

    crumb = "Overview"
    HELP = (
        "The club at a glance: its counts, three curves, and what needs a look. "
        "`t` makes the curves go back 60 s, 10 min or 1 h; each column is the mean of "
        "its time, and `max` is what a full column is. What needs a look is listed "
        "below, the worst first; Enter opens it. Failures and first-token times are of "
        "the tasks that ended in the last ten minutes; points are those that this "
        "screen saw move."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("t", "window", "60 s/10 min/1 h")]
    DEFAULT_CSS = """
    #below { height: 1fr; }
    #alerts { width: 1fr; }
    #calm { width: 1fr; height: auto; color: $text-success; display: none; }
    #bars { width: 40; margin-left: 2; display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.window = 0
        """Which of `WINDOWS` the curves show."""
        self._room: Room | None = None
        self._drawn: tuple[Any, ...] = ()
        self._curves: list[list[Cell]] = []

    def body(self) -> ComposeResult:
        """Numbers, curves, and what needs a look."""
        yield Lines(id="cards")
        yield Lines(id="curves")
        with Horizontal(id="below"):
            yield LiveTable[Alert](alerts_grid(), id="alerts")
            yield Static("Nothing needs a look.", id="calm", markup=False)
            yield Lines(id="bars")

    def fill(self, look: Look) -> Notice | None:
        """Show the club."""
        width = self.size.width - 2
        lines = card_lines(cards(self.picture, look), width, look)
        self._divide(room(*self.size, len(lines)))
        self.query_one("#cards", Lines).put(lines)
        self.query_one("#curves", Lines).put(self._curve_lines(look))
        bars = self.query_one("#bars", Lines)
        if bars.display:
            bars.put(bar_lines(self.picture, look, _BARS))
        self._fill_alerts(look)
        return None

    def action_window(self) -> None:
        """Let the curves go back further, or begin anew."""
        self.window = (self.window + 1) % len(WINDOWS)
        self.draw()

    async def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        """Open what needs a look."""
        alert: Alert = event.row
        match alert.opens:
            case "node":
                self.board.push_screen(NodeScreen(alert.target))
            case "model":
                self.board.push_screen(ModelScreen(alert.target))
            case "nodes":
                self.board.push_screen(NodesScreen())
            case "task":
                open_task(self.board, alert.target)
            case "review":
                open_review(self.board, alert.target)
            case "tasks":
                await open_filtered(self.board, TasksScreen(), alert.target)
            case "events":
                self.board.push_screen(EventsScreen())

    def _divide(self, wanted: Room) -> None:
        if wanted == self._room:
            return
        self._room = wanted
        self.query_one("#cards").styles.height = wanted.cards
        self.query_one("#curves").styles.height = 1 + wanted.curves + wanted.space
        self.query_one("#bars").display = wanted.bars

    def _curve_lines(self, look: Look) -> list[list[Cell]]:
        """Made anew when there is a new sample, not at each redraw."""
        divided, samples = self._room, self.picture.samples
        if divided is None or not samples:
            return []
        state = (samples[-1], self.window, divided, look.ascii, int(look.now))
        if state != self._drawn:
            self._drawn = state
            window, width = WINDOWS[self.window], (divided.width - 2 * _GAP) // 3
            blocks = [
                plot_lines(plot, width, divided.curves, look)
                for plot in plots(self.picture, look, window, width)
            ]
            words = look.fit(span_words(self.picture, look, window), divided.width)
            self._curves = [[Cell(words)], *side_by_side(blocks, width, _GAP)]
        return self._curves

    def _fill_alerts(self, look: Look) -> None:
        found = alerts(self.picture, look, self.board.source.clock())
        table = self.query_one("#alerts", LiveTable)
        if table.display != bool(found):
            table.display = bool(found)
            self.query_one("#calm").display = not found
        table.put(found, look)
        if found and self.focused is None:
            table.focus()
