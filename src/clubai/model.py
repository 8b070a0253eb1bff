"""The nouns of the house: ids, and frozen values that any room may hold.

Ids are bytes inside and on the wire, text for people: `task_text`, `node_text`.
Times are seconds on one timeline (Unix seconds as a float) unless a name says `_ms`.
Snapshots are for whoever only looks; nothing decides by them.
"""

from __future__ import annotations

import base64
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, NewType, Protocol

import msgspec
from msgspec import Meta

NodeId = NewType("NodeId", bytes)
"""SHA-256 of the node's identity key, 32 bytes."""
TaskId = NewType("TaskId", bytes)
"""16 random bytes."""
MemberId = NewType("MemberId", str)
"""`m_` and 16 characters of lower-case base32."""

CLUB_ID: Final = MemberId("m_club")
"""Who asks the club's own checks: no account has this id, and nobody logs in as it."""
NODE_ID_BYTES: Final = 32
ModelName = Annotated[str, Meta(max_length=256)]
Count = Annotated[int, Meta(ge=0, lt=1 << 32)]

NICKNAME_LENGTH: Final = 12

MAX_RECORD_DATA: Final = 65_536 - 5
"""Most bytes of data in one record; with its head it fills the largest bucket."""
MAX_RECORDS: Final = 1 << 20
MAX_DIRECTION_BYTES: Final = 64 << 20
"""Most records, and bytes of data, in one direction of one attempt."""

Kind = Literal["chat", "completion", "embedding"]
"""What is asked of a model."""
Mode = Literal["single", "subtasks", "consensus", "context"]
MODE_NUMBERS: Final[dict[Mode, int]] = {
    "single": 0,
    "consensus": 1,
    "subtasks": 2,
    "context": 3,
}
"""The modes as sealed requests bind them."""
Privacy = Literal["normal", "high"]
"""Whether an answer's records leave when there is something, or at a constant rate."""
ReadableBy = Literal["coordinator and node", "node"]
"""Who could read a request: transit or sealed."""


class Redacted(msgspec.Struct, frozen=True):
    """A struct that hides fields: whoever prints it gets its `__repr__`, and no more.

    Of its own, msgspec tells rich every field, whatever the `__repr__` says.
    """

    def __rich_repr__(self) -> Any:
        """None: rich then prints what `repr` says."""
        return None


class FailCode(StrEnum):
    """Why a request was refused or failed. The HTTP status of each is in `gateway`."""

    UNKNOWN_MODEL = "unknown_model"
    CONTEXT_LENGTH_EXCEEDED = "context_length_exceeded"
    UNSUPPORTED = "unsupported"
    """The model's server cannot do this (embeddings, tools, ...)."""
    BAD_REQUEST = "bad_request"
    NO_CAPACITY = "no_capacity"
    """The model is known to the club, and no node that has it can take work."""
    QUEUE_FULL = "queue_full"
    QUEUE_TIMEOUT = "queue_timeout"
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"
    """The node has no free slot."""
    BACKEND = "backend"
    """The node's model server failed."""
    TRUNCATED = "truncated"
    """The answer ended without a finish reason."""
    EMPTY = "empty"
    """The model answered nothing at all."""
    NODE_LOST = "node_lost"
    EXPIRED = "expired"
    """The deadline passed."""
    TOO_BIG = "too_big"
    CANCELLED = "cancelled"
    SLOW_READER = "slow_reader"
    """Whoever asked did not read the answer fast enough."""
    KEY_STALE = "key_stale"
    OPEN_FAILED = "open_failed"
    RESTARTING = "restarting"
    NOT_ALLOWED = "not_allowed"
    """The API key is not for this."""


