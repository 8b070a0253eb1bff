"""The reviews: what was found wrong, for whoever decides about it."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from clubai.tui.acts.standing import REVIEW_ACTS
from clubai.tui.asked import Asked
from clubai.tui.look import Look
from clubai.tui.screens.asking import AskingScreen
from clubai.tui.screens.causes import open_review
from clubai.tui.tables.reviews import ReviewRow, read_reviews, reviews_grid
from clubai.tui.widgets.table import LiveTable
from clubai.tui.words import Notice


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
        self.asked = Asked(read_reviews)
        self.every = False

    def questions(self) -> list[tuple[Asked[Any], str]]:
        """The reviews."""
        return [(self.asked, "/api/reviews?all=1" if self.every else "/api/reviews")]

    def body(self) -> ComposeResult:
        """The table, and its age."""
        yield Static(id="reviews-age", markup=False)
        yield LiveTable[ReviewRow](reviews_grid(), id="reviews")

    def fill(self, look: Look) -> Notice | None:
        """Show them."""
        rows = self.asked.value
        if rows is None:
            title = "The reviews cannot be read" if self.asked.refused else "Loading"
            return Notice(title, self.asked.age(look))
        if not rows:
            which = "No review was ever opened" if self.every else "No review is open"
            text = f"{self.asked.age(look)}. Esc goes back."
            return Notice(which, text if self.every else f"{text} e: the ended ones.")
        what = "all reviews" if self.every else "open reviews"
        age = f"{what}: {self.asked.age(look)}"
        width = max(self.size.width - 2, 1)
        self.query_one("#reviews-age", Static).update(look.fit(age, width))
        self.query_one("#reviews", LiveTable).put(rows, look)
        return None

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
        return bool(self.asked.value)
