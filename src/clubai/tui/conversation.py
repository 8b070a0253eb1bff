"""What was asked of the club and what came of it, question by question. Pure.

A question takes the earlier exchanges with it that ended well, newest first as long as
they fit, so that a model can be asked to go on. Only one question of a conversation
goes out alone: one that is divided into the parts of a document or a list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from clubai.client.answer import Answer
from clubai.client.modes.progress import Progress
from clubai.model import Mode, NodeSnapshot
from clubai.splitting import estimate_tokens
from clubai.tui import plain
from clubai.tui.asking import Asking

MODES: Final[tuple[Mode, ...]] = ("single", "consensus", "subtasks", "context")
"""In the order in which a key goes through them."""
MOST_AT_ONCE: Final = 4
"""Questions of one conversation that are under way."""
UNKNOWN_CONTEXT: Final = 2048
"""Tokens that a model is taken to hold when nobody says how many it does."""
AROUND_A_MESSAGE: Final = 8
"""Tokens that a chat template adds, at most."""
WITH_EARLIER: Final[frozenset[Mode]] = frozenset({"single", "consensus"})
"""Modes in which the earlier exchanges are sent, too."""

State = Literal["asking", "answering", "done", "failed", "stopped"]
Messages = list[dict[str, Any]]


class Seen(Protocol):
    """What is known of an answer while it comes."""

    @property
    def task(self) -> str:
        """Its id; empty before a node is chosen."""

    @property
    def node(self) -> str:
        """The node's id."""

    @property
    def node_name(self) -> str:
        """Its name."""

    @property
    def attempts(self) -> int:
        """Nodes that were tried."""


@dataclass
class Part:
    """One step of a divided job, as far as it is known."""

    id: str
    kind: str
    title: str
    state: str
    node: str = ""
    error: str = ""


@dataclass(eq=False)
class Exchange:
    """One question, and its answer as far as it has come."""

    number: int
    """From 1, in its conversation."""
    question: str
    model: str
    """As it was chosen; empty: any."""
    mode: Mode
    asked_at: float
    """Unix seconds, of this machine."""
    earlier: Messages = field(default_factory=list)
    """The messages that go in front of the question."""
    asking: Asking = field(default_factory=Asking)
    """What goes with the question."""
    state: State = "asking"
    text: str = ""
    waiting: str = ""
    """Why it waits; empty: it does not, or nobody said why."""
    provisional: str = ""
    """What a node of several says, and may still be outvoted."""
    failure: str = ""
    ended_at: float = 0.0
    answer: Answer | None = None
    """Set when it is whole."""
    seen: Seen | None = None
    parts: dict[str, Part] = field(default_factory=dict)
    steps: tuple[int, int] = (0, 0)
    """Ended, and expected."""
    again: Exchange | None = None
    """The exchange whose question is asked again."""
    replaced: bool = False
    """The same was asked again, and answered: later questions take the new answer."""
    version: int = 0
    """Grows with whatever is new."""

    @property
    def under_way(self) -> bool:
        """It has not ended."""
        return self.state in ("asking", "answering")

    @property
    def place(self) -> int:
        """Its number, or that of the one that was asked first."""
        return self.again.place if self.again is not None else self.number

    @property
    def task(self) -> str:
        """The id of its task, or of the first of several; empty: not known."""
        if self.answer is not None:
            return self.answer.task
        return self.seen.task if self.seen is not None else ""

    @property
    def tasks(self) -> set[str]:
        """The ids of all its tasks that are known."""
        parts = self.answer.parts if self.answer is not None else ()
        return {self.task, *(part.task for part in parts)} - {""}

    @property
    def messages(self) -> Messages:
        """All that is sent."""
        return [*self.earlier, {"role": "user", "content": self.question}]

    def wait(self, text: str, position: int = 0) -> None:
        """It waits, and this is why."""
        place = f" (place {position})" if position else ""
        self.waiting = f"{text}{place}"
        self.version += 1

    def grow(self, piece: str) -> None:
        """More of the answer came."""
        self.state, self.waiting = "answering", ""
        self.text += piece
        self.version += 1

    def step(self, progress: Progress) -> None:
        """A step of a divided job began or ended."""
        if progress.provisional:
            self.provisional += progress.provisional
            self.state = "answering"
        else:
            before = self.parts.get(progress.step)
            self.parts[progress.step] = Part(
                progress.step,
                progress.kind,
                progress.title or (before.title if before else ""),
                progress.state,
                progress.node,
                progress.error,
            )
        self.steps = (progress.done, progress.steps)
        self.version += 1

    def finish(self, answer: Answer, now: float) -> None:
        """The answer is whole."""
        self.answer, self.text = answer, answer.text
        self._end("done", now)
        if self.again is not None and answer.text:
            self.again.replaced = True

    def fail(self, why: str, now: float) -> None:
        """It came to no answer; what came of it is kept."""
        self.failure = why
        self._end("failed", now)

    def stop(self, now: float) -> None:
        """Whoever asked wants no more of it."""
        self._end("stopped", now)

    def _end(self, state: State, now: float) -> None:
        if self.under_way:
            self.state, self.waiting, self.provisional = state, "", ""
            self.ended_at = now
            self.version += 1


