"""What to do, told by the `CoordinatorMachine`: imperative, frozen.

The driver persists, then sends, in the order of the list. A command about a connection
that has gone meanwhile is dropped.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from clubai.core.events import ClientKey
from clubai.model import AnswerTag, FailCode, Kind, NodeId, TaskFacts, TaskId, Usage
from clubai.reputation.events import StandingEvent


class WaitReason(StrEnum):
    """Why a task is not offered to a node yet."""

    BUSY = "nodes_busy"
    """Every node that could take it has its slots full."""
    LOADING = "model_cold"
    """Free nodes would have to load the model first, and a warm one comes sooner."""
    SILENT = "node_silent"
    """The nodes that could take it have not been heard from for a while."""
    RETURNING = "node_returning"
    """The last node that could take it is just gone, and may come back."""


class NodeFault(StrEnum):
    """What a node did that no honest node does."""

    NOT_YOURS = "not_yours"
    """It answered for an attempt that was never its own."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of the commands."""


class OfferTask(Wanted, frozen=True, kw_only=True, gc=False):
    """Tell the client which node takes its task; the node holds a slot from now on."""

    client: ClientKey
    ref: int
    task: TaskId
    part: int
    attempt: int
    node: NodeId
    node_name: str
    model: str
    kind: Kind
    max_tokens: int
    stream: bool
    queued_ms: int


class SayWait(Wanted, frozen=True, kw_only=True, gc=False):
    """Tell the client why its task waits, and its place in the queue, from 1."""

    client: ClientKey
    ref: int
    task: TaskId
    code: WaitReason
    text: str
    position: int


class FailTask(Wanted, frozen=True, kw_only=True, gc=False):
    """Tell the client that its task ended without an answer; `attempts` 0: refused."""

    client: ClientKey
    ref: int
    task: TaskId
    part: int
    attempt: int
    code: FailCode
    message: str
    retry_after_s: float | None
    """None: trying again as it is cannot help."""
    attempts: int
    begun: bool
    """Part of an answer may have been sent."""
    sealed: bytes = b""
    """The last node's own words, for whoever asked."""


class FinishTask(Wanted, frozen=True, kw_only=True, gc=False):
    """Tell the client that its answer is whole, as its node said."""

    client: ClientKey
    task: TaskId
    part: int
    attempt: int
    node: NodeId
    usage: Usage
    first_token_ms: int
    total_ms: int


class CancelAttempt(Wanted, frozen=True, kw_only=True, gc=False):
    """Tell the node to stop: it no longer holds a slot for this."""

    node: NodeId
    task: TaskId
    part: int
    attempt: int


class RecordTask(Wanted, frozen=True, kw_only=True, gc=False):
    """Keep the facts of an ended task."""

    facts: TaskFacts


class RecordStanding(Wanted, frozen=True, kw_only=True, gc=False):
    """Keep what changed nodes' standing, in this order."""

    events: tuple[StandingEvent, ...]


class ReleaseTags(Wanted, frozen=True, kw_only=True, gc=False):
    """Tell the client how the answers of its group compare: all are in, or too late."""

    client: ClientKey
    group: bytes
    tags: tuple[AnswerTag, ...]
    missing: int
    """Tasks of the group that gave no answer, or not in time."""


class RejectNode(Wanted, frozen=True, kw_only=True, gc=False):
    """Close the node's connection for its own fault; `NodeLeft` follows."""

    node: NodeId
    code: NodeFault
    reason: str


class DropNode(Wanted, frozen=True, kw_only=True, gc=False):
    """Close the connection of a node that the machine has forgotten.

    It was silent, or an operator wants it ended.
    """

    node: NodeId
    reason: str


Command = (
    OfferTask
    | SayWait
    | FailTask
    | FinishTask
    | CancelAttempt
    | RecordTask
    | RecordStanding
    | ReleaseTags
    | RejectNode
    | DropNode
)
