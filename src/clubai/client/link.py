"""One connection to a coordinator: who waits for what, and how it ends.

The link owns the connection's stream and the mailboxes of everyone who waits for an
answer on it. What comes in is handed on by its `ref`, or by its task once that is
known; when the connection goes, everyone is told.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self, assert_never

import anyio
from anyio.abc import ObjectStream

from clubai.client.mailbox import Mailbox
from clubai.errors import (
    ClubAIError,
    ConnectionLost,
    RemoteProtocolError,
    TaskFailed,
    lone_errors,
)
from clubai.model import FailCode
from clubai.protocol.codec import decode_to_client, encode
from clubai.protocol.messages import (
    PROTOCOL_VERSION,
    ClubAnswer,
    Goodbye,
    Hello,
    Message,
    Notice,
    TaskCancel,
    TaskFail,
    TaskOffer,
    TaskRecord,
    TaskReply,
    TaskResult,
    TaskTags,
    ToClient,
    Welcome,
)
from clubai.protocol.session import expect_welcome
from clubai.transport.frames import each_frame
from clubai.transport.postbox import Postbox


class ClientLink:
    """Made by `open`, on a stream that stands for a member."""

    def __init__(self, stream: ObjectStream[bytes]) -> None:
        self._stream = stream
        self._postbox = Postbox(stream)
        self._refs = itertools.count(1)
        self._mailboxes: dict[int, Mailbox] = {}
        self._refs_by_task: dict[bytes, int] = {}
        self._refs_by_group: dict[bytes, int] = {}
        self._lost: ClubAIError | None = None
        self.coordinator_key = b""
        """As the coordinator greets with it; whether it is the right one, pins tell."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, stream: ObjectStream[bytes], *, timeout: float
    ) -> AsyncIterator[Self]:
        """Greet the coordinator, and carry messages until the context is left.

        Raises:
            ConnectionLost, RemoteProtocolError: the greeting did not succeed.
        """
        link = cls(stream)
        await link._greet(timeout)
        with lone_errors():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(link._read)
                tasks.start_soon(link._write)
                try:
                    yield link
                finally:
                    tasks.cancel_scope.cancel()

    @property
    def lost(self) -> bool:
        """The connection is gone."""
        return self._lost is not None

    @property
    def busy(self) -> bool:
        """Somebody waits for something on it."""
        return bool(self._mailboxes)

    def next_ref(self) -> int:
        """A number that no request on this connection had yet."""
        return next(self._refs)

    def expect(self, ref: int, mailbox: Mailbox) -> None:
        """Put what comes for `ref` into `mailbox`. Raises `ConnectionLost`."""
        if self._lost is not None:
            raise self._lost
        self._mailboxes[ref] = mailbox

    def expect_tags(self, ref: int, group: bytes) -> None:
        """Put the tags of a group where what comes for `ref` goes."""
        self._refs_by_group[group] = ref

    def forget(self, ref: int, *, task: bytes = b"", group: bytes = b"") -> None:
        """Nobody waits for `ref` (and its task, or its group) any more."""
        self._mailboxes.pop(ref, None)
        self._refs_by_task.pop(task, None)
        self._refs_by_group.pop(group, None)

    async def send(self, message: Message) -> None:
        """Send a message, waiting for room. Raises `ConnectionLost`."""
        if self._lost is not None:
            raise self._lost
        frame = encode(message)
        while not self._postbox.post(frame):
            if self._postbox.stopped:
                raise self._lose(ConnectionLost("the coordinator is gone"))
            await self._postbox.room()

    async def _greet(self, timeout: float) -> None:
        hello = Hello(versions=(PROTOCOL_VERSION,), program="clubai client")
        try:
            with anyio.fail_after(timeout):
                await self._stream.send(encode(hello))
                welcome = expect_welcome(decode_to_client(await self._stream.receive()))
        except TimeoutError as error:
            raise ConnectionLost("the coordinator did not greet in time") from error
        except (anyio.EndOfStream, anyio.BrokenResourceError) as error:
            raise ConnectionLost("the coordinator closed at the greeting") from error
        self.coordinator_key = welcome.key

    async def _write(self) -> None:
        try:
            await self._postbox.run()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._lose(ConnectionLost("the coordinator is gone"))

    async def _read(self) -> None:
        reason: ClubAIError = ConnectionLost("the coordinator closed the connection")
        try:
            await each_frame(self._stream, self._take)
        except (RemoteProtocolError, ConnectionLost) as error:
            reason = error
        except (
            anyio.EndOfStream,
            anyio.BrokenResourceError,
            anyio.ClosedResourceError,
        ):
            pass
        finally:
            self._lose(reason)

    def _lose(self, reason: ClubAIError) -> ClubAIError:
        if self._lost is None:
            self._lost = reason
            for mailbox in self._mailboxes.values():
                mailbox.fail(reason)
        return self._lost

    def _take(self, frame: bytes) -> None:
        message: ToClient = decode_to_client(frame)
        match message:
            case TaskRecord() | TaskReply():
                ref = self._refs_by_task.get(message.task, 0)
            case TaskResult():
                ref = self._refs_by_task.pop(message.task, 0)
            case TaskOffer():
                ref = message.ref
                if ref in self._mailboxes:
                    self._refs_by_task[message.task] = ref
            case TaskTags():
                ref = self._refs_by_group.get(message.group, 0)
            case TaskFail():
                ref = message.ref
                self._refs_by_task.pop(message.task, None)
            case Notice() | ClubAnswer():
                ref = message.ref
            case Goodbye():
                raise ConnectionLost(f"{message.reason} (code {message.code})")
            case Welcome():
                return
            case _:
                assert_never(message)
        mailbox = self._mailboxes.get(ref)
        if mailbox is not None and not mailbox.put(message):
            self._give_up(ref, mailbox)

    def _give_up(self, ref: int, mailbox: Mailbox) -> None:
        del self._mailboxes[ref]
        mailbox.fail(
            TaskFailed(FailCode.SLOW_READER, "the answer was not read fast enough")
        )
        self._postbox.post(encode(TaskCancel(ref=ref)))
