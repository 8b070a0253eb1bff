"""Answers as programs want them: text, and where it came from."""

from __future__ import annotations

from collections import deque
from typing import Any, Literal, Self

import msgspec

from clubai.client.run import Run
from clubai.dividing.citing import Citation
from clubai.dividing.plan import StepKind
from clubai.errors import RemoteProtocolError, TaskFailed
from clubai.model import FailCode, Mode, ReadableBy, Timings, Usage
from clubai.protocol.records import Choice, text_of


class NodeUsed(msgspec.Struct, frozen=True, kw_only=True):
    """A node that worked on an answer."""

    id: str
    name: str


class PartReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one step of a divided job."""

    id: str
    kind: StepKind
    title: str = ""
    state: Literal["done", "failed", "left out"]
    """`left out`: it turned out not to be needed."""
    nodes: tuple[NodeUsed, ...] = ()
    """Those that were tried, in order: a done step was answered by the last one."""
    attempts: int = 0
    """More than one: it was done again elsewhere."""
    task: str = ""
    usage: Usage = Usage()
    timings: Timings = Timings()
    text: str = ""
    error: str = ""


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """How far the answers of several nodes agree."""

    quorum: bool
    """More than half of those who answered, and at least two, agree."""
    agreed: int
    """Nodes whose answers agree with the one that is given."""
    answers: int
    """Nodes that answered."""
    owners: int
    """Owners that they have at most: answers of one owner's nodes prove little."""
    compared: str
    """How: `exact`, `json`, `number`, `choice` or `text`."""
    reason: str
    """Why it came out so; see `clubai.comparing.Reason`."""
    votes: tuple[tuple[str, ...], ...] = ()
    """Ids of the nodes that agree with each other, the largest group first."""
    dissent: tuple[str, ...] = ()
    """Ids of the nodes that say something else."""
    candidates: tuple[tuple[str, str], ...] = ()
    """Node id and answer of all of them, when there is no quorum."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer with its provenance."""

    text: str
    model: str
    mode: Mode
    nodes: tuple[NodeUsed, ...]
    attempts: int
    """Nodes that were tried, the one that answered included."""
    usage: Usage
    timings: Timings
    readable_by: ReadableBy
    task: str
    finish_reason: str
    parts: tuple[PartReport, ...] = ()
    """Of a divided job: its steps in the order of the plan."""
    agreement: Agreement | None = None
    """Of a job in the mode *consensus*."""
    citations: tuple[Citation, ...] = ()
    """Of a job in the mode *context* that asked for them."""
    note: str = ""
    """What whoever asked should know of how it was divided; empty: nothing."""


class AnswerStream:
    """An answer while it comes: iterate for its pieces of text, then read `answer`."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._parts: list[str] = []
        self._waiting: deque[str] = deque()
        self._finish_reason = ""

    @property
    def run(self) -> Run:
        """The run behind it, for provenance while it goes on."""
        return self._run

    def __aiter__(self) -> Self:
        """Pieces of text in order."""
        return self

    async def __anext__(self) -> str:
        """The next piece of text.

        Raises:
            TaskRejected, TaskFailed, ConnectionLost: the answer did not end well.
        """
        while not self._waiting:
            for choice in await anext(self._run):
                self._take(choice)
        piece = self._waiting.popleft()
        self._parts.append(piece)
        return piece

    @property
    def answer(self) -> Answer:
        """The answer so far; whole once the iteration has ended."""
        run = self._run
        return Answer(
            text="".join(self._parts),
            model=run.model,
            mode=run.job.mode,
            nodes=(NodeUsed(id=run.node, name=run.node_name),) if run.node else (),
            attempts=run.attempts,
            usage=run.usage,
            timings=run.timings,
            readable_by=run.readable_by,
            task=run.task,
            finish_reason=self._finish_reason,
        )

    def _take(self, choice: Choice) -> None:
        if choice.index:
            return
        self._finish_reason = choice.finish_reason or self._finish_reason
        try:
            piece = text_of(choice)
        except RemoteProtocolError as error:
            raise TaskFailed(FailCode.BACKEND, error.reason) from error
        if piece:
            self._waiting.append(piece)


def chat_body(
    prompt: str | list[dict[str, Any]], *, system: str, options: dict[str, Any]
) -> dict[str, Any]:
    """Make the OpenAI chat request of a prompt or of whole messages."""
    messages = (
        [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    )
    if system:
        messages = [{"role": "system", "content": system}, *messages]
    kept = {name: value for name, value in options.items() if value is not None}
    return {"messages": messages, **kept}
