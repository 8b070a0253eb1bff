"""The connection of one client: what a member asks, watches and looks up.

Messages become events for the driver (control), frames go to the relay (data).
"""

from __future__ import annotations

from typing import Final, assert_never

import anyio
from anyio.abc import ObjectStream

from clubai.coordinator import translate
from clubai.coordinator.connections import Connection, login_late
from clubai.coordinator.driver import Driver
from clubai.coordinator.feed import Feed
from clubai.coordinator.grants import Member, forbidden
from clubai.coordinator.relay import Relayed, RouteKey
from clubai.coordinator.spending import MonthlyLimit, Spending
from clubai.core.events import (
    AttemptFailed,
    ClientKey,
    ClientLeft,
    TaskCancelled,
)
from clubai.crypto.keys import random_bytes
from clubai.errors import RemoteProtocolError
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
    Welcome,
)
from clubai.protocol.session import choose_version, expect_hello
from clubai.transport.frames import each_frame

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
        spending: Spending,
        login_s: float,
        program: str,
    ) -> None:
        super().__init__(stream)
        self.key = key
        self.member = member
        self._spending = spending
        self._driver = driver
        self._feed = feed
        self._login_s = login_s
        self._program = program
        self._open: dict[int, TaskId] = {}
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

    def forget(self, ref: int) -> None:
        """The request `ref` has ended."""
        self._open.pop(ref, None)

    async def _read(self) -> None:
        try:
            with anyio.fail_after(self._login_s):
                hello = decode_from_client(await self.stream.receive())
        except TimeoutError as error:
            raise login_late(self._login_s) from error
        version = choose_version(expect_hello(hello))
        self.say(
            Welcome(version=version, challenge=random_bytes(32), program=self._program)
        )
        await each_frame(self.stream, self._take)

    def _take(self, frame: bytes) -> None:
        message: FromClient = decode_from_client(frame)
        match message:
            case TaskRecord() | TaskAssign():
                self._relay(message, frame)
            case TaskRequest():
                self._request(message)
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
        )
        if self._driver.post(event):
            self._open[message.ref] = task
        else:
            self._refuse(message, FailCode.QUEUE_FULL, "the coordinator is overrun")

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
        if isinstance(message, TaskAssign):
            self._check_offer(key, message)
        match self._driver.relay.to_node(key, self.postbox, frame):
            case Relayed.FOREIGN:
                raise RemoteProtocolError(
                    CloseCode.NOT_YOURS, f"task {key.task.hex()} is another client's"
                )
            case Relayed.FULL:
                self._refuse_for_node(key)
            case Relayed.SENT | Relayed.STALE:
                pass

    def _check_offer(self, key: RouteKey, message: TaskAssign) -> None:
        route = self._driver.relay.find(key)
        if route is None:
            return
        offer = route.offer
        asked = (message.model, message.kind, message.max_tokens, message.stream)
        if asked != (offer.model, offer.kind, offer.max_tokens, offer.stream):
            raise RemoteProtocolError(
                CloseCode.BAD_MESSAGE, "TASK_ASSIGN differs from what was offered"
            )

    def _refuse_for_node(self, key: RouteKey) -> None:
        route = self._driver.relay.find(key)
        if route is None:
            return
        self._driver.post(
            AttemptFailed(
                node=route.node_id,
                task=key.task,
                part=key.part,
                attempt=key.attempt,
                code=FailCode.BUSY,
                message="the node does not take the request fast enough",
            )
        )

    def _answer(self, query: ClubQuery) -> None:
        grants = self.member.grants
        match query.what:
            case "models":
                offered = self._driver.machine.models()
                models = (each for each in offered if grants.allows_model(each.name))
                body = encode_value(tuple(models))
            case "snapshot" if not grants.any_of("read"):
                self._refuse_to_show(query)
                return
            case "snapshot":
                body = encode_value(self._feed.snapshot(self.member))
            case "account":
                body = encode_value(self.member)
            case _:
                raise RemoteProtocolError(
                    CloseCode.BAD_MESSAGE, f"nothing is known about {query.what!r}"
                )
        self.say(ClubAnswer(ref=query.ref, body=body))

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
                self.say(ClubAnswer(ref=message.ref, body=encode_value(snapshot)))