class Conversation:
    """Exchanges in the order in which they were asked."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    @property
    def running(self) -> list[Exchange]:
        """Those that have not ended."""
        return [each for each in self.exchanges if each.under_way]

    @property
    def full(self) -> bool:
        """No more can be asked at once."""
        return len(self.running) >= MOST_AT_ONCE

    def begin(
        self,
        question: str,
        *,
        model: str = "",
        mode: Mode = "single",
        now: float,
        earlier: Iterable[dict[str, Any]] = (),
        asking: Asking | None = None,
        again: Exchange | None = None,
    ) -> Exchange:
        """Add a question that is about to be asked."""
        exchange = Exchange(
            number=len(self.exchanges) + 1,
            question=question,
            model=model,
            mode=mode,
            asked_at=now,
            earlier=list(earlier),
            asking=asking or Asking(),
            again=again,
        )
        self.exchanges.append(exchange)
        return exchange

    def earlier(self, question: str, *, room: int) -> Messages:
        """The exchanges that ended well, as messages, oldest first.

        Of those the last ones are taken that fit into `room` tokens together with the
        question; one that does not fit ends it, so that none is missing in between.
        """
        left = room - estimate_tokens(question) - AROUND_A_MESSAGE
        taken: Messages = []
        in_turn = sorted(self.exchanges, key=lambda exchange: exchange.place)
        for exchange in reversed(in_turn):
            if exchange.state != "done" or exchange.replaced or not exchange.text:
                continue
            left -= estimate_tokens(exchange.question) + estimate_tokens(exchange.text)
            left -= 2 * AROUND_A_MESSAGE
            if left < 0:
                break
            taken[:0] = [
                {"role": "user", "content": exchange.question},
                {"role": "assistant", "content": exchange.text},
            ]
        return taken

    def of_task(self, task: str) -> Exchange | None:
        """The exchange whose task, or part, that is."""
        return next((each for each in self.exchanges if task in each.tasks), None)


def room_for_messages(nodes: Iterable[NodeSnapshot], model: str, asking: Asking) -> int:
    """Tokens that are left for messages in the smallest context that may answer.

    A quarter of the context is kept for the answer where nothing bounds it.
    """
    contexts = [
        offer.context
        for node in nodes
        for offer in node.models
        if offer.context
        and (not model or offer.name == model)
        and "chat" in offer.kinds
    ]
    context = min(contexts, default=UNKNOWN_CONTEXT)
    kept = asking.max_tokens or context // 4
    before = estimate_tokens(asking.system)
    return max(context - kept - before - AROUND_A_MESSAGE, 0)


def as_markdown(exchanges: Iterable[Exchange]) -> str:
    """A conversation to keep: questions, answers, and where they came from."""
    return "\n\n".join(exchange_markdown(each) for each in exchanges) + "\n"


def exchange_markdown(exchange: Exchange) -> str:
    """One exchange to keep."""
    lines = [f"## Question {exchange.number}", "", plain.text(exchange.question), ""]
    lines += ["### Answer", "", plain.text(exchange.text) or "(none)", ""]
    answer = exchange.answer
    if answer is not None:
        nodes = ", ".join(
            plain.name(node.name or node.id[:12]) for node in answer.nodes
        )
        lines.append(
            f"_{nodes or 'no node'}, {plain.name(answer.model)}, mode {answer.mode}, "
            f"{answer.usage.completion_tokens} tokens in "
            f"{answer.timings.total_ms / 1000:.1f} s, readable by "
            f"{answer.readable_by}, task {answer.task}_"
        )
        if answer.agreement is not None:
            agreed = answer.agreement
            verdict = "a quorum" if agreed.quorum else "no quorum"
            lines.append(f"_{agreed.agreed} of {agreed.answers} agree: {verdict}_")
    elif exchange.failure:
        lines.append(f"_failed: {plain.name(exchange.failure, 300)}_")
    else:
        lines.append(f"_{exchange.state}_")
    return "\n".join(lines)
