"""What every screen stands on: the club's picture, and the ways to act on it.

The board follows one source, redraws the screen that is seen a few times a second, and
asks before anything is done. It knows no screens: `app` puts them on it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any, ClassVar, Final, Protocol, cast, runtime_checkable

from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.worker import WorkType

from clubai.errors import AuthenticationError, ClubAIError
from clubai.model import Mode
from clubai.tui import plain
from clubai.tui.acts.act import Act
from clubai.tui.asking import Asking
from clubai.tui.conversation import Conversation
from clubai.tui.look import Look
from clubai.tui.picture import Picture
from clubai.tui.recording import Replay
from clubai.tui.signs import AsciiSigns, NothingToObey
from clubai.tui.source import Source
from clubai.tui.themes import DEFAULT_THEME, THEMES, check_theme
from clubai.tui.widgets.confirm import Confirm
from clubai.tui.widgets.keys import KeysScreen
from clubai.tui.widgets.modal import Palette
from clubai.tui.widgets.once import Once

RATES: Final = (1.0, 2.0, 4.0)
"""Redraws a second, by `+` and `-`."""
SPEEDS: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 60.0)
"""Of a replay, by `[` and `]`."""
MOST_TITLE: Final = 100
SWITCH_S: Final = 0.01
_LOGIN: Final = "Log in with `clubai login`, or give a key with --api-key."


@runtime_checkable
class Drawn(Protocol):
    """A screen that shows the club."""

    def draw(self) -> None:
        """Show what the board's picture is now."""


