"""Every message of the club's protocol, one struct each, with explicit tags.

One message is one msgpack map in one binary WebSocket frame. A new field gets a
default; unknown fields are skipped, so that an older side can read a newer one.

```
dialler -- HELLO --------->                      coordinator; both kinds begin so
        <- WELCOME | GOODBYE

agent   -- NODE_REGISTER ->                      as the node that its ticket names
        <- NODE_REGISTERED
        -- NODE_HEARTBEAT >
        <- NODE_HEARD

client  -- TASK_REQUEST -->                      no content: model, sizes, limits
        <- NOTICE                                why it waits
        <- TASK_OFFER                            a signed assignment to a node; again
                                                 after a failed attempt
        -- TASK_ASSIGN --->  -- TASK_ASSIGN -->  agent: the keys, sealed to the node
        -- TASK_RECORD...->  -- relayed ------>
                             <- TASK_ACCEPT
        <- TASK_REPLY        <- TASK_REPLY
        <- TASK_RECORD...    <- relayed          from here no retry of a stream
        <- TASK_RESULT       <- TASK_RESULT      or TASK_FAIL
        <- TASK_TAGS                             how the answers of a group compare
        -- TASK_VERDICT -->                      what was wrong with one
        -- TASK_CANCEL --->  -- TASK_CANCEL -->
```

`task`, `part` and `attempt` name one assignment. `TASK_ASSIGN`, `TASK_RECORD` and
`TASK_REPLY` are the same bytes on both hops: the coordinator relays the frames, and has
no key to what is sealed in them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from clubai.model import (
    AnswerTag,
    FailCode,
    Kind,
    Mode,
    ModelOffer,
)

PROTOCOL_VERSION: Final = 1
SUBPROTOCOL: Final = "clubai.1"
MAX_MESSAGE_BYTES: Final = 1 << 20
"""One constant for every adapter, both ends and the codec."""
MAX_SECONDS: Final = 86_400.0

Name = Annotated[str, Meta(max_length=256)]
Text = Annotated[str, Meta(max_length=4096)]
Id16 = Annotated[bytes, Meta(min_length=16, max_length=16)]
OptionalId = Annotated[bytes, Meta(max_length=16)]
Bytes32 = Annotated[bytes, Meta(min_length=32, max_length=32)]
Bytes64 = Annotated[bytes, Meta(min_length=64, max_length=64)]
EncHead = Annotated[bytes, Meta(min_length=176, max_length=176)]
ReplyHead = Annotated[bytes, Meta(min_length=96, max_length=96)]
AttestationBody = Annotated[bytes, Meta(min_length=172, max_length=172)]
VerdictBody = Annotated[bytes, Meta(min_length=123, max_length=123)]
BundleBody = Annotated[bytes, Meta(max_length=512)]
AssignmentBody = Annotated[bytes, Meta(max_length=1 << 16)]
SealedFailure = Annotated[bytes, Meta(max_length=96 + 65_536 + 16)]
U16 = Annotated[int, Meta(ge=0, lt=1 << 16)]
U32 = Annotated[int, Meta(ge=0, lt=1 << 32)]
U63 = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Seconds = Annotated[float, Meta(ge=0, le=MAX_SECONDS)]


class CloseCode(IntEnum):
    """Why a connection was ended, in `Goodbye.code` and as the WebSocket close code."""

    GOING_AWAY = 1001
    TOO_BIG = 1009
    RESTARTING = 1012
    VERSION = 4001
    BAD_MESSAGE = 4002
    LOGIN_LATE = 4003
    NAME_TAKEN = 4004
    NOT_YOURS = 4005
    """A node answered for a task that is another node's."""
    BAD_SIGNATURE = 4006
    TOO_SLOW = 4008
    REPLACED = 4009
    """The same node came in on a newer connection."""
    TOO_MANY = 4029


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all messages."""


class Hello(Message, frozen=True, kw_only=True, tag="HELLO"):
    """The first message of whoever dialled."""

    versions: Annotated[tuple[int, ...], Meta(max_length=16)]
    program: Name = ""
    """Name and version of the program, for people."""


class Welcome(Message, frozen=True, kw_only=True, tag="WELCOME"):
    """The coordinator's answer to `Hello`."""

    version: int
    heartbeat_s: Seconds = 15.0
    key: Bytes32
    """The coordinator's signing key: whoever knows the club has pinned it."""
    program: Name = ""


class Goodbye(Message, frozen=True, kw_only=True, tag="GOODBYE"):
    """The last message before the sender closes."""

    code: int
    reason: Text = ""