class TrustCode(StrEnum):
    """Which check a key, a signature or a sealed record failed."""

    COORDINATOR_CHANGED = "coordinator_changed"
    """The coordinator's signing key is not the one that was pinned."""
    BAD_ASSIGNMENT = "bad_assignment"
    """Not signed by the coordinator's key, or not readable."""
    WRONG_ASSIGNMENT = "wrong_assignment"
    """Signed, and not for what was asked: task, model, mode, key or node differ."""
    EXPIRED = "expired"
    """Not yet, or no longer, valid by this machine's clock."""
    BAD_BUNDLE = "bad_bundle"
    """A node's keys are not signed by the identity that the node id names."""
    EPOCH_ROLLBACK = "epoch_rollback"
    """An older bundle of a node than one that was seen before."""
    KEY_STALE = "key_stale"
    """Sealed to a key that the node no longer has: fetch its bundle and retry."""
    STALE_BOOT = "stale_boot"
    """Sealed to an earlier process of the node."""
    REPLAYED = "replayed"
    """The same sealed request came before."""
    OPEN_FAILED = "open_failed"
    """Sealed to another key, or for another purpose, or altered on the way."""
    BAD_RECORD = "bad_record"
    """A record that is altered, badly padded or of an unknown type."""
    OUT_OF_ORDER = "out_of_order"
    """A record where another one was due, or after the final one."""
    TRUNCATED = "truncated"
    """The end came before the final record."""
    TOO_MUCH = "too_much"
    """More records or bytes than one direction may hold."""
    BAD_ATTESTATION = "bad_attestation"
    """What the node signed is not what it sent."""
    TAG_LIE = "tag_lie"
    """A node's equality tag or sketch is not of the answer that it sent."""
    LOG_FORK = "log_fork"
    """The key log is not a continuation of what it was before."""
    NOT_IN_LOG = "not_in_log"
    """A node's keys are not in the key log."""
    TOO_YOUNG = "too_young"
    """The node is in the key log for less time than the policy asks."""
    NOT_PINNED = "not_pinned"
    """The node is none of those that the policy names."""
    NOT_OWNED = "not_owned"
    """No owner that the policy names has countersigned the node."""


RETRY_ELSEWHERE: Final = frozenset(
    {
        FailCode.BUSY,
        FailCode.BACKEND,
        FailCode.TRUNCATED,
        FailCode.EMPTY,
        FailCode.NODE_LOST,
        FailCode.EXPIRED,
        FailCode.KEY_STALE,
        FailCode.OPEN_FAILED,
        FailCode.UNSUPPORTED,
        FailCode.CONTEXT_LENGTH_EXCEEDED,
        FailCode.UNKNOWN_MODEL,
    }
)
"""Failures of one node that another node may not have."""


@lru_cache(maxsize=16_384)
def node_text(node: NodeId) -> str:
    """Show a node id as 52 characters of lower-case base32."""
    return base64.b32encode(node).decode("ascii").rstrip("=").lower()


@lru_cache(maxsize=16_384)
def node_bytes(text: str) -> NodeId:
    """Read what `node_text` shows. Raises `ValueError`."""
    node = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    if len(node) != NODE_ID_BYTES:
        msg = f"{text[:80]!r} is no node id"
        raise ValueError(msg)
    return NodeId(node)


def node_nickname(node: NodeId) -> str:
    """The first 12 characters of the node id's text: what people compare."""
    return node_text(node)[:NICKNAME_LENGTH]


def task_text(task: TaskId) -> str:
    """Show a task id as 32 hexadecimal characters."""
    return task.hex()


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the frozen value structs."""


class ModelOffer(Value, frozen=True, kw_only=True, gc=False):
    """One model that a node can run."""

    name: ModelName
    context: Count = 0
    """Tokens that one request may hold, prompt and answer together; 0: not known."""
    warm: bool = True
    """In memory now. A cold one is loaded by the first request for it."""
    kinds: Annotated[tuple[Kind, ...], Meta(max_length=8)] = ("chat", "completion")
    quantization: Annotated[str, Meta(max_length=64)] = ""
    tokens_per_second: Annotated[float, Meta(ge=0, le=1e9)] = 0.0
    """Measured by the node itself on one slot; 0: not measured."""


class Usage(Value, frozen=True, kw_only=True):
    """Tokens as the node's model server counted them."""

    prompt_tokens: Count = 0
    completion_tokens: Count = 0

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens


class Timings(Value, frozen=True, kw_only=True):
    """Where the time of one request went, in milliseconds."""

    queued_ms: int = 0
    """From the request's arrival to the offer of a node."""
    first_token_ms: int = 0
    """From the request's arrival to the first record of the answer."""
    total_ms: int = 0


class ModelSnapshot(Value, frozen=True, kw_only=True):
    """One model as the whole club offers it."""

    name: str
    nodes: int
    warm: int
    """Nodes on which it is in memory."""
    slots: int
    slots_free: int
    context: int
    """The longest context that any node offers for it; 0: not known."""
    kinds: tuple[Kind, ...]


NodeState = Literal["alive", "suspect", "lost", "paused", "draining"]


class NodeStanding(Value, frozen=True, kw_only=True, gc=False):
    """How a node stands, as all may see it."""

    points: int
    held: int
    """Points in escrow: they count once the node passes an audit."""
    suspended: bool = False
    trusted: bool = False
    """An operator made it a reference for others."""


