"""What an owner may know of their node's points: from the club's feed and API. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from clubai.model import NodeSnapshot, Value
from clubai.tui.picture import Picture

DAY_S: Final = 86_400
MOST: Final = 500
"""Changes that are asked for, and kept."""


class OwnChange(Value, frozen=True, kw_only=True):
    """One change of the node's points."""

    seq: int
    at: float
    """Unix seconds, by the coordinator's clock."""
    change: str
    points: int
    held: int
    total: int
    cause: str
    why: str


class Today(NamedTuple):
    """The sum of the changes of this UTC day."""

    points: int
    changes: int
    whole: bool
    """All of the day's changes are known."""


class OwnPoints:
    """The changes of one node, newest first, and what the club owes its owner."""

    def __init__(self) -> None:
        self.changes: list[OwnChange] = []
        self.refused = ""
        """Why the earlier ones cannot be read; empty: they were, or will be."""
        self.loaded = False
        self.balance: dict[str, Any] | None = None
        self._complete = False

    def load(self, page: dict[str, Any] | str) -> None:
        """Take over a page of `GET /api/reputation/NODE`; text: why there is none."""
        if isinstance(page, str):
            self.refused = page
            return
        self.refused, self.loaded = "", True
        self._complete = page.get("next") is None
        self._add([_of_line(line) for line in page.get("changes", ())])

    def hear(self, picture: Picture, node: str) -> None:
        """Take over what the feed told since."""
        newest = self.changes[0].seq if self.changes else -1
        heard = [
            OwnChange(
                seq=each.change.number,
                at=each.at,
                change=each.change.change,
                points=each.change.points,
                held=each.change.held,
                total=each.change.total,
                cause=each.change.cause,
                why=each.change.why,
            )
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

    def _add(self, more: Sequence[OwnChange]) -> None:
        known = {change.seq: change for change in (*more, *self.changes)}
        self.changes = [known[seq] for seq in sorted(known, reverse=True)][:MOST]


def _of_line(line: dict[str, Any]) -> OwnChange:
    return OwnChange(
        seq=int(line["seq"]),
        at=float(line["at"]),
        change=str(line["change"]),
        points=int(line["points"]),
        held=int(line["held"]),
        total=int(line["total"]),
        cause=str(line["cause"] or ""),
        why=str(line["why"] or ""),
    )


def rank(nodes: Sequence[NodeSnapshot], node: str) -> tuple[int, int]:
    """Place by points, and of how many; (0, 0): it has none.

    With the same points one has the same place.
    """
    points = {each.id: each.standing.points for each in nodes if each.standing}
    if node not in points:
        return 0, 0
    better = sum(1 for other in points.values() if other > points[node])
    return better + 1, len(points)