class Notice(Message, frozen=True, kw_only=True, tag="NOTICE"):
    """Something a person may want to know; nothing decides by it.

    With `task` or `ref` it says why a request waits.
    """

    code: Name
    text: Text = ""
    ref: U32 = 0
    task: OptionalId = b""
    position: U32 = 0
    """Place in the queue, from 1; 0: not queued."""


class NodeRegister(Message, frozen=True, kw_only=True, tag="NODE_REGISTER"):
    """An agent says which node it speaks for and what the node can run."""

    key: Bytes32
    """The node's Ed25519 identity key; the node id is its hash."""
    boot: Id16
    """Random per agent process."""
    bundle: BundleBody
    """The node's keys, signed by `key`."""
    bundle_sig: Bytes64
    name: Name
    models: Annotated[tuple[ModelOffer, ...], Meta(max_length=512)] = ()
    slots: U16 = 1
    vram_gb: Annotated[float, Meta(ge=0, le=1e6)] = 0.0
    backend: Name = ""
    """Kind and version of the model server, for people."""
    program: Name = ""


class NodeRegistered(Message, frozen=True, kw_only=True, tag="NODE_REGISTERED"):
    """The coordinator took the node in."""

    node: Bytes32


class NodeBundle(Message, frozen=True, kw_only=True, tag="NODE_BUNDLE"):
    """A node's encryption key has changed: its next bundle."""

    bundle: BundleBody
    bundle_sig: Bytes64


class NodeHeartbeat(Message, frozen=True, kw_only=True, tag="NODE_HEARTBEAT"):
    """An agent is alive; what changed since the last one.

    `models` and `slots` replace what was registered.
    """

    models: Annotated[tuple[ModelOffer, ...], Meta(max_length=512)] = ()
    slots: U16 = 1
    running: Annotated[tuple[Id16, ...], Meta(max_length=4096)] = ()
    """Tasks that the agent works on: their leases are renewed."""
    paused: bool = False
    draining: bool = False


class NodeHeard(Message, frozen=True, kw_only=True, tag="NODE_HEARD"):
    """The coordinator's answer to a heartbeat: the agent knows that it is there."""


class TaskRequest(Message, frozen=True, kw_only=True, tag="TASK_REQUEST"):
    """A client wants a node. It says sizes, never content."""

    ref: U32
    """Chosen by the client, unique on its connection; echoed until `task` is known."""
    model: Name
    kind: Kind = "chat"
    mode: Mode = "single"
    prompt_tokens: U32 = 0
    """The client's lower bound for the prompt's tokens; 0: not estimated."""
    max_tokens: U32 = 0
    """Most tokens the answer may have; 0: as the node decides."""
    stream: bool = True
    """False: the node keeps the answer until it is whole, so that it can be retried."""
    wait_s: Seconds = 60.0
    """How long it may be queued."""
    deadline_s: Seconds = 600.0
    """How long it may take altogether."""
    request_bytes: U63 = 0
    """Of the request as it is padded."""
    cvk: Bytes32
    """The client's verdict key for this task."""
    group: Annotated[bytes, Meta(max_length=16)] = b""
    """Random; the same for all tasks whose answers are compared; empty: none."""
    group_size: U16 = 0
    """How many tasks the group has."""
    exclude: Annotated[tuple[Bytes32, ...], Meta(max_length=256)] = ()
    pinned: Annotated[tuple[Bytes32, ...], Meta(max_length=256)] = ()
    """Only these nodes, when not empty."""


class TaskOffer(Message, frozen=True, kw_only=True, tag="TASK_OFFER"):
    """The coordinator chose a node; again, and another one, after a failed attempt."""

    ref: U32
    task: Id16
    body: AssignmentBody
    """The assignment; see `assignment`. Nothing else in this message is signed."""
    sig: Bytes64
    """Over `body`, by the coordinator's key."""
    node_name: Name = ""
    queued_ms: U32 = 0


class TaskAssign(Message, frozen=True, kw_only=True, tag="TASK_ASSIGN"):
    """The client takes the offer; relayed to the agent, the sealed request follows."""

    task: Id16
    part: U16 = 0
    attempt: U16 = 0
    body: AssignmentBody
    sig: Bytes64
    """The assignment as it was offered."""
    enc_head: EncHead
    """The secret of this attempt, sealed to the node's encryption key."""
    commit: Bytes32
    """To the key of the request's records."""


class TaskRecord(Message, frozen=True, kw_only=True, tag="TASK_RECORD"):
    """One sealed record of the request or of the answer; see `records`."""

    task: Id16
    part: U16 = 0
    attempt: U16 = 0
    seq: U63
    fin: bool = False
    ct: Annotated[bytes, Meta(max_length=65_536 + 16)]


