"""What a member asks of a club, whatever joins the two: `Asking`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import msgspec

from clubai.client.answer import Answer, AnswerStream, chat_body
from clubai.client.job import DEADLINE_SECONDS, WAIT_SECONDS, Job
from clubai.client.modes.divided import Divided, DividedStream, take_dividing
from clubai.client.modes.nodes import offering, slots
from clubai.client.modes.progress import OnProgress
from clubai.client.modes.question import Question
from clubai.client.run import OnWait, Run
from clubai.dividing.options import Dividing
from clubai.dividing.plan import Plan
from clubai.errors import TaskError, TaskFailed, TaskRejected, lone_errors
from clubai.model import (
    ClubSnapshot,
    FailCode,
    Kind,
    Mode,
    ModelSnapshot,
    Privacy,
    ReadableBy,
    Redacted,
)
from clubai.protocol.decoding import UNREADABLE

Prompt = str | Sequence[dict[str, Any]]
"""A question, or whole OpenAI messages."""


class _Terms(Redacted, frozen=True):
    """How something is asked, whatever the prompt is; as for `Asking.stream`."""

    model: str = ""
    system: str = ""
    privacy: Privacy = "normal"
    wait_s: float = WAIT_SECONDS
    deadline_s: float = DEADLINE_SECONDS

    def __repr__(self) -> str:
        return f"_Terms(model={self.model!r})"


class Asking(ABC):
    """Everything that is asked; a `Client` adds how it gets there."""

    @property
    @abstractmethod
    def readable_by(self) -> ReadableBy:
        """Who can read what is asked here."""

    @abstractmethod
    def run(
        self, job: Job, *, on_wait: OnWait | None = None
    ) -> AbstractAsyncContextManager[Run]:
        """Run one job."""

    @abstractmethod
    async def models(self) -> tuple[ModelSnapshot, ...]:
        """The models that the club's nodes offer now."""

    @abstractmethod
    async def snapshot(self) -> ClubSnapshot:
        """The club now."""

    @asynccontextmanager
    async def stream(
        self,
        prompt: Prompt,
        *,
        model: str = "",
        system: str = "",
        mode: Mode = "single",
        privacy: Privacy = "normal",
        wait_s: float = WAIT_SECONDS,
        deadline_s: float = DEADLINE_SECONDS,
        on_wait: OnWait | None = None,
        on_progress: OnProgress | None = None,
        **options: Any,
    ) -> AsyncIterator[AnswerStream | DividedStream]:
        """Ask, and follow the answer as it comes.

        The answer to a divided job comes in one piece; `on_progress` tells of parts.

        Args:
            prompt: A question, or whole OpenAI messages.
            model: Empty: the chat model with the most free slots.
            system: A system message to put first.
            mode: How the work is divided; see `clubai.dividing.options.Dividing`, whose
                fields (`replicas`, `documents`, ...) are options here.
            privacy: `high`: a streamed answer comes at a constant rate, and slower.
            wait_s: How long it may be queued.
            deadline_s: How long it may take altogether.
            on_wait: Told why the request waits.
            on_progress: Told of each step of a divided job.
            options: Passed on as they are: `max_tokens`, `temperature`, `seed`, ...

        Raises:
            ConfigError: an option of the mode cannot be used.
            PlanError: the job cannot be divided so, or is over one of its ceilings.
            TaskRejected, TaskFailed, ConnectionLost: while iterating, too.
        """
        dividing, options = take_dividing(mode, options)
        terms = _Terms(model, system, privacy, wait_s, deadline_s)
        if dividing.mode != "single":
            divided = await self._divided(prompt, dividing, terms, options, on_progress)
            yield DividedStream(divided)
            return
        job = await self._chat_job(prompt, terms, options, stream=True)
        async with self.run(job, on_wait=on_wait) as run:
            yield AnswerStream(run)

    async def ask(
        self,
        prompt: Prompt,
        *,
        model: str = "",
        system: str = "",
        mode: Mode = "single",
        privacy: Privacy = "normal",
        wait_s: float = WAIT_SECONDS,
        deadline_s: float = DEADLINE_SECONDS,
        on_wait: OnWait | None = None,
        on_progress: OnProgress | None = None,
        **options: Any,
    ) -> Answer:
        """Ask, and wait for the whole answer; arguments as for `stream`.

        A node that fails in the middle costs time but no answer: another is tried.

        Raises:
            ConfigError: an option of the mode cannot be used.
            PlanError: the job cannot be divided so, or is over one of its ceilings.
            TaskRejected: refused; nothing was spent.
            TaskFailed: every node that was tried failed.
            ConnectionLost: the coordinator is gone.
        """
        dividing, options = take_dividing(mode, options)
        terms = _Terms(model, system, privacy, wait_s, deadline_s)
        if dividing.mode != "single":
            divided = await self._divided(prompt, dividing, terms, options, on_progress)
            return await divided.answer()
        job = await self._chat_job(prompt, terms, options, stream=False)
        return await self._whole(job, on_wait)

    async def plan(
        self,
        prompt: Prompt,
        *,
        mode: Mode,
        model: str = "",
        system: str = "",
        **options: Any,
    ) -> Plan:
        """What a divided job would ask, and what it may cost; nothing is asked yet.

        Raises:
            ConfigError, PlanError, TaskRejected, ConnectionLost: as `ask`.
        """
        dividing, options = take_dividing(mode, options)
        terms = _Terms(model, system)
        divided = await self._divided(prompt, dividing, terms, options)
        return await divided.plan()

    async def map(
        self,
        prompts: Sequence[Prompt],
        *,
        model: str = "",
        system: str = "",
        privacy: Privacy = "normal",
        wait_s: float = WAIT_SECONDS,
        deadline_s: float = DEADLINE_SECONDS,
        at_once: int = 0,
        **options: Any,
    ) -> list[Answer | TaskError]:
        """Ask many prompts of as many nodes as there are; the results in their order.

        One that fails is its error, and sinks no other. Cancelling stops all of them.

        Args:
            prompts: Each as for `ask`.
            model: As for `ask`; the same for all.
            system: As for `ask`.
            privacy: As for `ask`.
            wait_s: Of each of them, from when its turn has come.
            deadline_s: Of each of them, in the same way.
            at_once: How many are under way at once; 0: as many as the club has slots,
                and some more, so that a node that gets free finds work waiting.
            options: As for `ask`, for all of them.

        Raises:
            TaskRejected: no node offers the model.
            ConnectionLost: the coordinator is gone.
        """
        model = model or await self._pick("chat")
        terms = _Terms(model, system, privacy, wait_s, deadline_s)
        limiter = anyio.CapacityLimiter(at_once or await self._at_once(model))
        results: list[Answer | TaskError | None] = [None] * len(prompts)

        async def ask(place: int) -> None:
            async with limiter:
                prompt = prompts[place]
                job = await self._chat_job(prompt, terms, options, stream=False)
                try:
                    results[place] = await self._whole(job, None)
                except TaskError as error:
                    results[place] = error

        with lone_errors():
            async with anyio.create_task_group() as tasks:
                for place in range(len(prompts)):
                    tasks.start_soon(ask, place)
        return [result for result in results if result is not None]

    async def embed(
        self,
        texts: str | Sequence[str],
        *,
        model: str = "",
        wait_s: float = WAIT_SECONDS,
        deadline_s: float = DEADLINE_SECONDS,
    ) -> list[list[float]]:
        """Embed texts: one vector each, in order. Raises as `ask`."""
        job = Job(
            kind="embedding",
            model=model or await self._pick("embedding"),
            body={"input": [texts] if isinstance(texts, str) else list(texts)},
            stream=False,
            wait_s=wait_s,
            deadline_s=deadline_s,
        )
        async with self.run(job) as run:
            body = await run.read_body()
        try:
            rows = msgspec.json.decode(body, type=list[_Embedding])
        except UNREADABLE as error:
            message = "the node sent embeddings that cannot be read"
            raise TaskFailed(FailCode.BACKEND, message) from error
        return [row.embedding for row in sorted(rows, key=lambda row: row.index)]

    async def _chat_job(
        self, prompt: Prompt, terms: _Terms, options: dict[str, Any], *, stream: bool
    ) -> Job:
        messages = prompt if isinstance(prompt, str) else list(prompt)
        return Job(
            kind="chat",
            model=terms.model or await self._pick("chat"),
            body=chat_body(messages, system=terms.system, options=options),
            stream=stream,
            privacy=terms.privacy,
            max_tokens=options.get("max_tokens") or 0,
            wait_s=terms.wait_s,
            deadline_s=terms.deadline_s,
        )

    async def _whole(self, job: Job, on_wait: OnWait | None) -> Answer:
        async with self.run(job, on_wait=on_wait) as run:
            answer = AnswerStream(run)
            async for _ in answer:
                pass
            return answer.answer

    async def _divided(
        self,
        prompt: Prompt,
        dividing: Dividing,
        terms: _Terms,
        options: dict[str, Any],
        on_progress: OnProgress | None = None,
    ) -> Divided:
        messages = prompt if isinstance(prompt, str) else list(prompt)
        return self.divide(
            chat_body(messages, system=terms.system, options=options),
            dividing,
            model=terms.model or await self._pick("chat"),
            privacy=terms.privacy,
            wait_s=terms.wait_s,
            deadline_s=terms.deadline_s,
            on_progress=on_progress,
        )

    def divide(
        self,
        body: dict[str, Any],
        dividing: Dividing,
        *,
        model: str,
        privacy: Privacy = "normal",
        wait_s: float = WAIT_SECONDS,
        deadline_s: float = DEADLINE_SECONDS,
        on_progress: OnProgress | None = None,
    ) -> Divided:
        """One job that is divided, of an OpenAI chat request; see `Divided`.

        Raises:
            ConfigError: an option of the mode cannot be used.
        """
        options = {name: value for name, value in body.items() if name != "messages"}
        return Divided(
            Question(messages=tuple(body["messages"])),
            dividing,
            options,
            run=self.run,
            snapshot=self.snapshot,
            model=model,
            readable_by=self.readable_by,
            privacy=privacy,
            wait_s=wait_s,
            deadline_s=deadline_s,
            on_progress=on_progress,
        )

    async def _at_once(self, model: str) -> int:
        nodes = offering((await self.snapshot()).nodes, model)
        return slots(nodes) + len(nodes)

    async def _pick(self, kind: Kind) -> str:
        offers = [model for model in await self.models() if kind in model.kinds]
        if not offers:
            raise TaskRejected(
                FailCode.NO_CAPACITY,
                f"no node offers a model for {kind}",
                retry_after=5,
            )
        best = max(offers, key=lambda model: (model.slots_free, model.warm, model.name))
        return best.name


class _Embedding(msgspec.Struct, frozen=True):
    embedding: list[float]
    index: int = 0