class Board(App[None]):
    """An application that shows one club."""

    CSS_PATH = "club.tcss"
    TITLE = "ClubAI"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("colon", "command_palette", "Commands", key_display=":"),
        Binding("question_mark,f1", "keys", "Keys", key_display="?"),
        Binding("P", "pause", "Pause"),
        Binding("plus", "rate(1)", "Redraw more often", show=False),
        Binding("minus", "rate(-1)", "Redraw less often", show=False),
        Binding("right_square_bracket", "speed(1)", "Replay faster", show=False),
        Binding("left_square_bracket", "speed(-1)", "Replay slower", show=False),
        Binding("R", "follow_again", "Reconnect", show=False),
    ]

    class Acted(Message):
        """Something was done, or tried: what a screen asked may be another now."""

    def __init__(
        self,
        source: Source,
        *,
        readonly: bool = False,
        ascii: bool = False,
        theme: str = "",
        asking: Asking | None = None,
    ) -> None:
        """Prepare to show a club; `theme`: TEXTUAL_THEME, or the club's own dark one.

        Raises:
            ConfigError: there is no such theme.
        """
        super().__init__()
        for own in THEMES:
            self.register_theme(own)
        chosen = theme or os.environ.get("TEXTUAL_THEME") or DEFAULT_THEME
        self.theme = check_theme(chosen, self.available_themes)
        self.source = source
        self.readonly = readonly
        """Nothing can be done, only looked at."""
        self.picture = Picture()
        self.paused = False
        """What is seen stands still; the picture goes on."""
        self.hz = 2.0
        self.conversation = Conversation()
        """What was asked from here."""
        self.wanted_model = ""
        """The model that the playground shall ask next; empty: the one it has."""
        self.wanted_mode: Mode | None = None
        """How it shall divide the next question; None: as it does."""
        self.asking = asking or Asking()
        """How the playground asks."""
        self._ascii = ascii
        self._drawn: tuple[int, int, str] | None = None
        self._confirming = False
        self._timer: Timer | None = None

    @property
    def tab_names(self) -> Sequence[str]:
        """The screens behind the number keys, in their order."""
        return ()

    @property
    def tab(self) -> str:
        """The one of them on which the person is."""
        return self.current_mode

    @property
    def look(self) -> Look:
        """By what values are written now."""
        return Look(now=self.picture.now(self.source.clock()), ascii=self._ascii)

    @property
    def can_act(self) -> bool:
        """Something can be done to the club from here."""
        return not self.readonly and self.source.mode != "replay"

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's, and ours for what a terminal must not be given."""
        own: list[LineFilter] = [NothingToObey()]
        if self._ascii:
            own.append(AsciiSigns())
        return [*super().get_line_filters(), *own]

    def marks(self) -> str:
        """What is special about what is seen, in capitals; empty: nothing."""
        words = []
        if getattr(self.source, "broken", ""):
            words.append("NOT RECORDED")
        if isinstance(self.source, Replay):
            words.append(f"x{self.source.speed:g}")
            if self.source.ended:
                words.append("END")
        if self.paused:
            words.append("PAUSED")
        if self.readonly:
            words.append("READ-ONLY")
        return " ".join(words)

    def on_mount(self) -> None:
        """Begin to follow."""
        self.set_class(self._ascii, "-ascii")
        self.follow()
        self._start_timer()

    def follow(self, source: Source | None = None) -> None:
        """Follow the source, or another one, from its beginning."""
        if source is not None:
            self.source = source
        if source is not None or isinstance(self.source, Replay):
            self.picture = Picture()
        self.picture.begin_again()
        work: WorkType[None] = self._follow
        self.run_worker(work, group="feed", exclusive=True)

    async def _follow(self) -> None:
        picture, source = self.picture, self.source
        try:
            async with aclosing(source.items()) as items:
                async for item in items:
                    picture.take(item, source.clock())
        except AuthenticationError as error:
            picture.refuse(f"{error}. {_LOGIN}")
        except ClubAIError as error:
            picture.refuse(str(error))

    def flush(self, *, force: bool = False) -> None:
        """Redraw the screen when there is something new, and once a second for ages."""
        if self.paused and not force:
            return
        new = (self.picture.version, int(self.source.clock()), self.marks())
        if not force and new == self._drawn:
            return
        self._drawn = new
        for screen in reversed(self.screen_stack):  # also what is behind a question
            if isinstance(screen, Drawn):
                screen.draw()
                break

    def act(self, acts: Sequence[Act]) -> None:
        """Ask once, and do all of it; the screen that is seen now is told `Acted`."""
        if acts and self.can_act and not self._confirming:
            self._confirming = True
            self.run_worker(self._act(acts, self.screen), group="acts")

    async def _act(self, acts: Sequence[Act], wanting: Screen[Any]) -> None:
        confirm = Confirm(acts)
        try:
            typed = await self.push_screen_wait(confirm)
        finally:
            self._confirming = False
        if typed is None:
            return
        for act in acts:
            doing = act.with_reason(typed).with_fields(confirm.read)
            try:
                answer = await self.source.call(doing.method, doing.path, doing.body)
            except ClubAIError as error:
                self._say(f"Not done: {act.title}", str(error), error=True)
            else:
                self._say(act.title, act.done or "Done.")
                if act.shows:
                    secret = str(answer.get(act.shows, ""))
                    await self.push_screen_wait(Once(act.title, secret))
        wanting.post_message(self.Acted())
        self.flush(force=True)

    def _say(self, title: str, text: str, *, error: bool = False) -> None:
        self.notify(
            plain.text(text),
            title=plain.name(title, MOST_TITLE),
            severity="error" if error else "information",
            markup=False,
        )

    async def ask_club(self, path: str) -> dict[str, Any] | str:
        """Read something of the club's API; text: why it cannot be read."""
        try:
            return await self.source.call("GET", path)
        except ClubAIError as error:
            return plain.text(str(error))

    def copy(self, text: str, what: str) -> None:
        """Put a text on the clipboard of the terminal."""
        self.copy_to_clipboard(text)
        self.notify(f"Copied {what}.", markup=False)

    def delay_update(self, delay: float = SWITCH_S) -> None:
        """Draw nothing for a moment, while screens change places.

        Textual waits 50 ms; screens that are there already need far less.
        """
        super().delay_update(min(delay, SWITCH_S))

    def action_pause(self) -> None:
        """Let what is seen stand still, or go on; a replay itself stands still."""
        self.paused = not self.paused
        if isinstance(self.source, Replay):
            self.source.pause(self.paused)
        self.flush(force=True)

    def action_rate(self, step: int) -> None:
        """Redraw more or less often."""
        self.hz = _next(RATES, self.hz, step)
        self._start_timer()
        self.notify(f"{self.hz:g} redraws a second", timeout=2)

    def action_speed(self, step: int) -> None:
        """Replay faster or slower."""
        if not isinstance(self.source, Replay):
            self.notify("Only a replay has a speed.", timeout=2)
            return
        self.source.set_speed(_next(SPEEDS, self.source.speed, step))
        self.flush(force=True)

    def action_follow_again(self) -> None:
        """Connect now, instead of when it is time; a replay begins again."""
        if self.picture.connected and not isinstance(self.source, Replay):
            self.notify("It is connected.", timeout=2)
            return
        self.follow()
        self.flush(force=True)

    def action_command_palette(self) -> None:
        """Show what can be typed after `:`."""
        if self.use_command_palette and not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    def action_keys(self) -> None:
        """Show what the keys do."""
        if not isinstance(self.screen, KeysScreen):
            self.push_screen(KeysScreen(self.screen))

    def _start_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_interval(1 / self.hz, self.flush)


def board_of(screen: Screen[Any]) -> Board:
    """The board on which a screen stands."""
    return cast(Board, screen.app)


def _next(steps: tuple[float, ...], now: float, step: int) -> float:
    near = min(range(len(steps)), key=lambda index: abs(steps[index] - now))
    return steps[min(max(near + step, 0), len(steps) - 1)]
