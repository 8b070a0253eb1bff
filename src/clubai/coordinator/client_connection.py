"""The connection of one client: what a member asks, watches and looks up.

Messages become events for the driver (control), frames go to the relay (data).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final, assert_never

import anyio
from anyio.abc import ObjectStream

from clubai.coordinator import translate
from clubai.coordinator.connections import Bounds, Connection, login_late
from clubai.coordinator.cutting import cut_off
from clubai.coordinator.driver import Driver
from clubai.coordinator.evidence import Judged
from clubai.coordinator.feed import Feed
from clubai.coordinator.fitting import fitting
from clubai.coordinator.grants import Member, forbidden
from clubai.coordinator.relay import Relayed, RouteKey, held
from clubai.coordinator.spending import MonthlyLimit, Spending
from clubai.core.events import (
    ClientKey,
    ClientLeft,
    TaskCancelled,
)
from clubai.crypto.keys import random_bytes
from clubai.crypto.schedule import transcript_hash
from clubai.errors import RemoteProtocolError, StorageError
from clubai.model import FailCode, TaskId
from clubai.protocol.codec import (
    decode_from_client,
    encode_value,
)
from clubai.protocol.messages import (
    CloseCode,
    ClubAnswer,
    ClubQuery,
    ClubUnwatch,
    ClubWatch,
    FromClient,
    Goodbye,
    Hello,
    TaskAssign,
    TaskCancel,
    TaskFail,
    TaskRecord,
    TaskRequest,
    TaskVerdict,
    Welcome,
)
from clubai.protocol.session import choose_version, expect_hello
from clubai.transport.frames import each_frame

logger = logging.getLogger(__name__)

ReadLog = Callable[[str], Awaitable[bytes]]
"""Reads a part of the key log by its path; empty when there is no such part."""
MAX_OPEN_REQUESTS: Final = 1024
"""Requests that one client connection may have open at once."""
MAX_WATCHES: Final = 16


class ClientConnection(Connection):
    """The connection of one client; it speaks for one member."""

    def __init__(
        self,
        stream: ObjectStream[bytes],
        *,
        key: ClientKey,
        member: Member,
        driver: Driver,
        feed: Feed,
        coordinator_key: bytes,
        read_log: ReadLog,
        spending: Spending,
        login_s: float,
        program: str,
        bounds: Bounds | None = None,
        sealed: bool = True,
    ) -> None:
        super().__init__(stream, bounds)
        self._sealed = sealed
        self.key = key
        self.member = member
        self._spending = spending
        self._driver = driver
        self._feed = feed
        self._coordinator_key = coordinator_key
        self._read_log = read_log
        self._login_s = login_s
        self._program = program
        self._open: dict[int, TaskId] = {}
        self._requests: dict[int, TaskRequest] = {}
        self._watches: dict[int, anyio.CancelScope] = {}

    async def serve(self) -> None:
        """Serve the connection until it ends, whatever the peer sends."""
        self._driver.clients[self.key] = self
        try:
            async with anyio.create_task_group() as self._tasks:
                await self.hold(self._read)
                self._tasks.cancel_scope.cancel()
        finally:
            del self._driver.clients[self.key]
            self._driver.post(ClientLeft(client=self.key))

    def request(self, ref: int) -> TaskRequest | None:
        """What was asked as `ref`; None when it has ended."""
        return self._requests.get(ref)

    def forget(self, ref: int) -> None:
        """The request `ref` has ended."""
        self._open.pop(ref, None)
        self._requests.pop(ref, None)

    async def _read(self) -> None:
        try:
            with anyio.fail_after(self._login_s):
                hello = decode_from_client(await self.stream.receive())
        except TimeoutError as error:
            raise login_late(self._login_s) from error
        version = choose_version(expect_hello(hello))
        self.say(
            Welcome(
                version=version,
                key=self._coordinator_key,
                program=self._program,
            )
        )
        await each_frame(self.stream, self._take)

    def _take(self, frame: bytes) -> None:
        message: FromClient = decode_from_client(frame)
        if not self.has_room(message, frame, self._driver.clock()):
            self._shed(message)
            return
        match message:
            case TaskRecord() | TaskAssign():
                self._relay(message, frame)
            case TaskRequest():
                self._request(message)
            case TaskVerdict():
                self._driver.judge(message, member=self.member.id)
            case TaskCancel():
                task = self._open.get(message.ref) if message.ref else message.task
                if task:
                    event = TaskCancelled(client=self.key, task=TaskId(task))
                    self._driver.post(event)
            case ClubQuery():
                self._answer(message)
            case ClubWatch():
                self._watch(message)
            case ClubUnwatch():
                scope = self._watches.pop(message.ref, None)
                if scope is not None:
                    scope.cancel()
            case Goodbye():
                raise anyio.EndOfStream
            case Hello():
                raise RemoteProtocolError(
                    CloseCode.BAD_MESSAGE, "the connection has begun already"
                )
            case _:
                assert_never(message)

    def _request(self, message: TaskRequest) -> None:
        if message.ref in self._open or message.ref == 0:
            raise RemoteProtocolError(
                CloseCode.BAD_MESSAGE, f"ref {message.ref} is in use or zero"
            )
        if self._driver.refuse_new:
            self._refuse(message, FailCode.RESTARTING, "the coordinator is stopping")
            return
        if self._driver.is_full:
            text = "the coordinator's database cannot be written"
            self._refuse(message, FailCode.NO_CAPACITY, text)
            return
        if len(self._open) >= MAX_OPEN_REQUESTS:
            text = f"{MAX_OPEN_REQUESTS} requests are open on this connection"
            self._refuse(message, FailCode.RATE_LIMITED, text)
            return
        if not self._is_granted(message):
            return
        task = TaskId(random_bytes(16))
        event = translate.task_requested(
            message,
            task=task,
            client=self.key,
            member=self.member.id,
            key_id=self.member.grants.key_id,
            sealed=self._sealed,
        )
        self._open[message.ref] = task
        self._requests[message.ref] = message
        if not self._driver.post(event):
            self.forget(message.ref)
            self._refuse(message, FailCode.QUEUE_FULL, "the coordinator is overrun")

    def _shed(self, message: FromClient) -> None:
        if isinstance(message, TaskRequest):
            text = "this connection asks too often: wait, or ask less at once"
            wait = self.retry_after_s
            self._refuse(message, FailCode.RATE_LIMITED, text, retry_after_s=wait)
        elif isinstance(message, TaskRecord):
            key = RouteKey(TaskId(message.task), message.part, message.attempt)
            text = "this connection sends more bytes than one may"
            if self._driver.relay.is_from_client(key, self.postbox):
                cut_off(self._driver, key, FailCode.RATE_LIMITED, text)

    def _is_granted(self, message: TaskRequest) -> bool:
        """Whether the member's key is for this request; when not, it is refused."""
        grants = self.member.grants
        reason = forbidden(grants, kind=message.kind, model=message.model)
        if reason:
            self._refuse(message, FailCode.NOT_ALLOWED, reason, retry_after_s=None)
            return False
        try:
            self._spending.check(grants)
        except MonthlyLimit as error:
            self._refuse(
                message,
                FailCode.RATE_LIMITED,
                str(error),
                retry_after_s=error.retry_after,
            )
            return False
        return True

    def _refuse(
        self,
        message: TaskRequest | ClubQuery | ClubWatch,
        code: FailCode,
        text: str,
        *,
        retry_after_s: float | None = 1.0,
    ) -> None:
        self.say(
            TaskFail(
                code=code,
                message=text,
                ref=message.ref,
                retry_after_s=retry_after_s,
            )
        )

    def _relay(self, message: TaskRecord | TaskAssign, frame: bytes) -> None:
        key = RouteKey(TaskId(message.task), message.part, message.attempt)
        size = 0
        if isinstance(message, TaskAssign):
            self._check_offer(key, message)
        else:
            size = held(message.ct)
        match self._driver.relay.to_node(key, self.postbox, frame, held=size):
            case Relayed.FOREIGN:
                raise RemoteProtocolError(
                    CloseCode.NOT_YOURS, f"task {key.task.hex()} is another client's"
                )
            case Relayed.FULL:
                text = "the node does not take the request fast enough"
                cut_off(self._driver, key, FailCode.BUSY, text)
            case Relayed.SENT | Relayed.STALE:
                pass

    def _check_offer(self, key: RouteKey, message: TaskAssign) -> None:
        route = self._driver.relay.find(key)
        if route is None or route.client is not self.postbox:
            return
        if message.body != route.made.offer.body or route.th:
            raise RemoteProtocolError(
                CloseCode.BAD_MESSAGE, "TASK_ASSIGN differs from what was offered"
            )
        route.th = transcript_hash(route.made.binding_hash, message.enc_head)
        self._driver.evidence.sealed(
            key,
            Judged(self.member.id, route.node_id, route.made.cvk, route.th),
        )

    def _answer(self, query: ClubQuery) -> None:
        grants = self.member.grants
        match query.what:
            case "models":
                offered = self._driver.machine.models()
                models = (each for each in offered if grants.allows_model(each.name))
                body = fitting(tuple(models))
            case "snapshot" if not grants.any_of("read"):
                self._refuse_to_show(query)
                return
            case "snapshot":
                body = fitting(self._feed.snapshot(self.member))
            case "account":
                body = encode_value(self.member)
            case "log":
                self._tasks.start_soon(self._answer_log, query)
                return
            case _:
                raise RemoteProtocolError(
                    CloseCode.BAD_MESSAGE, f"nothing is known about {query.what!r}"
                )
        self.say(ClubAnswer(ref=query.ref, body=body))

    async def _answer_log(self, query: ClubQuery) -> None:
        try:
            content = await self._read_log(query.path)
        except StorageError as error:
            logger.critical("the key log cannot be read: %s", error)
            reason = "the coordinator cannot use its store now"
            self.end(Goodbye(code=CloseCode.GOING_AWAY, reason=reason))
        else:
            self.say(ClubAnswer(ref=query.ref, body=encode_value(content)))

    def _refuse_to_show(self, message: ClubQuery | ClubWatch) -> None:
        reason = "the API key has no scope read"
        self._refuse(message, FailCode.NOT_ALLOWED, reason, retry_after_s=None)

    def _watch(self, message: ClubWatch) -> None:
        if not self.member.grants.any_of("read"):
            self._refuse_to_show(message)
            return
        if message.ref in self._watches or len(self._watches) >= MAX_WATCHES:
            raise RemoteProtocolError(
                CloseCode.TOO_MANY, f"{MAX_WATCHES} watches are open, or the ref is"
            )
        scope = anyio.CancelScope()
        self._watches[message.ref] = scope
        self._tasks.start_soon(self._feed_watch, message, scope)

    async def _feed_watch(self, message: ClubWatch, scope: anyio.CancelScope) -> None:
        with scope:
            async for snapshot in self._feed.watch(self.member, message.interval_s):
                self.say(ClubAnswer(ref=message.ref, body=fitting(snapshot)))
