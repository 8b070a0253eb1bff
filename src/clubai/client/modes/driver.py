"""The requests of one divided job: asked of the club's nodes, within its ceilings.

A step that fails is asked once more; the coordinator itself tries several nodes each
time. What every step cost, and who answered it, is kept for the answer's provenance.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import anyio
from msgspec.structs import replace

from clubai.client.answer import AnswerStream, NodeUsed, PartReport
from clubai.client.job import Job
from clubai.client.modes.progress import OnProgress, Progress, State
from clubai.client.run import Run
from clubai.crypto.attestation import VerdictValue
from clubai.dividing.plan import Plan, Step
from clubai.errors import TaskError, TaskFailed
from clubai.model import (
    RETRY_ELSEWHERE,
    FailCode,
    Mode,
    NodeId,
    Privacy,
    ReadableBy,
    Timings,
    Usage,
)

RunJob = Callable[[Job], AbstractAsyncContextManager[Run]]
Messages = Sequence[dict[str, Any]]

TRIES: Final = 2
"""How often a step is asked; each time the coordinator tries several nodes."""
MOST_AT_ONCE: Final = 64
"""The coordinator closes a connection that says more than 400 things at once, or 100
a second for long; a request is a few of them."""


class Reply:
    """What a step gave."""

    def __init__(
        self,
        step: Step,
        text: str,
        finish_reason: str,
        node: NodeUsed,
        complain: Callable[[VerdictValue], Awaitable[None]],
    ) -> None:
        self.step = step
        self.text = text
        self.finish_reason = finish_reason
        self.node = node
        self.complain = complain
        """Tells the coordinator what is wrong with it."""

    def __repr__(self) -> str:
        return f"Reply(step={self.step.id!r}, characters={len(self.text)})"


class JobDriver:
    """Asks the steps of one job; `reports` tells what became of each."""

    def __init__(
        self,
        run: RunJob,
        *,
        model: str,
        mode: Mode,
        readable_by: ReadableBy,
        options: dict[str, Any],
        privacy: Privacy = "normal",
        wait_s: float,
        deadline_s: float,
        at_once: int,
        tell: OnProgress | None = None,
    ) -> None:
        self.model = model
        self.mode: Mode = mode
        self.readable_by: ReadableBy = readable_by
        self.reports: dict[str, PartReport] = {}
        self.offered = False
        """A node was offered a step: something may have been spent."""
        self._run = run
        self._options = options
        self._privacy: Privacy = privacy
        self._wait_s = wait_s
        self._started = anyio.current_time()
        self._deadline = self._started + deadline_s
        self._limiter = anyio.CapacityLimiter(min(max(at_once, 1), MOST_AT_ONCE))
        self._tell = tell
        self._expected: dict[str, None] = {}
        self._done = 0
        self._first_token_ms = 0

    def expect(self, plan: Plan) -> None:
        """Count the steps of a plan into what is still to be done."""
        self._expected |= dict.fromkeys(step.id for step in plan.steps)

    @property
    def in_order(self) -> tuple[PartReport, ...]:
        """The reports in the order of the plan, whatever came first."""
        return tuple(
            self.reports[step] for step in self._expected if step in self.reports
        )

    @property
    def usage(self) -> Usage:
        """Of all answers so far."""
        return Usage(
            prompt_tokens=sum(r.usage.prompt_tokens for r in self.reports.values()),
            completion_tokens=sum(
                r.usage.completion_tokens for r in self.reports.values()
            ),
        )

    @property
    def timings(self) -> Timings:
        """Of the whole job, as seen from here."""
        total = round((anyio.current_time() - self._started) * 1000)
        queued = [report.timings.queued_ms for report in self.reports.values()]
        return Timings(
            queued_ms=max(queued, default=0),
            first_token_ms=self._first_token_ms or total,
            total_ms=total,
        )

    async def ask(
        self,
        step: Step,
        messages: Messages,
        *,
        pinned: tuple[NodeId, ...] = (),
        more: dict[str, Any] | None = None,
        on_piece: Callable[[str], None] | None = None,
    ) -> Reply:
        """Ask one step of a node, and of others when it fails.

        Args:
            step: Its `max_tokens` bound the answer.
            messages: What is asked.
            pinned: Only these nodes may answer, when there are any.
            more: Options of this request alone.
            on_piece: Told each piece of the answer as it comes; a failure in the middle
                is then tried elsewhere, too, and tells everything again.

        Raises:
            TaskError: it came to no answer. It is in `reports`, too.
        """
        self._expected.setdefault(step.id)
        async with self._limiter:
            self._say(step, "asked")
            for last in (*[False] * (TRIES - 1), True):
                try:
                    return await self._ask_once(step, messages, pinned, more, on_piece)
                except TaskError as error:
                    if last or not self._worth_trying(error):
                        self._failed(step, error)
                        raise
        raise AssertionError

    def leave_out(self, step: Step) -> None:
        """Say that a step of the plan turned out not to be needed."""
        self.reports[step.id] = PartReport(
            id=step.id, kind=step.kind, title=step.title, state="left out"
        )
        self._ended(step, "left out")

    def offer(self, step: Step, provisional: str) -> None:
        """Tell a part of an answer that may still be outvoted."""
        self._say(step, "asked", provisional=provisional)

    async def _ask_once(
        self,
        step: Step,
        messages: Messages,
        pinned: tuple[NodeId, ...],
        more: dict[str, Any] | None,
        on_piece: Callable[[str], None] | None,
    ) -> Reply:
        job = self._job(step, messages, pinned, more, stream=on_piece is not None)
        async with self._run(job) as run:
            answer = AnswerStream(run)
            try:
                async for piece in answer:
                    if on_piece is not None:
                        on_piece(piece)
            except TaskError as error:
                self._note(step, run, error=str(error))
                raise
            finally:
                self.offered |= bool(run.task)
        text, finish = answer.answer.text, answer.answer.finish_reason
        report = self._note(step, run, text=text)
        self._ended(step, "done", node=report.nodes[-1].name)
        return Reply(step, text, finish, report.nodes[-1], run.complain)

    def _job(
        self,
        step: Step,
        messages: Messages,
        pinned: tuple[NodeId, ...],
        more: dict[str, Any] | None,
        *,
        stream: bool,
    ) -> Job:
        left = self._deadline - anyio.current_time()
        if left <= 0:
            raise TaskFailed(FailCode.EXPIRED, "the job's deadline has passed")
        body = {**self._options, **(more or {}), "messages": list(messages)}
        if step.max_tokens:
            body["max_tokens"] = step.max_tokens
        return Job(
            kind="chat",
            model=self.model,
            body=body,
            stream=stream,
            mode=self.mode,
            privacy=self._privacy,
            max_tokens=step.max_tokens,
            wait_s=min(self._wait_s, left),
            deadline_s=left,
            pinned=pinned,
        )

    def _note(
        self, step: Step, run: Run, *, text: str = "", error: str = ""
    ) -> PartReport:
        """Add what one run did to the step's report."""
        before = self.reports.get(step.id)
        nodes = tuple(NodeUsed(id=node, name=name) for node, name in run.nodes)
        report = PartReport(
            id=step.id,
            kind=step.kind,
            title=step.title,
            state="failed" if error else "done",
            nodes=(before.nodes if before else ()) + nodes,
            attempts=(before.attempts if before else 0) + run.attempts,
            task=run.task,
            usage=run.usage,
            timings=run.timings,
            text=text,
            error=error,
        )
        self.reports[step.id] = report
        if not self._first_token_ms:
            self._first_token_ms = self._since_start()
        return report

    def _failed(self, step: Step, error: TaskError) -> None:
        report = self.reports.get(step.id) or PartReport(
            id=step.id, kind=step.kind, title=step.title, state="failed"
        )
        self.reports[step.id] = replace(report, state="failed", error=str(error))
        self._ended(step, "failed", error=str(error))

    def _worth_trying(self, error: TaskError) -> bool:
        """Whether the same request may succeed a moment later."""
        once = error.code in RETRY_ELSEWHERE - {
            FailCode.CONTEXT_LENGTH_EXCEEDED,
            FailCode.UNSUPPORTED,
            FailCode.UNKNOWN_MODEL,
        }
        return once and anyio.current_time() < self._deadline

    def _since_start(self) -> int:
        return round((anyio.current_time() - self._started) * 1000)

    def _ended(
        self, step: Step, state: State, *, node: str = "", error: str = ""
    ) -> None:
        self._done += 1
        self._say(step, state, node=node, error=error)

    def _say(
        self,
        step: Step,
        state: State,
        *,
        node: str = "",
        error: str = "",
        provisional: str = "",
    ) -> None:
        if self._tell is None:
            return
        steps = len(self._expected)
        left_s = None
        if self._done:
            took = anyio.current_time() - self._started
            left_s = took / self._done * (steps - self._done)
        self._tell(
            Progress(
                step=step.id,
                kind=step.kind,
                state=state,
                title=step.title,
                node=node,
                error=error,
                done=self._done,
                steps=steps,
                tokens=self.usage.completion_tokens,
                left_s=left_s,
                provisional=provisional,
            )
        )
