"""The club in a few numbers, each a card of two lines. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from clubai.model import ClubStats
from clubai.tui.look import Cell, Look, Tone, ago, count, duration, percent, rate
from clubai.tui.picture import RECENT_S, Picture

MOVED_OVER_S: Final = 3600.0
BAR: Final = 6
LEAST_WIDTH: Final = 14
MOST_WIDTH: Final = 26


class Card(NamedTuple):
    """One number, what it is, and what belongs to it."""

    title: str
    value: str
    note: str = ""
    tone: Tone = ""
    """Of the value; the note says in words why."""


class Ended(NamedTuple):
    """The tasks that ended lately, of those that are remembered."""

    tasks: int
    failed: int


class Moved(NamedTuple):
    """Points that nodes won and lost, since when they are known."""

    won: int
    lost: int
    since: float


def ended_lately(picture: Picture, now: float) -> Ended:
    """The tasks that ended in the last ten minutes."""
    tasks = failed = 0
    for task in picture.mirror.ended.values():
        if task.ended_at >= now - RECENT_S:
            tasks += 1
            failed += task.state == "failed"
    return Ended(tasks, failed)


def points_moved(picture: Picture, now: float) -> Moved:
    """What was seen of points in the last hour, or since one looks."""
    since = now - MOVED_OVER_S
    if picture.samples:
        since = max(since, picture.samples[0].at)
    won = lost = 0
    for change in reversed(picture.changes):
        if change.at < since:
            break
        points = change.change.points
        won, lost = won + max(points, 0), lost + min(points, 0)
    return Moved(won, lost, since)


def cards(picture: Picture, look: Look) -> tuple[Card, ...]:
    """All cards, the first ones first to look at; none before the first snapshot."""
    stats = picture.stats
    if stats is None:
        return ()
    return tuple(make(picture, stats, look) for make in _CARDS)


def card_lines(shown: Sequence[Card], width: int, look: Look) -> list[list[Cell]]:
    """The cards side by side in `width` cells, in as many rows as they need.

    Each row of cards is two lines: titles, then values with their notes.
    """
    if not shown or width <= 0:
        return []
    across = _across(len(shown), width)
    each = min(width // across, MOST_WIDTH)
    lines: list[list[Cell]] = []
    for first in range(0, len(shown), across):
        row = shown[first : first + across]
        lines.append(
            [Cell(look.align(card.title, each - 1) + " ", "muted") for card in row]
        )
        lines.append([cell for card in row for cell in _value(card, each, look)])
    return lines


def _across(many: int, width: int) -> int:
    """How many stand side by side so that the rows are as even as can be."""
    most = max(min(width // LEAST_WIDTH, many), 1)
    rows = -(-many // most)
    return -(-many // rows)


def _value(card: Card, width: int, look: Look) -> list[Cell]:
    value = look.fit(card.value, width - 1)
    note = look.align(f" {card.note}", width - len(value) - 1) + " "
    return [Cell(value, card.tone or "accent"), Cell(note, "muted")]


def _nodes(_picture: Picture, stats: ClubStats, _look: Look) -> Card:
    missing = stats.nodes_known - stats.nodes_alive
    tone: Tone = "warn" if missing else "good" if stats.nodes_alive else ""
    if stats.nodes_known and not stats.nodes_alive:
        tone = "bad"
    note = f"{missing} not up" if missing else "up"
    return Card("Nodes", f"{stats.nodes_alive}/{stats.nodes_known}", note, tone)


def _slots(_picture: Picture, stats: ClubStats, look: Look) -> Card:
    full = stats.slots > 0 and stats.slots_used >= stats.slots
    bar = look.bar(stats.slots_used, stats.slots, BAR)
    tone: Tone = "warn" if full else ""
    return Card("Slots in use", f"{stats.slots_used}/{stats.slots}", bar, tone)


def _queue(picture: Picture, stats: ClubStats, look: Look) -> Card:
    waiting = [t for t in picture.mirror.live.values() if t.state == "queued"]
    oldest = min((task.created_at for task in waiting), default=0.0)
    note = f"for {look.age(oldest)}" if waiting else ""
    return Card(
        "Queue", count(stats.tasks_queued), note, "warn" if stats.tasks_queued else ""
    )


def _tokens(picture: Picture, stats: ClubStats, _look: Look) -> Card:
    return Card(
        "Tokens/s",
        rate(picture.tokens_per_second()),
        f"of {count(stats.completion_tokens)}",
    )


def _failed(picture: Picture, _stats: ClubStats, look: Look) -> Card:
    ended = ended_lately(picture, look.now)
    if not ended.tasks:
        return Card("Failed, 10 min", "-", "none ended")
    share = ended.failed / ended.tasks
    return Card(
        "Failed, 10 min",
        percent(share),
        f"{ended.failed} of {ended.tasks}",
        "bad" if share > 0.05 else "warn" if ended.failed else "good",
    )


def _first_token(picture: Picture, _stats: ClubStats, _look: Look) -> Card:
    latency = picture.latency()
    if not latency.tasks:
        return Card("First p50/p95", "-", "none ended")
    return Card("First p50/p95", f"{duration(latency.p50)}/{duration(latency.p95)}")


def _done(_picture: Picture, stats: ClubStats, look: Look) -> Card:
    return Card("Tasks done", count(stats.tasks_done), look.age(stats.started_at))


def _points(picture: Picture, _stats: ClubStats, look: Look) -> Card:
    moved = points_moved(picture, look.now)
    lost = f"{moved.lost}" if moved.lost else "-0"
    title = "Points, 1 h"
    if look.now - moved.since < MOVED_OVER_S - 1.0:
        title = f"Points, {ago(look.now - moved.since)}"
    return Card(title, f"+{moved.won}", lost)


_CARDS: Final[tuple[Callable[[Picture, ClubStats, Look], Card], ...]] = (
    *(_nodes, _slots, _queue, _tokens),
    *(_failed, _first_token, _done, _points),
)
