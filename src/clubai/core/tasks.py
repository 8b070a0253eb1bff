"""What becomes of a task: its states, its attempts, its lease, its times.

Everything that changes a task's state goes through `TRANSITIONS`; a move that is not in
the table is a bug of ours and raises with the task's story.

```
queued --offer--> offered --accept--> running --reply--> replying --finish--> done
  ^-----retry--------'------------------'-------------------'|
  '--fail-----------'--fail-------------'--fail--------------'--> failed
```

From `replying` only a whole answer is retried: of a streamed one, part is out already.

A node may leave out what it could say (`reply` without `accept`, `finish` without
`reply`), never go back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from clubai.core.commands import WaitReason
from clubai.core.events import TaskRequested
from clubai.core.moment import TaskMoment, since_ms
from clubai.core.nodes import Node
from clubai.errors import InvariantError
from clubai.model import (
    FailCode,
    NodeId,
    StoryLine,
    TaskFacts,
    TaskSnapshot,
    TaskState,
    Usage,
    task_text,
)

PART: Final = 0
"""Every task is one part: the client divides a job into tasks of its own."""
MAX_STORY: Final = 64
LEAST_ANSWER_TOKENS: Final = 16
"""Room for an answer whose length the client does not limit."""
MAX_COUNT: Final = 1 << 31
"""What a node claims to have counted is believed up to here."""
MAX_SECONDS: Final = 86_400.0


class Move(StrEnum):
    """What changes a task's state."""

    OFFER = "offer"
    ACCEPT = "accept"
    REPLY = "reply"
    FINISH = "finish"
    RETRY = "retry"
    FAIL = "fail"


TRANSITIONS: Final[dict[tuple[TaskState, Move], TaskState]] = {
    ("queued", Move.OFFER): "offered",
    ("queued", Move.FAIL): "failed",
    ("offered", Move.ACCEPT): "running",
    ("offered", Move.REPLY): "replying",
    ("offered", Move.FINISH): "done",
    ("offered", Move.RETRY): "queued",
    ("offered", Move.FAIL): "failed",
    ("running", Move.REPLY): "replying",
    ("running", Move.FINISH): "done",
    ("running", Move.RETRY): "queued",
    ("running", Move.FAIL): "failed",
    ("replying", Move.FINISH): "done",
    ("replying", Move.RETRY): "queued",
    ("replying", Move.FAIL): "failed",
}


