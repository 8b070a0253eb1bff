"""What all screens have: a head, a path, what is wrong, a filter, the keys."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from clubai.tui import plain
from clubai.tui.acts.roles import may_do
from clubai.tui.board import Board, board_of
from clubai.tui.export import as_json, as_markdown
from clubai.tui.look import Look
from clubai.tui.picture import Picture
from clubai.tui.widgets.footing import Footing
from clubai.tui.widgets.table import LiveTable
from clubai.tui.widgets.views import ViewLine
from clubai.tui.words import Notice, banner, status, waiting

LEAST_WIDTH = 60
LEAST_HEIGHT = 15
_STYLES: Final = {
    "accent": "bold $text-accent",
    "good": "$text-success",
    "warn": "$text-warning",
    "bad": "bold $text-error",
    "muted": "$text-muted",
}
"""Of the tones, in the head line."""


class ClubScreen(Screen[None]):
    """A screen that shows something of the club.

    Subclasses say what is in the body (`body`), and fill it (`fill`) whenever the
    picture is new. What `fill` gives is shown in place of the body: that it is empty,
    or that whoever looks may not see it.
    """

    AUTO_FOCUS = "#body *"
    crumb = ""
    """Its place in the path at the top."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", show=False),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("c", "copy('json')", "Copy"),
        Binding("C", "copy('markdown')", "Copy as Markdown", show=False),
    ]

    _allowed: tuple[str, bool] | None = None
    """By what the keys in the footer were chosen."""

    @property
    def board(self) -> Board:
        """What it stands on."""
        return board_of(self)

    @property
    def picture(self) -> Picture:
        """The club."""
        return self.board.picture

    def compose(self) -> ComposeResult:
        """The frame, and the body in it."""
        yield Static(id="status", markup=False)
        if len(self.board.tab_names) > 1:
            yield ViewLine(self.board.tab_names, self.board.tab)
        yield Static(id="crumbs", markup=False)
        yield Static(id="banner", markup=False)
        with Vertical(id="body"):
            yield from self.body()
        yield Static(id="notice", markup=False)
        line = Input(
            placeholder="regex, !inverse, -f fuzzy, -l name=value", id="filter"
        )
        line.display = False
        yield line
        yield Footing()

    def body(self) -> ComposeResult:
        """What is in it."""
        raise NotImplementedError

    def fill(self, look: Look) -> Notice | None:
        """Show the picture in the body; or what to show in its place."""
        raise NotImplementedError

    def on_screen_resume(self) -> None:
        """Show what became of the club in between."""
        self.board.flush(force=True)

    def on_resize(self) -> None:
        """Another size has room for other things."""
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """Show what the board's picture is now."""
        if not self.is_mounted:
            return
        board, picture, look = self.board, self.board.picture, self.board.look
        size = self.size
        small = size.width < LEAST_WIDTH or size.height < LEAST_HEIGHT
        notice = waiting(picture, board.source.mode, board.source.url)
        if notice is None:
            notice = too_small(picture) if small else self.fill(look)
        body, instead = self.query_one("#body"), self.query_one("#notice", Static)
        body.display, instead.display = notice is None, notice is not None
        if notice is not None:
            text = plain.text(f"\n\n{notice.text}")
            instead.update(Text(plain.text(notice.title), "bold").append(text))
        body.set_class(not picture.connected, "-stale")
        allowed = (picture.role, board.can_act)
        if allowed != self._allowed:
            self._allowed = allowed
            self.refresh_bindings()
        self._draw_frame(look)

    def crumbs(self) -> list[str]:
        """The path to here."""
        stack = self.board.screen_stack
        return [screen.crumb for screen in stack if isinstance(screen, ClubScreen)]

    def table(self) -> LiveTable[Any] | None:
        """The table that keys are for: the one that has the focus, or the first."""
        focused = self.focused
        if isinstance(focused, LiveTable):
            return focused
        return next((table for table in self.query(LiveTable) if table.display), None)

    def action_back(self) -> None:
        """Take the filter away, or go back to where one came from."""
        line, table = self.query_one("#filter", Input), self._filtered
        if line.display or (table is not None and table.grid.filter):
            line.value = ""
            self._close_filter()
        elif isinstance(self.focused, Input):
            self.set_focus(table)
        elif len(self.board.screen_stack) > 1:
            self.board.pop_screen()

    def action_filter(self) -> None:
        """Type a filter."""
        line = self.query_one("#filter", Input)
        if self.table() is None:
            return
        line.display = True
        line.focus()

    def filter_by(self, typed: str) -> None:
        """Filter the table as if this had been typed."""
        self.query_one("#filter", Input).value = typed
        self._close_filter()

    def on_input_changed(self, event: Input.Changed) -> None:
        """The filter counts while it is typed."""
        table = self._filtered
        if event.input.id == "filter" and table is not None:
            table.set_filter(event.value)
            self._draw_frame(self.board.look)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter keeps the filter."""
        if event.input.id == "filter":
            self._close_filter()

    def on_live_table_moved(self) -> None:
        """The order or the marks may be other ones: the path says them."""
        self._draw_frame(self.board.look)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that act are not there where nothing can be done."""
        if action == "filter":
            return self.is_mounted and self.table() is not None
        if action == "act":
            return self.board.can_act and self.may_act(str(parameters[0]))
        return True

    def may_act(self, what: str) -> bool:
        """Whether the key of an act is there for whoever looks."""
        return may_do(self.picture.role, what)

    def action_copy(self, form: str) -> None:
        """Copy the marked rows, or the one under the cursor."""
        table = self.table()
        rows = table.grid.chosen if table is not None else []
        if table is None or not rows:
            self.notify("There is nothing to copy here.", timeout=2)
            return
        texts = as_json(rows) if form == "json" else as_markdown(table.grid, rows)
        noun = "row" if len(rows) == 1 else "rows"
        self.board.copy(texts, f"{len(rows)} {noun} as {form}")

    @property
    def _filtered(self) -> LiveTable[Any] | None:
        return next((table for table in self.query(LiveTable) if table.display), None)

    def _close_filter(self) -> None:
        line, table = self.query_one("#filter", Input), self._filtered
        line.display = False
        if table is not None:
            table.set_filter(line.value)
            table.focus()
        self._draw_frame(self.board.look)

    def _draw_frame(self, look: Look) -> None:
        board, picture = self.board, self.picture
        here = board.source.clock()
        parts = status(
            picture,
            board.source.mode,
            board.source.url,
            look,
            marks=board.marks(),
            width=self.size.width - 2,
        )
        status_line = self.query_one("#status", Static)
        status_line.update(_line(parts, look), layout=False)  # always one line
        self.query_one("#crumbs", Static).update(self._path(look), layout=False)
        text = banner(picture, here)
        warning = self.query_one("#banner", Static)
        warning.display = bool(text)
        if text:
            warning.update(Text(text))

    def _path(self, look: Look) -> Text:
        path = Text(" > ".join(look.fit(crumb, 40) for crumb in self.crumbs()), "bold")
        table = self._filtered
        if table is None or not self.query_one("#body").display:
            return path
        grid = table.grid
        path.append(f"  {len(grid.shown)}", style="not bold")
        if len(grid.shown) != grid.total:
            path.append(f" of {grid.total}", style="not bold")
        if grid.filter:
            path.append(f"  /{look.fit(grid.filter, 30)}", style="not bold italic")
        if grid.marked:
            path.append(f"  {len(grid.marked)} marked", style="not bold")
        return path


def too_small(picture: Picture) -> Notice:
    """What fits a very small terminal."""
    stats = picture.stats
    if stats is None:
        return Notice("", "")
    slots = f"slots {stats.slots_used}/{stats.slots}"
    lines = (
        f"nodes {stats.nodes_alive}/{stats.nodes_known}, {slots}",
        f"queue {stats.tasks_queued}, running {stats.tasks_running}",
        f"done {stats.tasks_done}, failed {stats.tasks_failed}",
        f"({LEAST_WIDTH}x{LEAST_HEIGHT} shows more)",
    )
    return Notice("ClubAI", "\n".join(lines))


def _line(parts: list[tuple[str, str]], look: Look) -> Content:
    pieces: list[tuple[str, str]] = []
    for text, tone in parts:
        if pieces:
            pieces.append((look.rule, "$text-muted"))
        pieces.append((look.fit(text, 60), _STYLES.get(tone, "")))
    return Content.assemble(*pieces)
