"""The table of events, and what they say in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clubai.model import NICKNAME_LENGTH, NodeSnapshot, TaskSnapshot
from clubai.protocol.feed import CheckOutcome, ClubEvent, StandingChange
from clubai.tui.grid import Column, Grid
from clubai.tui.look import TONES, Cell, Tone, clock, duration
from clubai.tui.picture import MOST_EVENTS
from clubai.tui.tables.nodes import node_name

SHORT: Final = 8
"""Characters of a task's id."""
_TONES: Final[dict[str, Tone]] = {
    "joined": "good",
    "left": "muted",
    "passed": "good",
    "opened": "warn",
    "suspended": "bad",
    "convicted": "bad",
    "invalid": "bad",
    "timeout": "warn",
    "broken": "warn",
    "marked": "warn",
    "flagged": "warn",
    "reinstated": "good",
}


def event_key(event: ClubEvent) -> str:
    """Names an event, also among those of a coordinator that was started anew."""
    return f"{event.seq}@{event.at}"


class EventGrid(Grid[ClubEvent]):
    """The events by time; without a chosen row the cursor is on the newest one."""

    def __init__(self) -> None:
        super().__init__(EVENTS, key=event_key, sort="Time")
        self._texts: dict[str, dict[str, str]] = {}

    @property
    def follows(self) -> bool:
        """The newest event is looked at, whichever it is."""
        return not self.cursor

    @property
    def newest(self) -> int:
        """Where the newest event is, as long as the order is that of time."""
        return 0 if self.falling or not self.shown else len(self.shown) - 1

    def texts(self, row: ClubEvent) -> dict[str, str]:
        """An event's texts; made once, because an event never changes."""
        key = self.key(row)
        texts = self._texts.get(key)
        if texts is None:
            if len(self._texts) > 2 * MOST_EVENTS:
                self._texts.clear()
            texts = self._texts[key] = super().texts(row)
        return texts

    def move_to(self, index: int) -> None:
        """Move the cursor; onto the newest event: follow whichever is the newest."""
        super().move_to(index)
        if self._by_time and self.shown and self.index == self.newest:
            self.cursor = ""

    @property
    def _by_time(self) -> bool:
        return self.sort_by == "Time"

    def _arrange(self) -> None:
        if not self._by_time or self._keeps_some:
            super()._arrange()
            return
        # They come in the order of time: there is nothing to sort.
        self.shown = list(self._rows[::-1] if self.falling else self._rows)
        self._follow_cursor()

    @property
    def _keeps_some(self) -> bool:
        return bool(self.filter.strip())

    def _follow_cursor(self) -> None:
        super()._follow_cursor()
        if not self.cursor and self._by_time:
            self._index = self.newest


def newer(events: Sequence[ClubEvent], last: ClubEvent | None) -> int:
    """How many events came after one; all of them, when it is not kept any more."""
    for number, event in enumerate(reversed(events)):
        if event is last:
            return number
    return len(events)


def words_of(event: ClubEvent) -> str:
    """What happened, for people."""
    if event.task is not None:
        return _task_words(event.task)
    if event.standing is not None:
        return _standing_words(event.kind, event.what, event.standing)
    if event.check is not None:
        return _check_words(event.check)
    if event.node is not None:
        return _node_words(event.what, event.node)
    match event.kind, event.what:
        case "month", _:
            return f"month {event.subject} {event.what}"
        case "member", "role":
            return f"{event.subject} is {event.detail or 'something else'} now"
        case "member", _:
            as_what = f" as {event.detail}" if event.detail else ""
            return f"{event.subject} {event.what}{as_what}"
    return " ".join(
        part for part in (event.kind, event.subject, event.what, event.detail) if part
    )


def subject_of(event: ClubEvent) -> str:
    """What it is about: the task, the node, the member, the month."""
    if event.task is not None:
        return event.task.id[:SHORT]
    if event.node is not None:
        return node_name(event.node)
    about = event.standing or event.check
    if about is not None:
        return about.name or about.node[:NICKNAME_LENGTH]
    return event.subject


