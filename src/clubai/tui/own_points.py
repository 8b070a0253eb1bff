"""What an owner may know of their node's points: from the club's feed and API. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from clubai.model import NodeSnapshot
from clubai.tui.asked import ODD, UNREADABLE
from clubai.tui.picture import Picture
from clubai.tui.tables.standing import Line, line_of, merge, read_lines

DAY_S: Final = 86_400
MOST: Final = 500
"""Changes that are asked for, and kept."""


class Today(NamedTuple):
    """The sum of the changes of this UTC day."""

    points: int
    changes: int
    whole: bool
    """All of the day's changes are known."""


class OwnPoints:
    """The changes of one node, newest first, and what the club owes its owner."""

    def __init__(self) -> None:
        self.changes: list[Line] = []
        self.refused = ""
        """Why the earlier ones cannot be read; empty: they were, or will be."""
        self.loaded = False
        self.balance: dict[str, Any] | None = None
        self._complete = False

    def load(self, page: dict[str, Any] | str) -> None:
        """Take over a page of `GET /api/reputation/NODE`; text: why there is none.

        What is no such page is a refusal, too.
        """
        if isinstance(page, str):
            self.refused = page
            return
        try:
            lines = read_lines(page)
        except ODD:
            self.refused = UNREADABLE
            return
        self.refused, self.loaded = "", True
        self._complete = page.get("next") is None
        self._add(lines)

    def hear(self, picture: Picture, node: str) -> None:
        """Take over what the feed told since."""
        newest = self.changes[0].number if self.changes else -1
        heard = [
            line_of(each)
            for each in picture.changes_of(node)
            if each.change.number > newest
        ]
        if heard:
            self._add(heard)

    def today(self, now: float) -> Today:
        """What this UTC day brought."""
        midnight = now - now % DAY_S
        of_today = [change for change in self.changes if change.at >= midnight]
        whole = self.loaded and (
            self._complete or len(of_today) < len(self.changes) < MOST
        )
        return Today(sum(change.points for change in of_today), len(of_today), whole)

    def _add(self, more: Sequence[Line]) -> None:
        self.changes = merge(self.changes, more)[:MOST]


def rank(nodes: Sequence[NodeSnapshot], node: str) -> tuple[int, int]:
    """Place by points, and of how many; (0, 0): it has none.

    With the same points one has the same place.
    """
    points = {each.id: each.standing.points for each in nodes if each.standing}
    if node not in points:
        return 0, 0
    better = sum(1 for other in points.values() if other > points[node])
    return better + 1, len(points)
