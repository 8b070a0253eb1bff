"""The reviews: what was found wrong, for whoever decides about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from clubai.protocol.feed import ClubEvent
from clubai.tui.acts.standing import REVIEW_ACTS
from clubai.tui.asked import Asked
from clubai.tui.look import Look
from clubai.tui.screens.asking import AskingScreen
from clubai.tui.screens.causes import open_review
from clubai.tui.tables.reviews import ReviewRow, read_reviews, reviews_grid
from clubai.tui.widgets.table import LiveTable
from clubai.tui.words import Notice


class Listed(NamedTuple):
    """What was answered."""

    rows: Sequence[ReviewRow]
    every: bool
    """The ended ones are among them."""


class ReviewsScreen(AskingScreen):
    """The open reviews, or all."""

    crumb = "Reviews"
    HELP = """\
Open reviews: answers that somebody doubted. Enter shows the evidence side by side.

Operators and moderators end them: `u` upholds one (the answer was invalid, at full
cost), `d` dismisses it (nothing was wrong): both ask why, and the node's owner sees it.
A review of their own node moderators leave to others. `e` shows the ended ones too.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "act('uphold')", "Uphold"),
        Binding("d", "act('dismiss')", "Dismiss"),
        Binding("e", "ended", "Ended ones"),
    ]
    CSS = """
    #reviews-age {
        height: 1;
        color: $text-muted;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked = Asked(self._read)
        self.every = False
        """The ended ones are wanted, too."""
        self._asking_every = False
        self._heard: ClubEvent | None = None

    def questions(self) -> list[tuple[Asked[Any], str]]:
        """The reviews."""
        path = "/api/reviews?all=1" if self._asking_every else "/api/reviews"
        return [(self.asked, path)]

    def body(self) -> ComposeResult:
        """The table, and its age."""
        yield Static(id="reviews-age", markup=False)
        yield LiveTable[ReviewRow](reviews_grid(), id="reviews")

    def fill(self, look: Look) -> Notice | None:
        """Show them."""
        listed = self.asked.value
        if listed is None:
            title = "The reviews cannot be read" if self.asked.refused else "Loading"
            return Notice(title, self.asked.age(look))
        rows, every = listed
        if not rows:
            which = "No review was ever opened" if every else "No review is open"
            text = f"{self.asked.age(look)}. Esc goes back."
            return Notice(which, text if every else f"{text} e: the ended ones.")
        what = "all reviews" if every else "open reviews"
        age = f"{what}: {self.asked.age(look)}"
        width = max(self.size.width - 2, 1)
        self.query_one("#reviews-age", Static).update(look.fit(age, width))
        self.query_one("#reviews", LiveTable).put(rows, look)
        return None

    def tick(self) -> None:
        """Ask also when one was opened or has ended."""
        if self._last_event() is not self._heard:
            if self.is_current and not self.board.paused:
                self.ask()
        else:
            super().tick()

    def ask(self) -> None:
        """Ask now for those that are wanted; what happened is answered with it."""
        self._asking_every = self.every
        self._heard = self._last_event()
        super().ask()

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        """Show its evidence."""
        open_review(self.board, str(event.row.seq))

    def action_ended(self) -> None:
        """Show the ended ones too, or the open ones alone."""
        self.every = not self.every
        self.ask()

    def action_act(self, what: str) -> None:
        """End the marked reviews, or the one under the cursor."""
        rows = self.query_one("#reviews", LiveTable).grid.chosen if self._shown else []
        rows = [row for row in rows if row.open]
        if not rows:
            self.notify("There is no open review here.", timeout=3)
        self.board.act([REVIEW_ACTS[what](row) for row in rows])

    @property
    def _shown(self) -> bool:
        return self.asked.value is not None and bool(self.asked.value.rows)

    def _read(self, answer: dict[str, Any]) -> Listed:
        return Listed(read_reviews(answer), self._asking_every)

    def _last_event(self) -> ClubEvent | None:
        events = reversed(self.picture.events)
        return next((each for each in events if each.kind == "review"), None)