def node_of(event: ClubEvent) -> str:
    """The id of the node that it is about; empty: none."""
    if event.node is not None:
        return event.node.id
    about = event.standing or event.check
    return about.node if about is not None else ""


def tone_of(event: ClubEvent) -> Tone:
    """Whether it is good news; the words say the same."""
    if event.kind in ("task", "node"):
        return TONES.get(event.what) or _TONES.get(event.what, "")
    if event.kind == "check":
        return "good" if event.what == "passed" else "bad"
    if event.what in _TONES:
        return _TONES[event.what]
    if event.standing is not None and event.standing.points:
        return "good" if event.standing.points > 0 else "bad"
    return ""


def _task_words(task: TaskSnapshot) -> str:
    name, node = f"task {task.id[:SHORT]}", task.node_name or task.node[:SHORT]
    match task.state:
        case "queued":
            reason = f": {task.reason}" if task.reason else ""
            return f"{name} waits for {task.model}{reason}"
        case "offered":
            return f"{name} offered to {node}"
        case "running":
            return f"{name} taken by {node}"
        case "replying":
            return f"{name} replying on {node}"
        case "done":
            took = f"{task.completion_tokens} tokens in {duration(task.total_ms)}"
            return f"{name} done by {node}: {took}"
    where = f" on {node}" if node else ""
    return f"{name} failed{where}: {task.reason or 'no reason is known'}"


def _node_words(what: str, node: NodeSnapshot) -> str:
    name = node_name(node)
    offers = f"{_some(len(node.models), 'model')}, {_some(node.slots, 'slot')}"
    match what:
        case "joined":
            return f"{name} joined with {offers}"
        case "left":
            return f"{name} left"
        case "lost":
            return f"{name} lost: it is not heard any more"
        case "suspect":
            return f"{name} suspect: its heartbeats stay away"
        case "changed":
            return f"{name} changed: {offers}, {node.state}"
    return f"{name} {what}"


def _standing_words(kind: str, what: str, change: StandingChange) -> str:
    name = change.name or change.node[:NICKNAME_LENGTH]
    why = f": {change.why}" if change.why else ""
    if kind == "review":
        return f"review of {name} {what}{why}"
    moved = f" {change.points:+d}" if change.points else ""
    held = f" ({change.held:+d} held)" if change.held else ""
    source, _, rest = change.cause.partition(":")
    cause = f" ({source} {rest[:SHORT]})" if rest else ""
    return f"{name}{moved} {change.change}{held}{cause}{why}"


def _check_words(check: CheckOutcome) -> str:
    name = check.name or check.node[:NICKNAME_LENGTH]
    ended = "passed" if check.passed else "failed"
    why = f": {check.why}" if check.why else ""
    return f"{name} {ended} a check of {check.model} ({check.kind}){why}"


def _some(many: int, noun: str) -> str:
    return f"1 {noun}" if many == 1 else f"{many} {noun}s"


EVENTS: Final[tuple[Column[ClubEvent], ...]] = (
    Column(
        name="Time",
        width=8,
        cell=lambda event, _: Cell(clock(event.at), "muted"),
        sort=lambda event: (event.at, event.seq),
        falling=True,
        says="When it happened, in this machine's zone.",
    ),
    Column(
        name="Kind",
        rank=1,
        width=8,
        cell=lambda event, _: Cell(event.kind),
        sort=lambda event: event.kind,
        says="What it is about: a task, a node, a node's standing, a review, a check, "
        "a month, a member.",
    ),
    Column(
        name="What",
        width=10,
        cell=lambda event, _: Cell(event.what, tone_of(event)),
        sort=lambda event: event.what,
        says="What became of it.",
    ),
    Column(
        name="Subject",
        rank=2,
        width=12,
        cell=lambda event, _: Cell(subject_of(event)),
        sort=subject_of,
        says="The task, node, member or month.",
    ),
    Column(
        name="Words",
        width=44,
        grow=True,
        cell=lambda event, _: Cell(words_of(event)),
        sort=words_of,
        says="The same in words, with the cause where there is one.",
    ),
)
