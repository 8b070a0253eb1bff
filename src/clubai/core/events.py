"""What happened, told to the `CoordinatorMachine`: past tense, frozen.

Every event but `TaskRequested.task` (an id that the driver drew) may hold anything a
connection can say. The driver vouches only for who spoke: `node` and `client` are the
connection's, never the message's.
"""

from __future__ import annotations

from typing import NewType

import msgspec

from clubai.model import (
    FailCode,
    Kind,
    MemberId,
    Mode,
    ModelOffer,
    NodeId,
    TaskId,
    Usage,
)
from clubai.reputation.facts import Fact

ClientKey = NewType("ClientKey", int)
"""One client's connection, for as long as the coordinator runs."""


class Happened(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of the events."""


class NodeJoined(Happened, frozen=True, kw_only=True, gc=False):
    """A node proved who it is. One that was here starts anew: its work is lost."""

    node: NodeId
    name: str
    owner: MemberId
    models: tuple[ModelOffer, ...]
    slots: int
    vram_gb: float
    backend: str
    program: str


class NodeReported(Happened, frozen=True, kw_only=True, gc=False):
    """A heartbeat. `models` and `slots` replace what was known."""

    node: NodeId
    models: tuple[ModelOffer, ...]
    slots: int
    running: tuple[TaskId, ...]
    paused: bool
    draining: bool


class NodeLeft(Happened, frozen=True, kw_only=True, gc=False):
    """A node's connection ended."""

    node: NodeId
    reason: str


class NodePaused(Happened, frozen=True, kw_only=True, gc=False):
    """The owner said at the coordinator that a node takes no new work, or goes on.

    It holds whether the node is here or not, and beside what the node itself reports.
    """

    node: NodeId
    paused: bool
    """False: it goes on, and `drain` means nothing."""
    drain: bool = False
    """It is to end what it has and leave; only shown, for both take no new work."""
    reason: str = ""
    """The owner's words."""


class TaskRequested(Happened, frozen=True, kw_only=True, gc=False):
    """A client wants a node for one task."""

    task: TaskId
    """Fresh: no live task has it."""
    client: ClientKey
    member: MemberId
    ref: int
    model: str
    kind: Kind
    mode: Mode
    prompt_tokens: int
    """A lower bound; 0: not estimated."""
    max_tokens: int
    """0: as the node decides."""
    stream: bool
    wait_s: float
    deadline_s: float
    request_bytes: int
    exclude: tuple[NodeId, ...]
    pinned: tuple[NodeId, ...]
    """Only these nodes, when not empty."""
    key_id: str = ""
    """Public id of the API key that it was asked with; empty: a login's token."""
    group: bytes = b""
    """Of the tasks whose answers are compared with each other; empty: none."""
    group_size: int = 0
    """How many tasks the group has."""
    check: bool = False
    """The club's own: a node that gets no members' work may take it."""
    sealed: bool = False
    """Only the node will be able to read it."""


class TaskAccepted(Happened, frozen=True, kw_only=True, gc=False):
    """A node has the whole request and a slot for it."""

    node: NodeId
    task: TaskId
    part: int
    attempt: int


class ReplyBegun(Happened, frozen=True, kw_only=True, gc=False):
    """A node's answer begins: a streamed one is not tried elsewhere from here."""

    node: NodeId
    task: TaskId
    part: int
    attempt: int


class TaskFinished(Happened, frozen=True, kw_only=True, gc=False):
    """A node's answer is whole. Usage and times are the node's own count."""

    node: NodeId
    task: TaskId
    part: int
    attempt: int
    usage: Usage
    first_token_ms: int
    total_ms: int
    request_bytes: int
    answer_bytes: int
    """What the records that passed can have held: no count of tokens is over it."""
    eq: bytes = b""
    sketch: bytes = b""


class AttemptFailed(Happened, frozen=True, kw_only=True, gc=False):
    """A node gave a task up, before its answer or within it."""

    node: NodeId
    task: TaskId
    part: int
    attempt: int
    code: FailCode
    message: str
    sealed: bytes = b""
    """The node's own words, which only whoever asked can read."""


class TaskCancelled(Happened, frozen=True, kw_only=True, gc=False):
    """Whoever asked has enough."""

    client: ClientKey
    task: TaskId


class TaskStopped(Happened, frozen=True, kw_only=True, gc=False):
    """Somebody who may end the task, over whatever connection, wants it ended."""

    task: TaskId
    reason: str
    """What whoever asked is told."""


class NodeKicked(Happened, frozen=True, kw_only=True, gc=False):
    """An operator wants the node's connection ended; it may come back by itself."""

    node: NodeId
    reason: str
    """What the node, and whoever asked it, are told."""


class ClientLeft(Happened, frozen=True, kw_only=True, gc=False):
    """A client's connection ended."""

    client: ClientKey


class FactTold(Happened, frozen=True, kw_only=True, gc=False):
    """Something that bears on a node's standing, told by who may tell it."""

    fact: Fact


NodeAnswer = TaskAccepted | ReplyBegun | TaskFinished | AttemptFailed
"""What a node says about one attempt."""

NodeEvent = NodeJoined | NodeReported | NodeLeft | NodeKicked | NodePaused | FactTold
"""What bears on nodes."""
TaskEvent = TaskRequested | NodeAnswer | TaskCancelled | TaskStopped | ClientLeft
"""What bears on tasks."""
Event = NodeEvent | TaskEvent
