"""Which screens of the dashboard are looked at, and in which states.

A new screen is a line in `SHOTS`: how to get there from the first screen of its view,
by keys. What it asks the club is answered from `ANSWERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from clubai.client.feed import FeedItem, FeedState
from clubai.errors import AuthenticationError
from clubai.tui.app import VIEWS, View
from support.club_answers import club_answers
from support.dashboard import LARGE, NOW, SMALL, broken, script


class Shot(NamedTuple):
    """One screen."""

    name: str
    view: View
    keys: Sequence[str]
    """The first is the number of its screen, which leads back there as well."""


class State(NamedTuple):
    """What the club and the dashboard are like."""

    items: Callable[[], Sequence[FeedItem | Exception]]
    options: dict[str, Any]
    keys: Sequence[str] = ()
    sizes: Sequence[tuple[int, int]] = (SMALL, LARGE)
    among: Sequence[str] = ()
    """Of these screens alone; empty: of all."""


TABS: Final = tuple(
    Shot(f"{number}-{tab.name.lower().replace(' ', '-')}", view, (str(number),))
    for view, tabs in VIEWS.items()
    for number, tab in enumerate(tabs, 1)
)
SHOTS: Final = (
    *TABS,
    Shot("node", "operator", ("2", "enter")),
    Shot("node-models", "operator", ("2", "enter", "right_square_bracket")),
    Shot("node-points", "operator", ("2", "enter", *["right_square_bracket"] * 3)),
    Shot("node-notes", "operator", ("2", "enter", "left_square_bracket")),
    Shot("task", "operator", ("3", "enter")),
    Shot("task-done", "operator", ("3", "slash", *"done", "enter", "enter")),
    Shot("cancel", "operator", ("3", "x")),
    Shot("ledger", "operator", ("4", "enter")),
    Shot("reviews", "operator", ("4", "v")),
    Shot("adjust", "operator", ("4", "a")),
    Shot("model", "operator", ("5", "enter")),
    Shot("event", "operator", ("6", "enter")),
    Shot("member", "operator", ("7", "enter")),
    Shot("role", "operator", ("7", "o")),
    Shot("palette", "operator", ("2", "colon")),
    Shot("nodes-filtered", "operator", ("2", "slash", *"!lost", "enter")),
    Shot("nodes-marked", "operator", ("2", "space", "space", "greater_than_sign")),
    Shot("nodes-all-columns", "operator", ("2", "W")),
    Shot("drain", "operator", ("2", "d")),
    Shot("keys", "operator", ("2", "question_mark")),
    Shot("node", "member", ("3", "enter")),
)
"""The tabs of both views by themselves, and what is behind them."""
ANSWERS: Final[dict[str, Any]] = club_answers()
"""`METHOD PATH`: what is answered, in all of them."""


_FIRST: Final = tuple(shot.name for shot in TABS if shot.keys == ("1",))
_TABS: Final = tuple(shot.name for shot in TABS)
_COLOURS: Final = ("1-overview", "1-playground", "2-nodes", "3-tasks", "drain")


def _gap() -> FeedState:
    return FeedState(connected=True, since=NOW, gaps=1, reason="too far behind")


STATES: Final[dict[str, State]] = {
    "busy": State(script, {}),
    "empty": State(lambda: script(events=0, nodes=0, tasks=0), {}, among=_TABS),
    "loading": State(tuple, {}, sizes=(SMALL,), among=_FIRST),
    "unreachable": State(lambda: (broken(),), {}, sizes=(SMALL,), among=_FIRST),
    "disconnected": State(lambda: (*script(), broken()), {}),
    "refused": State(
        lambda: (AuthenticationError("the key is not known"),),
        {},
        sizes=(SMALL,),
        among=_FIRST,
    ),
    "gap": State(lambda: (*script(), _gap()), {}, sizes=(SMALL,), among=_TABS),
    "paused": State(script, {}, keys=("P",), sizes=(SMALL,), among=_TABS),
    "readonly": State(script, {"readonly": True}, sizes=(SMALL,), among=_TABS),
    "member": State(lambda: script(role="member"), {}, sizes=(SMALL,), among=_TABS),
    "small": State(script, {}, sizes=((50, 12),), among=_TABS),
    "ascii": State(script, {"ascii": True}, sizes=(SMALL,), among=_TABS),
    "monochrome": State(script, {}, sizes=(SMALL,), among=_TABS),
    "light": State(script, {"theme": "club-light"}, sizes=(SMALL,), among=_COLOURS),
}
