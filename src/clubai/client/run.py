"""One job on its way: from the request for a node to the end of the answer.

A `Run` is driven by whoever awaits it: it owns no task. Each node that is offered is
checked, and the request sealed to it alone. When a node fails before the answer begins,
the coordinator offers another one and the run seals everything again, under new keys.
An answer that is not streamed is handed out when it is whole: until then, too, another
node may be offered.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Self, assert_never

import msgspec

from clubai.client.attempt import VERDICTS, Attempt, begin_attempt, request_body
from clubai.client.job import Job
from clubai.client.logview import Fetch
from clubai.client.mailbox import Mailbox
from clubai.client.trust import Trust
from clubai.crypto.attestation import VerdictValue
from clubai.crypto.identity import Identity
from clubai.errors import (
    ClubAIError,
    RemoteProtocolError,
    TaskError,
    TaskFailed,
    TaskRejected,
    TrustError,
)
from clubai.model import (
    ReadableBy,
    TaskId,
    Timings,
    Usage,
    node_text,
    task_text,
)
from clubai.protocol.messages import (
    CloseCode,
    ClubAnswer,
    Goodbye,
    Message,
    Notice,
    TaskCancel,
    TaskFail,
    TaskOffer,
    TaskRecord,
    TaskReply,
    TaskRequest,
    TaskResult,
    TaskTags,
    ToClient,
    Welcome,
)
from clubai.protocol.records import Choice, RecordType, decode_choices

OfAttempt = TaskReply | TaskRecord | TaskResult
Send = Callable[[Message], Awaitable[None]]
OnWait = Callable[[Notice], None]


class Sealing(NamedTuple):
    """What the runs of one connection seal with."""

    trust: Trust
    fetch: Fetch
    now_ms: Callable[[], int]
    readable_by: ReadableBy


class Run:
    """One job being answered; made by `Client.run`."""

    def __init__(
        self,
        job: Job,
        *,
        ref: int,
        send: Send,
        sealing: Sealing,
        on_wait: OnWait | None = None,
    ) -> None:
        self.job = job
        self.ref = ref
        self.mailbox = Mailbox()
        self.readable_by: ReadableBy = sealing.readable_by
        self.task = ""
        """The task's id as text, once a node was offered."""
        self.node = ""
        """The id of the node that answers, as text."""
        self.node_name = ""
        self.nodes: list[tuple[str, str]] = []
        """Id and name of each node that was tried, in order; the last one is `node`."""
        self.model = job.model
        self.attempts = 0
        self.usage = Usage()
        self.usage_json = msgspec.Raw(b"{}")
        """The backend's whole `usage` object."""
        self.ended = False
        self._send = send
        self._sealing = sealing
        self._on_wait = on_wait
        self._verdict_key = Identity.generate()
        self._attempt: Attempt | None = None
        self._data = b""
        """Data that is ready for whoever iterates."""
        self._held: list[bytes] = []
        """Data of an answer that is not whole yet, and not streamed."""
        self._begun = False
        self._started = time.monotonic()
        self._first_at = 0.0
        self._ended_at = 0.0
        self._queued_ms = 0

    @property
    def timings(self) -> Timings:
        """Where the time went so far, as seen from here."""
        end = self._ended_at or time.monotonic()
        first = self._first_at or end
        return Timings(
            queued_ms=self._queued_ms,
            first_token_ms=round((first - self._started) * 1000),
            total_ms=round((end - self._started) * 1000),
        )

    async def request(self) -> None:
        """Ask for a node."""
        compared = self.job.compared
        await self._send(
            TaskRequest(
                ref=self.ref,
                model=self.job.model,
                kind=self.job.kind,
                mode=self.job.mode,
                prompt_tokens=self.job.prompt_tokens,
                max_tokens=self.job.max_tokens,
                stream=self.job.stream,
                wait_s=self.job.wait_s,
                deadline_s=self.job.deadline_s,
                cvk=self._verdict_key.key,
                exclude=self.job.exclude,
                pinned=self.job.pinned,
                group=compared.group if compared else b"",
                group_size=compared.size if compared else 0,
            )
        )

    async def begin(self) -> None:
        """Wait until the answer begins.

        Raises:
            TaskRejected: refused; nothing was spent.
            TaskFailed: every node that was tried failed.
            TrustError: the coordinator or the node did what an honest one does not.
            ConnectionLost: the coordinator is gone.
        """
        while not self._begun and not self.ended:
            await self._step()

    def __aiter__(self) -> Self:
        """The steps of the answer, one list a record."""
        return self

    async def __anext__(self) -> list[Choice]:
        """The steps of the next record.

        Raises:
            TaskRejected, TaskFailed, TrustError, ConnectionLost: as `begin`, and
                mid-way.
        """
        data = await self._next_data()
        if not data:
            raise StopAsyncIteration
        return decode_choices(data)

    async def read_body(self) -> bytes:
        """The whole answer as bytes: for embeddings. Raises as `begin`."""
        pieces = []
        while data := await self._next_data():
            pieces.append(data)
        return b"".join(pieces)

    async def cancel(self) -> None:
        """Tell the coordinator that nobody waits any more; no-op when ended."""
        if self.ended:
            return
        self.ended = True
        await self._send(TaskCancel(ref=self.ref))

    async def complain(self, value: VerdictValue) -> None:
        """Tell the coordinator what is wrong with the answer; after its end, too."""
        if self._attempt is not None:
            now_ms = self._sealing.now_ms()
            verdict = self._attempt.verdict(value, self._verdict_key, now_ms=now_ms)
            await self._send(verdict)

    async def _next_data(self) -> bytes:
        """The data of the next record; empty at the end."""
        while not self._data and not self.ended:
            await self._step()
        data, self._data = self._data, b""
        return data

    async def _step(self) -> None:
        try:
            message = await self.mailbox.take()
        except ClubAIError:
            self.ended = True
            raise
        try:
            await self._take(message)
        except TrustError as error:
            value = VERDICTS.get(error.code, VerdictValue.UNDECRYPTABLE)
            await self.complain(value)
            await self.cancel()
            raise
        except RemoteProtocolError:
            await self.cancel()
            raise

    async def _take(self, message: ToClient) -> None:
        match message:
            case TaskRecord():
                self._read(message)
            case TaskOffer():
                await self._accept(message)
            case TaskReply():
                attempt = self._present(message)
                if attempt is not None:
                    attempt.reply(message)
            case TaskResult():
                await self._finish(message)
            case TaskFail():
                self.ended = True
                raise self._error(message)
            case Notice():
                if self._on_wait is not None:
                    self._on_wait(message)
            case Welcome() | ClubAnswer() | TaskTags() | Goodbye():
                pass
            case _:
                assert_never(message)

    async def _accept(self, offer: TaskOffer) -> None:
        if self._begun and self.job.stream:
            raise RemoteProtocolError(
                CloseCode.BAD_MESSAGE, "a second offer after the answer began"
            )
        self._attempt = None
        attempt = await begin_attempt(
            offer,
            self.job,
            verdict_key=self._verdict_key,
            after=self.attempts - 1,
            trust=self._sealing.trust,
            fetch=self._sealing.fetch,
            now_ms=self._sealing.now_ms(),
        )
        self._begun = False
        self._held.clear()
        self._attempt = attempt
        self._queued_ms = offer.queued_ms
        self.task = task_text(TaskId(offer.task))
        self.node = node_text(attempt.node)
        self.node_name = offer.node_name
        self.nodes.append((self.node, self.node_name))
        self.model = attempt.assigned.model
        self.attempts = attempt.assigned.attempt + 1
        for message in attempt.request(request_body(self.job)):
            await self._send(message)

    def _present(self, message: OfAttempt) -> Attempt | None:
        """The attempt that a message is of; None: of one that is over."""
        attempt = self._attempt
        if attempt is None or message.attempt != attempt.assigned.attempt:
            return None
        return attempt

    def _read(self, message: TaskRecord) -> None:
        attempt = self._present(message)
        if attempt is None:
            return
        type_, content = attempt.record(message)
        if not self._begun:
            self._begun = True
            self._first_at = time.monotonic()
        match type_:
            case RecordType.DATA if self.job.stream:
                self._data = content
            case RecordType.DATA:
                self._held.append(content)
            case RecordType.USAGE:
                self.usage_json = msgspec.Raw(content)
            case RecordType.ERROR | RecordType.KEEP_ALIVE:
                pass
            case _:
                assert_never(type_)

    async def _finish(self, message: TaskResult) -> None:
        attempt = self._present(message)
        if attempt is None:
            return
        said = await attempt.result(message)
        if self._held:
            self._data = b"".join(self._held)
        self.usage = Usage(
            prompt_tokens=said.prompt_tokens, completion_tokens=said.output_tokens
        )
        self._ended_at = time.monotonic()
        self.ended = True

    def _error(self, fail: TaskFail) -> TaskError:
        kind: type[TaskError] = TaskFailed if fail.attempts else TaskRejected
        said = self._attempt.failure(fail) if self._attempt else ""
        return kind(
            fail.code,
            said or fail.message,
            task=self.task,
            retry_after=fail.retry_after_s,
            attempts=fail.attempts,
        )
