"""One attempt's answer on its way out: sealed, counted, and signed at its end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

import anyio
from anyio.to_thread import run_sync

from clubai.agent.backends.base import UsageReport
from clubai.agent.intake import Admitted
from clubai.crypto.agreement import equality_tag, sketch
from clubai.crypto.attestation import Attestation, Commitment, Finish, finish_of
from clubai.crypto.identity import Identity
from clubai.crypto.sealing import ReplySeal
from clubai.errors import (
    BackendError,
    ConnectionLost,
    LocalProtocolError,
    RemoteProtocolError,
)
from clubai.model import FailCode
from clubai.protocol.codec import encode
from clubai.protocol.messages import (
    Message,
    TaskFail,
    TaskReply,
    TaskResult,
)
from clubai.protocol.records import (
    COMPARE,
    STEADY,
    Choice,
    RecordType,
    RecordWriter,
    encode_failure,
    text_of,
)
from clubai.transport.postbox import Postbox

NO_TAG: Final = bytes(32)
NO_SKETCH: Final = bytes(128)
"""What stands where an answer is not compared."""

SAID_OF_FAILURES: Final = {
    FailCode.UNKNOWN_MODEL: "the node does not have this model",
    FailCode.CONTEXT_LENGTH_EXCEEDED: "the request is too long for the node's model",
    FailCode.UNSUPPORTED: "the node's model server cannot do this",
    FailCode.BAD_REQUEST: "the node's model server refused the request",
    FailCode.BUSY: "the node is busy",
    FailCode.BACKEND: "the node's model server failed",
    FailCode.TRUNCATED: "the answer ended without a finish reason",
    FailCode.EMPTY: "the model answered nothing at all",
    FailCode.EXPIRED: "the node's time limit passed",
    FailCode.TOO_BIG: "the answer does not fit its records",
}
"""What the coordinator is told: model servers quote requests in their own words."""


class Reply:
    """Sends one attempt's answer: begins it with the first record, counts, ends it.

    Every method raises `ConnectionLost` when the postbox takes no more. Only `finish`
    may wait, for the tags of a compared answer, and `room`, where a slow connection
    holds the backend back.
    """

    def __init__(
        self,
        admitted: Admitted,
        *,
        task: bytes,
        identity: Identity,
        postbox: Postbox,
        wall_ms: Callable[[], int],
    ) -> None:
        self._task = task
        self._part = admitted.assigned.part
        self._attempt = admitted.assigned.attempt
        self._seal = admitted.seal
        self._identity = identity
        self._outbox = postbox
        self._wall_ms = wall_ms
        self._keys: ReplySeal | None = None
        self._writer: RecordWriter | None = None
        self._commitment: Commitment | None = None
        self._compared = bool(admitted.seal.head.flags & COMPARE)
        self.steady = bool(admitted.seal.head.flags & STEADY)
        """Whoever asked wants records at a constant rate."""
        self._text: list[str] = []
        self._finish = Finish.OTHER
        self._started = anyio.current_time()
        self.first_ms = 0
        """From the start to the backend's first step; 0: none came yet."""
        self.pieces = 0
        """Steps that the backend gave."""
        self.usage: UsageReport | None = None
        """The tokens, once the answer has been sent to its end."""

    @property
    def begun(self) -> bool:
        """A record has been sent."""
        return self._writer is not None

    @property
    def elapsed_ms(self) -> int:
        """Since the start."""
        return round((anyio.current_time() - self._started) * 1000)

    def first(self) -> None:
        """Note when the backend gave its first step."""
        if not self.first_ms:
            self.first_ms = max(self.elapsed_ms, 1)

    def note(self, choice: Choice) -> None:
        """Count a step, and note what of it is signed in the end."""
        self.pieces += 1
        if choice.index:
            return
        if choice.finish_reason:
            self._finish = finish_of(choice.finish_reason)
        if self._compared:
            self._text.append(_said(choice))

    def data(self, data: bytes) -> None:
        """Send one `DATA` record."""
        writer, commitment = self._begin()
        commitment.update(data)
        self._post(writer.write(RecordType.DATA, data))

    def keep_alive(self) -> None:
        """Send a record that holds nothing."""
        writer, _ = self._begin()
        self._post(writer.write(RecordType.KEEP_ALIVE, b""))

    async def finish(self, usage: UsageReport) -> None:
        """Send the final record, and what the node signs of the answer."""
        eq, sketched = await self._tags()
        writer, commitment = self._begin()
        self._post(writer.write(RecordType.USAGE, bytes(usage.raw), fin=True))
        attestation = Attestation(
            th=self._seal.th,
            out_commit=commitment.digest(),
            prompt_tokens=usage.prompt_tokens,
            output_tokens=usage.completion_tokens,
            ttft_ms=self.first_ms,
            total_ms=self.elapsed_ms,
            finish=self._finish,
            records=writer.count,
            now_ms=self._wall_ms(),
            eq=eq,
            sketch_hash=hashlib.sha256(sketched).digest(),
        )
        body = attestation.encode()
        self._post(
            TaskResult(
                task=self._task,
                part=self._part,
                attempt=self._attempt,
                body=body,
                sig=self._identity.sign(body),
                eq=eq,
                sketch=sketched,
            )
        )
        self.usage = usage

    def fail(self, code: FailCode, message: str) -> None:
        """Tell that this attempt failed: the code to all, the reason to the client."""
        self._post(
            TaskFail(
                code=code,
                message=SAID_OF_FAILURES.get(code, "the node could not do it"),
                task=self._task,
                part=self._part,
                attempt=self._attempt,
                begun=self.begun,
                sealed=self._seal_failure(message),
            )
        )

    async def room(self) -> None:
        """Wait while the connection is far behind."""
        await self._outbox.room()

    def _seal_failure(self, message: str) -> bytes:
        head = b"" if self._keys else self._reply_keys().hdr
        records = self._reply_keys().records
        try:
            ct = records.seal(RecordType.ERROR, encode_failure(message), fin=True)
        except LocalProtocolError:  # the direction is full: that is why it failed
            return b""
        return head + ct

    def _begin(self) -> tuple[RecordWriter, Commitment]:
        if self._writer is None or self._commitment is None:
            keys = self._reply_keys()
            self._post(
                TaskReply(
                    task=self._task,
                    part=self._part,
                    attempt=self._attempt,
                    hdr=keys.hdr,
                )
            )
            self._commitment = Commitment(keys.out_key)
            self._writer = RecordWriter(
                self._task, self._part, self._attempt, keys.records
            )
        return self._writer, self._commitment

    def _reply_keys(self) -> ReplySeal:
        if self._keys is None:
            self._keys = self._seal.begin_reply()
        return self._keys

    async def _tags(self) -> tuple[bytes, bytes]:
        if not self._compared:
            return NO_TAG, NO_SKETCH
        key, text = self._seal.head.cmp_key, "".join(self._text)
        # Seconds for the longest answers: heartbeats and other answers go on.
        return await run_sync(_tags_of, key, text, abandon_on_cancel=True)

    def _post(self, message: Message) -> None:
        if not self._outbox.post(encode(message)):
            raise ConnectionLost("the coordinator does not take the answer")


def _tags_of(key: bytes, text: str) -> tuple[bytes, bytes]:
    return equality_tag(key, text), sketch(key, text)


def _said(choice: Choice) -> str:
    try:
        return text_of(choice)
    except RemoteProtocolError as error:
        raise BackendError(FailCode.BACKEND, error.reason) from error