class NodeSnapshot(Value, frozen=True, kw_only=True, gc=False):
    """One node as the coordinator sees it."""

    id: str
    name: str
    state: NodeState
    owner: str
    backend: str
    models: tuple[ModelOffer, ...]
    slots: int
    slots_used: int
    vram_gb: float
    tokens_per_second: float
    """Measured over the node's recent tasks; 0: none yet."""
    tasks_done: int
    tasks_failed: int
    joined_at: float
    seen_at: float
    version: str
    standing: NodeStanding | None = None
    """None: nobody judges nodes here."""


TaskState = Literal["queued", "offered", "running", "replying", "done", "failed"]


class TaskSnapshot(Value, frozen=True, kw_only=True, gc=False):
    """One task as the coordinator sees it: never what was asked or answered."""

    id: str
    member: str
    model: str
    kind: Kind
    mode: Mode
    state: TaskState
    node: str
    """Text of the node's id; empty while none is chosen."""
    node_name: str
    attempts: int
    reason: str
    """Why it waits or failed; empty otherwise."""
    created_at: float
    ended_at: float
    """0 while it is not ended."""
    queued_ms: int
    first_token_ms: int
    total_ms: int
    prompt_tokens: int
    completion_tokens: int


class StoryLine(Value, frozen=True, kw_only=True):
    """One step in what happened to a task: never what was asked or answered."""

    at: float
    what: str
    """Its first word, up to a colon, is the step: `requested`, `waits`, or the state
    that the task came to; then what there is to say of it."""


class TaskFacts(Value, frozen=True, kw_only=True):
    """The facts of one ended task: what the store keeps of it."""

    id: bytes
    member: MemberId
    model: str
    kind: Kind
    mode: Mode
    state: Literal["done", "failed"]
    code: str
    """The `FailCode` of a failed one, empty otherwise."""
    node: bytes
    """The node that ended it; empty when no node was ever chosen."""
    attempts: int
    created_at: float
    ended_at: float
    queued_ms: int
    first_token_ms: int
    total_ms: int
    prompt_tokens: int
    completion_tokens: int
    request_bytes: int
    answer_bytes: int
    key_id: str = ""
    """Public id of the API key that it was asked with; empty: a login's token."""


class EndedTask(Protocol):
    """Of the facts of an ended task, those that decide what it is paid."""

    @property
    def id(self) -> bytes:
        """Its id."""

    @property
    def member(self) -> MemberId:
        """Who asked."""

    @property
    def model(self) -> str:
        """On which it was answered."""

    @property
    def state(self) -> str:
        """`done`, or `failed`."""

    @property
    def node(self) -> bytes:
        """The node that ended it; empty when none was ever chosen."""

    @property
    def ended_at(self) -> float:
        """Unix seconds."""

    @property
    def prompt_tokens(self) -> int:
        """As they were counted for its pay."""

    @property
    def completion_tokens(self) -> int:
        """Of the answer."""


class AnswerTag(Value, frozen=True, kw_only=True):
    """By what an answer can be compared with others, and not read."""

    task: bytes
    node: bytes
    eq: bytes
    """Equal for answers that say the same, up to case and punctuation; 32 bytes."""
    sketch: bytes
    """Of two answers, the share of equal bytes tells how alike they are; 128 bytes."""


class VerdictFacts(Value, frozen=True, kw_only=True):
    """What a client said of an answer, signed with the task's verdict key."""

    task: bytes
    part: int
    attempt: int
    node: bytes
    member: MemberId
    value: int
    """0 ok, 1 undecryptable, 2 truncated, 3 minority, 4 known answer wrong,
    5 useless."""
    score_milli: int
    checked: bool
    """It is about the very answer that the node attested."""
    at_ms: int
    """The client's clock, Unix milliseconds."""


class ClubStats(Value, frozen=True, kw_only=True):
    """Counts since the coordinator started, unless the name says otherwise."""

    started_at: float
    now: float
    nodes_alive: int
    nodes_known: int
    slots: int
    slots_used: int
    tasks_queued: int
    tasks_running: int
    tasks_done: int
    tasks_failed: int
    tasks_retried: int
    prompt_tokens: int
    completion_tokens: int
    members: int
    tasks_ever: int
    """Rows in the store, from earlier runs too."""


class ClubSnapshot(Value, frozen=True, kw_only=True):
    """Everything a dashboard shows, at one moment."""

    stats: ClubStats
    models: tuple[ModelSnapshot, ...]
    nodes: tuple[NodeSnapshot, ...]
    tasks: tuple[TaskSnapshot, ...]
    """The live ones and the most recent ended ones, newest first."""