@dataclass(slots=True, eq=False)
class Task:
    """One live task. Its state is changed by `move` alone."""

    request: TaskRequested
    order: int
    """Of arrival."""
    created_at: float
    deadline: float
    wait_s: float
    """How long it may wait for a node, each time."""
    wait_until: float
    look_at: float
    """While it waits: when to look at it anew."""
    need: int
    """Tokens of context that it takes at least."""
    excluded: dict[NodeId, None]
    """By the client's wish, and those that failed an attempt."""
    pinned: dict[NodeId, None]
    state: TaskState = "queued"
    waiting: bool = False
    """It is in the queue, which alone sets this."""
    nodes: list[NodeId] = field(default_factory=list)
    """The node of each attempt."""
    node_name: str = ""
    node_text: str = ""
    """Name and id of the last one, for people."""
    over_context: int = 0
    """A node of this context found it too long: only a larger one will do."""
    lease_until: float = 0.0
    missed: int = 0
    """Heartbeats in a row that did not list it since it was accepted."""
    queued_since: float = 0.0
    queued_s: float = 0.0
    began_at: float = 0.0
    """When the present attempt was offered, then when it was accepted."""
    replied_at: float = 0.0
    code: FailCode | None = None
    message: str = ""
    sealed: bytes = b""
    """Code, words and sealed words of the last failed attempt."""
    said: tuple[WaitReason, int] | None = None
    """Reason and place in the queue, as the client was last told."""
    wait_text: str = ""
    usage: Usage = field(default_factory=Usage)
    grouped: bool = False
    """Its answer is compared with others."""
    eq: bytes = b""
    sketch: bytes = b""
    """By which its answer is compared with others of its group."""
    request_bytes: int = 0
    answer_bytes: int = 0
    ended_at: float = 0.0
    story: list[tuple[float, str]] = field(default_factory=list)

    @property
    def attempt(self) -> int:
        """Number of the present or last attempt; 0 before the first."""
        return max(len(self.nodes) - 1, 0)

    @property
    def leased(self) -> bool:
        """Whether a node holds a slot for it."""
        return self.state in ("offered", "running", "replying")

    @property
    def next_wake(self) -> float:
        """When time alone would next change something."""
        if self.leased:
            return min(self.deadline, self.lease_until)
        return min(self.deadline, self.wait_until, self.look_at)

    @property
    def given(self) -> bool:
        """Whether part of an answer may be with whoever asked: it cannot be retried."""
        return self.state == "replying" and self.request.stream

    def move(self, move: Move, now: float, detail: str) -> None:
        """Change the state by the table.

        Raises:
            InvariantError: the table has no such move.
        """
        after = TRANSITIONS.get((self.state, move))
        if after is None:
            raise InvariantError(
                f"task {task_text(self.request.task)}: {move} while {self.state}",
                self.lines(),
            )
        self.state = after
        self.note(now, f"{after}: {detail}")

    def lease(self, node: Node, now: float, *, until: float) -> None:
        """Begin the next attempt."""
        self.nodes.append(node.id)
        self.node_name, self.node_text = node.name, node.text
        self.queued_s += max(now - self.queued_since, 0.0)
        self.said = None
        self.begin(now, until=until)

    def begin(self, now: float, *, until: float) -> None:
        """Begin to count the node's time, and how often it leaves the task out."""
        self.began_at = now
        self.missed = 0
        self.replied_at = 0.0
        self.lease_until = until

    def note(self, now: float, text: str) -> None:
        """Add a line to the story."""
        if len(self.story) < MAX_STORY:
            self.story.append((now, text))

    def lines(self) -> tuple[str, ...]:
        """The story, each line with the seconds since the request."""
        return tuple(f"+{at - self.created_at:.3f} s {text}" for at, text in self.story)

    def timeline(self) -> tuple[StoryLine, ...]:
        """The story, for people who look at it while or after it happens."""
        return tuple(StoryLine(at=at, what=text) for at, text in self.story)

    @property
    def queued_ms(self) -> int:
        """Time that it waited for a node, over all attempts."""
        return round(self.queued_s * 1000)

    @property
    def first_token_ms(self) -> int:
        """From the request to the answer's begin; 0: it did not begin."""
        return since_ms(self.created_at, self.replied_at)

    @property
    def total_ms(self) -> int:
        """From the request to the end; 0: not ended."""
        return since_ms(self.created_at, self.ended_at)

    def facts(self) -> TaskFacts:
        """What is kept of the ended task."""
        failed = self.state == "failed"
        return TaskFacts(
            id=self.request.task,
            member=self.request.member,
            model=self.request.model,
            kind=self.request.kind,
            mode=self.request.mode,
            state="failed" if failed else "done",
            code=str(self.code) if failed and self.code else "",
            node=self.nodes[-1] if self.nodes else b"",
            attempts=len(self.nodes),
            created_at=self.created_at,
            ended_at=self.ended_at,
            queued_ms=self.queued_ms,
            first_token_ms=self.first_token_ms,
            total_ms=self.total_ms,
            prompt_tokens=self.usage.prompt_tokens,
            completion_tokens=self.usage.completion_tokens,
            request_bytes=self.request_bytes or self.request.request_bytes,
            answer_bytes=self.answer_bytes,
            key_id=self.request.key_id,
        )

    def moment(self) -> TaskMoment:
        """Take down how the task is."""
        return TaskMoment(
            self.request,
            self.state,
            self.node_text,
            self.node_name,
            len(self.nodes),
            self.code,
            self.message,
            self.wait_text,
            self.created_at,
            self.ended_at,
            self.queued_s,
            self.replied_at,
            self.usage,
        )

    def snapshot(self) -> TaskSnapshot:
        """Show the task as it is."""
        return self.moment().snapshot()


def new_task(request: TaskRequested, order: int, now: float, look_at: float) -> Task:
    """Begin the task of a request."""
    prompt = believable_count(request.prompt_tokens)
    answer = believable_count(request.max_tokens)
    if request.kind != "embedding":
        answer = answer or LEAST_ANSWER_TOKENS
    wait_s = believable_seconds(request.wait_s)
    task = Task(
        request=request,
        order=order,
        created_at=now,
        deadline=now + believable_seconds(request.deadline_s),
        wait_s=wait_s,
        wait_until=now + wait_s,
        look_at=look_at,
        need=prompt + answer,
        excluded=dict.fromkeys(request.exclude),
        pinned=dict.fromkeys(request.pinned),
        queued_since=now,
    )
    task.note(now, f"requested: {request.kind} of {request.model!r}")
    return task


def believable_count(count: int) -> int:
    """Bring a number that a connection claims into bounds."""
    return min(max(count, 0), MAX_COUNT)


def metered(tokens: int, held_bytes: int) -> int:
    """Bound a node's count of tokens by the bytes that passed: a token has one."""
    return min(believable_count(tokens), max(held_bytes, 0))


def believable_seconds(seconds: float) -> float:
    """Bring a time that a connection claims into bounds; not a number: 0."""
    return min(seconds, MAX_SECONDS) if seconds > 0 else 0.0
