"""What can be done to nodes' points, and to reviews."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from clubai.errors import ConfigError
from clubai.tui import plain
from clubai.tui.acts.act import Act, Field
from clubai.tui.tables.reputation import NodeRow
from clubai.tui.tables.reviews import ReviewRow

MOST_POINTS: Final = 1_000_000
_SHOWN: Final = 40


def standing_path(node: str, tail: str = "") -> str:
    """The path of a node's standing, or of something of it."""
    return f"/api/reputation/{quote(node, safe='')}{tail and '/' + tail}"


def read_points(typed: str) -> int:
    """Points to give or to take; raises `ConfigError`."""
    text = typed.strip()
    fix = f"give a whole number other than 0, at most {MOST_POINTS}: +50 or -20"
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _SHOWN:
        raise ConfigError("points", plain.name(text, _SHOWN), fix)
    points = int(text)
    if not 0 < abs(points) <= MOST_POINTS:
        raise ConfigError("points", points, fix)
    return points


def adjust(node: NodeRow) -> Act:
    """Give a node points, or take some."""
    return Act(
        f"Adjust the points of {node.name}",
        f"It has {node.points}. Points move its share of the tasks, of the checks and "
        "of the pay. Its owner sees the change and why.",
        "POST",
        standing_path(node.id, "points"),
        {},
        reason="why",
        fields=(Field("points", "points to add or to take: +50, -20", read_points),),
        done="The points are moved.",
    )


def reinstate(node: NodeRow) -> Act:
    """Let a suspended node work again."""
    return Act(
        f"Reinstate {node.name}",
        "Its suspension ends now: it gets tasks again, on probation.",
        "POST",
        standing_path(node.id, "reinstated"),
        {},
        reason="why",
        done="It may work again.",
    )


def uphold(review: ReviewRow) -> Act:
    """End a review: the answer was invalid."""
    return Act(
        f"Uphold review {review.seq} of {review.name}",
        "The answer counts as proved invalid: at least 50 points, or a tenth of what "
        "the node has, and all that it has in escrow.",
        "POST",
        f"/api/reviews/{review.seq}",
        {"upheld": True},
        reason="why",
        done="It is upheld.",
    )


def dismiss(review: ReviewRow) -> Act:
    """End a review: nothing was wrong."""
    return Act(
        f"Dismiss review {review.seq} of {review.name}",
        "Nothing was wrong: the node loses nothing, and its soft marks go.",
        "POST",
        f"/api/reviews/{review.seq}",
        {"upheld": False},
        reason="why",
        done="It is dismissed.",
    )


STANDING_ACTS: Final[dict[str, Callable[[NodeRow], Act]]] = {
    "adjust": adjust,
    "reinstate": reinstate,
}
"""By the name in the screens' bindings."""
REVIEW_ACTS: Final[dict[str, Callable[[ReviewRow], Act]]] = {
    "uphold": uphold,
    "dismiss": dismiss,
}
"""By the name in the screens' bindings."""
