"""Every message of the club's protocol, one struct each, with explicit tags.

One message is one msgpack map in one binary WebSocket frame. A new field gets a
default; unknown fields are skipped, so that an older side can read a newer one.

```
dialler -- HELLO --------->                      coordinator; both kinds begin so
        <- WELCOME | GOODBYE

agent   -- NODE_REGISTER ->                      signed over WELCOME.challenge
        <- NODE_REGISTERED
        -- NODE_HEARTBEAT >
        <- NODE_HEARD

client  -- TASK_REQUEST -->                      no content: model, sizes, limits
        <- NOTICE                                why it waits
        <- TASK_OFFER                            a node; again after a failed attempt
        -- TASK_ASSIGN --->  -- TASK_ASSIGN -->  agent
        -- TASK_RECORD...->  -- relayed ------>
                             <- TASK_ACCEPT
        <- TASK_REPLY        <- TASK_REPLY
        <- TASK_RECORD...    <- relayed          from here no retry of a stream
        <- TASK_RESULT       <- TASK_RESULT      or TASK_FAIL
        -- TASK_CANCEL --->  -- TASK_CANCEL -->
```

`task`, `part` and `attempt` name one assignment. `TASK_RECORD` is the same bytes on
both hops: the coordinator relays the frame and never looks inside `ct`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from clubai.model import (
    FailCode,
    Kind,
    Mode,
    ModelOffer,
    Usage,
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
    challenge: Bytes32
    """Fresh random bytes that a node signs in `NodeRegister`."""
    heartbeat_s: Seconds = 15.0
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
    sig: Bytes64
    """Over `session.registration_bytes(challenge, boot)`."""
    boot: Id16
    """Random per agent process."""
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
    exclude: Annotated[tuple[Bytes32, ...], Meta(max_length=256)] = ()
    pinned: Annotated[tuple[Bytes32, ...], Meta(max_length=256)] = ()
    """Only these nodes, when not empty."""


class TaskOffer(Message, frozen=True, kw_only=True, tag="TASK_OFFER"):
    """The coordinator chose a node. Sent again, with `attempt` + 1, after a failure."""

    ref: U32
    task: Id16
    part: U16 = 0
    attempt: U16 = 0
    node: Bytes32
    node_name: Name = ""
    model: Name
    queued_ms: U32 = 0


class TaskAssign(Message, frozen=True, kw_only=True, tag="TASK_ASSIGN"):
    """The client takes the offer; relayed to the agent, the records follow.

    The routing fields are checked by the coordinator against its offer.
    """

    task: Id16
    part: U16 = 0
    attempt: U16 = 0
    model: Name
    kind: Kind = "chat"
    max_tokens: U32 = 0
    stream: bool = True
    deadline_s: Seconds = 600.0


class TaskRecord(Message, frozen=True, kw_only=True, tag="TASK_RECORD"):
    """One record of the request or of the answer; see `records`."""

    task: Id16
    part: U16 = 0
    attempt: U16 = 0
    seq: U63
    fin: bool = False
    ct: bytes


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
    hdr: bytes = b""
    """Keys of the answer, when records are sealed."""


class TaskResult(Message, frozen=True, kw_only=True, tag="TASK_RESULT"):
    """The answer is whole: `records` records were sent."""

    task: Id16
    part: U16 = 0
    attempt: U16 = 0
    usage: Usage = Usage()
    first_token_ms: U32 = 0
    total_ms: U32 = 0
    """Both measured by the agent, from the whole request."""
    records: U32 = 0


class TaskFail(Message, frozen=True, kw_only=True, tag="TASK_FAIL"):
    """To the coordinator: this attempt failed. To the client: the task failed."""

    code: FailCode
    message: Text = ""
    ref: U32 = 0
    task: OptionalId = b""
    part: U16 = 0
    attempt: U16 = 0
    retry_after_s: Seconds | None = None
    attempts: U16 = 0
    begun: bool = False
    """Part of the answer had been sent."""


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
    """`models`, `snapshot`, or `account`."""


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
    | TaskFail
    | ClubAnswer
    | Notice
    | Goodbye
)
