"""A screen that asks the club's API for what the feed does not say."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.worker import WorkType

from clubai.tui.asked import Asked
from clubai.tui.screens.base import ClubScreen

TICK_S = 1.0


class UnboundAskingScreen(ClubScreen):
    """Asks when it is shown, after something was done, and in between.

    And when the club is there again: what was asked without it was not answered. The
    key for it is bound by a subclass: its place among the others is seen.
    """

    again_s = 0.0
    """So often it asks by itself while it is seen, in seconds; 0: never."""
    _asked_since = 0.0
    """Since when the feed was there when it asked last; 0: it was not."""

    def questions(self) -> list[tuple[Asked[Any], str]]:
        """What is asked: where the answer goes, and the path; none: not now.

        One may be added when another is answered: it is asked after it.
        """
        raise NotImplementedError

    def on_mount(self) -> None:
        """Look each second whether it is time to ask."""
        self.set_interval(TICK_S, self.tick)

    def on_screen_resume(self) -> None:
        """Ask when it is shown."""
        self.ask()

    def on_board_acted(self) -> None:
        """Something is another now."""
        self.ask()

    def tick(self) -> None:
        """Ask when it is time, and somebody looks."""
        if not self.is_current or self.board.paused:
            return
        here = self.board.source.clock()
        due = [
            asked.due(here, self.again_s)
            for asked, _ in self.questions()
            if self.again_s or not asked.tried_at
        ]
        if any(due) or self._feed_since() not in (0.0, self._asked_since):
            self.ask()

    def ask(self) -> None:
        """Ask all of it now."""
        if self.picture.stats is None:
            return  # whoever asks is not known yet
        self._asked_since = self._feed_since()
        work: WorkType[None] = self._ask
        self.run_worker(work, group="asking", exclusive=True)

    async def _ask(self) -> None:
        board = self.board
        done: list[Asked[Any]] = []
        while left := [each for each in self.questions() if each[0] not in done]:
            asked, path = left[0]
            done.append(asked)
            asked.begin(board.source.clock())
            try:
                answer = await board.ask_club(path)
            finally:
                asked.asking = False
            asked.take(answer, board.look.now)
            if self.is_current:
                self.draw()

    def _feed_since(self) -> float:
        state = self.picture.state
        return state.since if self.picture.connected and state is not None else 0.0

    def action_ask_again(self) -> None:
        """Ask now."""
        self.ask()


class AskingScreen(UnboundAskingScreen):
    """The same on `r`, before all keys of its own."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "ask_again", "Ask again")]
