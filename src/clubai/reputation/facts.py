"""What a `Judge` is told: facts of the club's day, in the past tense."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from clubai.model import Kind, MemberId, NodeId


class CheckKind(StrEnum):
    """By what an answer was judged; each has its own power (`sequential`)."""

    KNOWN_ANSWER = "known_answer"
    ANSWER_KEY = "answer_key"
    """At temperature 0, against what trusted nodes answered."""
    AGREEMENT = "agreement"
    """Against what nodes of other owners answered."""


class Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of the facts; `node` is of whom it is told."""

    node: NodeId


class NodeAppeared(Fact, frozen=True, kw_only=True, gc=False):
    """A node proved who it is, and who owns it."""

    member: MemberId
    models: tuple[str, ...] = ()


class AnswerGiven(Fact, frozen=True, kw_only=True, gc=False):
    """A task ended well."""

    asker: MemberId
    """Whoever asked; the node's own owner earns it nothing."""
    cause: str
    model: str
    kind: Kind
    tokens: int
    """Of the answer, metered."""
    seconds: float
    """From acceptance to the end, by the coordinator's clock."""
    check: bool = False
    """It was the club's own check."""


class AnswerMissed(Fact, frozen=True, kw_only=True, gc=False):
    """The node accepted a task, and let it expire or lost it."""

    cause: str
    model: str
    why: str
    client_gone: bool = False
    accepted: bool = True


class CheckEnded(Fact, frozen=True, kw_only=True, gc=False):
    """The answer to a check was judged."""

    check: str
    """Id under which its evidence is kept."""
    model: str
    kind: CheckKind
    passed: bool
    why: str


class VerdictGiven(Fact, frozen=True, kw_only=True, gc=False):
    """A client said that an answer is not good (`VerdictFacts.value` 1 to 5)."""

    asker: MemberId
    cause: str
    value: int
    checked: bool
    """It is about the very answer that the node attested."""


class LieProved(Fact, frozen=True, kw_only=True, gc=False):
    """The node signed what it did not send."""

    cause: str
    why: str


class HoursPassed(Fact, frozen=True, kw_only=True, gc=False):
    """Whole clock hours (UTC), one or several of one day, that have ended."""

    last_hour: str
    """When the last of them began, ISO 8601."""
    day: str
    """ISO date (UTC) in which they lie."""
    up: int = 0
    """Hours in which the node was here and heard from."""
    kept: int = 0
    broken: int = 0
    """Promised hours; neither when the coordinator itself was down."""


class SpeedDoubted(Fact, frozen=True, kw_only=True, gc=False):
    """An answer came faster than it can have been made."""

    cause: str
    model: str
    why: str


class ReviewDecided(Fact, frozen=True, kw_only=True, gc=False):
    """A review ended."""

    review: int
    """`seq` of the event that opened it."""
    upheld: bool
    """True: the node's answer was invalid."""
    by: str
    why: str


class PointsAdjusted(Fact, frozen=True, kw_only=True, gc=False):
    """An operator moved the points."""

    points: int
    by: str
    why: str


class TrustChanged(Fact, frozen=True, kw_only=True, gc=False):
    """An operator made the node a reference for others, or took that back."""

    trusted: bool
    by: str


class SuspensionEnded(Fact, frozen=True, kw_only=True, gc=False):
    """An operator, or the time, lets a suspended node work again."""

    by: str
    why: str


class Promised(Fact, frozen=True, kw_only=True, gc=False):
    """The owner published a schedule; an empty one withdraws the last."""

    schedule: str


class PauseAnnounced(Fact, frozen=True, kw_only=True, gc=False):
    """The owner paused or drained the node, or let it go on."""

    paused: bool
    why: str