class TaskAccept(Message, frozen=True, kw_only=True, tag="TASK_ACCEPT"):
    """The agent has the whole request and a slot for it."""

    task: Id16
    part: U16 = 0
    attempt: U16 = 0


class TaskReply(Message, frozen=True, kw_only=True, tag="TASK_REPLY"):
    """The answer begins with the next message."""

    task: Id16
    part: U16 = 0
    attempt: U16 = 0
    hdr: ReplyHead
    """The node's half of the answer's keys."""


class TaskResult(Message, frozen=True, kw_only=True, tag="TASK_RESULT"):
    """The answer is whole: what the node signs of it. The client gets no tags."""

    task: Id16
    part: U16 = 0
    attempt: U16 = 0
    body: AttestationBody
    sig: Bytes64
    """Over `body`, by the node's identity key."""
    eq: Annotated[bytes, Meta(max_length=32)] = b""
    sketch: Annotated[bytes, Meta(max_length=128)] = b""
    """By these two the coordinator compares answers that it cannot read."""


class TaskTags(Message, frozen=True, kw_only=True, tag="TASK_TAGS"):
    """All answers of a group are in, or its time is over: how they compare."""

    group: Id16
    tags: Annotated[tuple[AnswerTag, ...], Meta(max_length=64)]
    missing: U16 = 0
    """Tasks of the group that gave no answer."""


class TaskVerdict(Message, frozen=True, kw_only=True, tag="TASK_VERDICT"):
    """What the client found wrong with an answer."""

    task: Id16
    part: U16 = 0
    attempt: U16 = 0
    body: VerdictBody
    sig: Bytes64
    """Over `body`, by the task's verdict key."""


class TaskFail(Message, frozen=True, kw_only=True, tag="TASK_FAIL"):
    """To the coordinator: this attempt failed. To the client: the task failed."""

    code: FailCode
    message: Text = ""
    ref: U32 = 0
    task: OptionalId = b""
    part: U16 = 0
    attempt: U16 = 0
    retry_after_s: Annotated[float, Meta(ge=0, le=32 * 86_400)] | None = None
    """A month at most: a limit may be one of the month."""
    attempts: U16 = 0
    begun: bool = False
    """Part of the answer had been sent."""
    sealed: SealedFailure = b""
    """The node's own words, for the client alone: `TaskReply.hdr`, unless that was sent
    before, and one final record."""


class TaskCancel(Message, frozen=True, kw_only=True, tag="TASK_CANCEL"):
    """Whoever asked is gone or has enough; with `task` empty, of the request `ref`."""

    task: OptionalId = b""
    ref: U32 = 0
    part: U16 = 0
    attempt: U16 = 0


class ClubQuery(Message, frozen=True, kw_only=True, tag="CLUB_QUERY"):
    """A client asks for what anyone in the club may see."""

    ref: U32
    what: Name
    """`models`, `snapshot`, `account`, or `log`."""
    path: Name = ""
    """Of `log`: which part of the key log, as `/log/` has it."""


class ClubAnswer(Message, frozen=True, kw_only=True, tag="CLUB_ANSWER"):
    """The answer to `ClubQuery` or one item of a watch."""

    ref: U32
    body: msgspec.Raw
    """msgpack of the snapshot struct that `what` names."""


class ClubWatch(Message, frozen=True, kw_only=True, tag="CLUB_WATCH"):
    """Ask for a `ClubAnswer` with a snapshot now and after changes, until cancelled."""

    ref: U32
    interval_s: Annotated[float, Meta(ge=0.05, le=3600)] = 0.5
    """At most one snapshot in this time."""


class ClubUnwatch(Message, frozen=True, kw_only=True, tag="CLUB_UNWATCH"):
    """End the watch `ref`."""

    ref: U32


FromNode = (
    Hello
    | NodeRegister
    | NodeBundle
    | NodeHeartbeat
    | TaskAccept
    | TaskReply
    | TaskRecord
    | TaskResult
    | TaskFail
    | Notice
    | Goodbye
)
ToNode = (
    Welcome
    | NodeRegistered
    | NodeHeard
    | TaskAssign
    | TaskRecord
    | TaskCancel
    | Notice
    | Goodbye
)
FromClient = (
    Hello
    | TaskRequest
    | TaskAssign
    | TaskRecord
    | TaskVerdict
    | TaskCancel
    | ClubQuery
    | ClubWatch
    | ClubUnwatch
    | Goodbye
)
ToClient = (
    Welcome
    | TaskOffer
    | TaskReply
    | TaskRecord
    | TaskResult
    | TaskTags
    | TaskFail
    | ClubAnswer
    | Notice
    | Goodbye
)
