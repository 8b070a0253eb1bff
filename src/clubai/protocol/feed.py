"""The club's events as whoever watches is sent them, and the stream that carries them.

A watcher takes a `FeedSnapshot`, then follows from its `seq`. Each thing that happens
in the club has the next `seq`; they are the coordinator process's own, which `boot`
names. Nobody is sent what is not for them, so the numbers that they see have gaps.

On the wire it is server-sent events: `event:` is the name in `TYPES`, `id:` is a
`Position`, `data:` is JSON. What a reader does not know it leaves out.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import msgspec

from clubai.model import (
    ClubSnapshot,
    ClubStats,
    ModelSnapshot,
    NodeSnapshot,
    TaskSnapshot,
    Value,
)

EventKind = Literal["task", "node", "standing", "review", "check", "month", "member"]


class Position(NamedTuple):
    """Which event a watcher has seen last."""

    boot: str
    """Names the coordinator's process, and the role in which it is watched."""
    seq: int

    def __str__(self) -> str:
        return f"{self.boot}:{self.seq}"


class StandingChange(Value, frozen=True, kw_only=True, gc=False):
    """One change of a node's standing."""

    number: int
    """Of all changes of standing in the club's life."""
    node: str
    """Text of the node's id."""
    name: str
    """The node's name; its id's first characters when it has none."""
    change: str
    points: int
    """What it adds to the points."""
    held: int
    """What it adds to the points in escrow."""
    total: int
    """Points after it."""
    count: int
    model: str
    cause: str
    why: str


class CheckOutcome(Value, frozen=True, kw_only=True, gc=False):
    """How a check of the club's own ended."""

    id: str
    node: str
    name: str
    model: str
    kind: str
    passed: bool
    why: str


class ClubEvent(Value, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One thing that happened. Never what was asked or answered.

    Of `task`, `node`, `standing` and `check` the one that `kind` names is set;
    a review is a `standing` too.
    """

    seq: int
    at: float
    """Seconds on the coordinator's timeline."""
    kind: EventKind
    what: str
    """In one word: a task's state; what became of a node (`joined`, `left`, `changed`,
    or its state); the change of standing; a review `opened` or `ended`; a check
    `passed` or `failed`; a month `closed`; a member `joined` or `role` changed."""
    task: TaskSnapshot | None = None
    """The task after it."""
    node: NodeSnapshot | None = None
    """The node after it; of one that left, as it was."""
    standing: StandingChange | None = None
    check: CheckOutcome | None = None
    subject: str = ""
    """The month, or the member's id."""
    detail: str = ""
    """The member's role."""


class NodeLoad(Value, frozen=True, kw_only=True, gc=False):
    """What changes of a node without an event."""

    id: str
    slots_used: int
    tokens_per_second: float
    tasks_done: int
    tasks_failed: int
    seen_at: float


class FeedStats(Value, frozen=True, kw_only=True):
    """The club's counts, and what changed of its nodes' load since the last ones."""

    seq: int
    """Of the last event before them, whoever it was for."""
    stats: ClubStats
    nodes: tuple[NodeLoad, ...] = ()
    models: tuple[ModelSnapshot, ...] | None = None
    """All models, when any of them changed."""


class FeedGap(Value, frozen=True, kw_only=True):
    """Events were missed that are not kept any more: take a new snapshot.

    What follows are the events after `seq`.
    """

    boot: str
    seq: int
    reason: str


class FeedSnapshot(ClubSnapshot, frozen=True, kw_only=True):
    """The club as the caller may see it, and where to go on from."""

    boot: str
    seq: int
    """The last event that it includes; 0: none happened yet."""
    role: str
    """The caller's."""


FeedMessage = ClubEvent | FeedStats | FeedGap

TYPES: Final[dict[str, type[FeedMessage]]] = {
    "club": ClubEvent,
    "stats": FeedStats,
    "gap": FeedGap,
}
_NAMES: Final = {type_: name.encode() for name, type_ in TYPES.items()}


def feed_frame(message: FeedMessage, position: Position) -> bytes:
    """One server-sent event; `position` is what its reader has seen after it."""
    return b"event: %b\nid: %b\ndata: %b\n\n" % (
        _NAMES[type(message)],
        str(position).encode(),
        msgspec.json.encode(message),
    )


def read_position(text: str) -> Position | None:
    """Read what an `id:` or a `Last-Event-ID` says; None: it is none of ours."""
    boot, colon, seq = text.rpartition(":")
    if not (boot and colon and seq.isascii() and seq.isdigit() and len(seq) < 16):
        return None
    return Position(boot, int(seq))


def read_feed(name: str, data: bytes) -> FeedMessage | None:
    """Read one server-sent event; None: a kind that is not known here.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError: it is not what its name says.
    """
    type_ = TYPES.get(name)
    return None if type_ is None else msgspec.json.decode(data, type=type_)
