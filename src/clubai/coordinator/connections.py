"""One connection each: how it begins, what it may say, how it ends.

A connection's reader turns messages into events for the driver (control) or hands
frames to the relay (data). Nobody but the connection's own task touches its stream;
everyone else posts to its postbox.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final, assert_never

import anyio
from anyio.abc import ObjectStream

from clubai.coordinator import translate
from clubai.coordinator.accounts import Member
from clubai.coordinator.driver import Driver
from clubai.coordinator.feed import Feed
from clubai.coordinator.relay import Relayed, RouteKey
from clubai.coordinator.roster import Roster
from clubai.core.events import (
    AttemptFailed,
    ClientKey,
    ClientLeft,
    NodeLeft,
    TaskCancelled,
)
from clubai.crypto.identity import node_id, verify
from clubai.crypto.keys import random_bytes
from clubai.errors import RemoteProtocolError
from clubai.model import FailCode, NodeId, TaskId
from clubai.protocol.codec import (
    decode_from_client,
    decode_from_node,
    encode,
    encode_value,
)
from clubai.protocol.messages import (
    CloseCode,
    ClubAnswer,
    ClubQuery,
    ClubUnwatch,
    ClubWatch,
    FromClient,
    FromNode,
    Goodbye,
    Hello,
    Message,
    NodeHeard,
    NodeHeartbeat,
    NodeRegister,
    NodeRegistered,
    Notice,
    TaskAccept,
    TaskAssign,
    TaskCancel,
    TaskFail,
    TaskRecord,
    TaskReply,
    TaskRequest,
    TaskResult,
    Welcome,
)
from clubai.protocol.session import choose_version, expect_hello, registration_bytes
from clubai.storage.base import Store
from clubai.transport.postbox import Postbox

logger = logging.getLogger(__name__)

HEARD: Final = encode(NodeHeard())
MAX_OPEN_REQUESTS: Final = 1024
"""Requests that one client connection may have open at once."""
MAX_WATCHES: Final = 16


class Connection:
    """What both kinds of connection have: a stream, an postbox, a way to end."""

    def __init__(self, stream: ObjectStream[bytes]) -> None:
        self.stream = stream
        self.postbox = Postbox(stream)
        self.goodbye: Goodbye | None = None
        """Why this side ended it."""

    def end(self, goodbye: Goodbye) -> None:
        """Say why, send what is queued, and close; only the first call counts."""
        if self.goodbye is None:
            self.goodbye = goodbye
            self.postbox.close(encode(goodbye))

    def say(self, message: Message) -> None:
        """Post a message, or end the connection when there is no room for it."""
        if not self.postbox.post(encode(message)):
            self.end(Goodbye(code=CloseCode.TOO_SLOW, reason="messages were not read"))

    async def hold(self, read: Callable[[], Awaitable[None]]) -> None:
        """Run the writer beside `read` until either side ends the connection."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._write, tasks.cancel_scope)
            try:
                await read()
            except RemoteProtocolError as error:
                logger.info("a peer broke the protocol: %s", error)
                self.end(Goodbye(code=error.code, reason=error.reason))
            except (
                anyio.EndOfStream,
                anyio.BrokenResourceError,
                anyio.ClosedResourceError,
            ):
                tasks.cancel_scope.cancel()

    async def _write(self, scope: anyio.CancelScope) -> None:
        try:
            await self.postbox.run()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, TimeoutError):
            pass
        finally:
            scope.cancel()


class NodeConnection(Connection):
    """The connection of one node's agent."""

    def __init__(
        self,
        stream: ObjectStream[bytes],
        *,
        owner: Member,
        driver: Driver,
        roster: Roster,
        store: Store,
        heartbeat_s: float,
        login_s: float,
        program: str,
    ) -> None:
        super().__init__(stream)
        self._owner = owner
        self._driver = driver
        self._roster = roster
        self._store = store
        self._heartbeat_s = heartbeat_s
        self._login_s = login_s
        self._program = program
        self.node = NodeId(b"")

    async def serve(self) -> None:
        """Serve the connection until it ends, whatever the peer sends."""
        try:
            await self.hold(self._read)
        finally:
            self._leave()

    async def _read(self) -> None:
        await self._join()
        while True:
            frame = await self.stream.receive()
            await self._take(decode_from_node(frame), frame)

    async def _join(self) -> None:
        try:
            with anyio.fail_after(self._login_s):
                register = await self._greet()
        except TimeoutError as error:
            raise _late(self._login_s) from error
        node = node_id(register.key)
        holder = self._roster.holder(register.name)
        row = self._roster.claim(
            node=node,
            key=register.key,
            name=register.name,
            owner=self._owner.id,
            holder_connected=holder is not None and holder in self._driver.nodes,
            now=self._driver.clock(),
        )
        self._replace(node)
        await self._store.put_node(row)
        await self._driver.post(
            translate.node_joined(register, node=node, owner=self._owner.id)
        )
        self.say(NodeRegistered(node=node))
        logger.info("node %s joined", register.name)

    async def _greet(self) -> NodeRegister:
        choose_version(expect_hello(decode_from_node(await self.stream.receive())))
        challenge = random_bytes(32)
        self.say(
            Welcome(
                version=1,
                challenge=challenge,
                heartbeat_s=self._heartbeat_s,
                program=self._program,
            )
        )
        message = decode_from_node(await self.stream.receive())
        if not isinstance(message, NodeRegister):
            raise RemoteProtocolError(
                CloseCode.BAD_MESSAGE, "NODE_REGISTER was due after WELCOME"
            )
        signed = registration_bytes(challenge, message.boot)
        if not verify(message.key, signed, message.sig):
            raise RemoteProtocolError(
                CloseCode.BAD_SIGNATURE, "the node's signature is not of its key"
            )
        return message

    def _replace(self, node: NodeId) -> None:
        earlier = self._driver.nodes.get(node)
        if earlier is not None:
            earlier.end(
                Goodbye(
                    code=CloseCode.REPLACED,
                    reason="the same node came in on a newer connection",
                )
            )
        self.node = node
        self._driver.nodes[node] = self

    def _leave(self) -> None:
        if self._driver.nodes.get(self.node) is not self:
            return
        del self._driver.nodes[self.node]
        reason = self.goodbye.reason if self.goodbye else "its connection ended"
        self._driver.post_nowait(NodeLeft(node=self.node, reason=reason))

    async def _take(self, message: FromNode, frame: bytes) -> None:
        if self._driver.nodes.get(self.node) is not self:
            return  # replaced: what this process of the node says no longer counts
        match message:
            case TaskRecord():
                self._relay(message, frame)
            case TaskReply():
                if self._relay(message, frame):
                    event = translate.reply_begun(message, node=self.node)
                    await self._driver.post(event)
            case TaskResult():
                await self._finish(message, frame)
            case TaskAccept():
                event = translate.task_accepted(message, node=self.node)
                await self._driver.post(event)
            case TaskFail():
                event = translate.attempt_failed(message, node=self.node)
                await self._driver.post(event)
            case NodeHeartbeat():
                event = translate.node_reported(message, node=self.node)
                await self._driver.post(event)
                self.postbox.post(HEARD)
            case Notice():
                logger.info("node %s: %s", self.node.hex()[:12], message.code)
            case Goodbye():
                raise anyio.EndOfStream
            case Hello() | NodeRegister():
                raise RemoteProtocolError(
                    CloseCode.BAD_MESSAGE, "the connection has begun already"
                )
            case _:
                assert_never(message)

    def _relay(self, message: TaskRecord | TaskReply, frame: bytes) -> bool:
        key = RouteKey(TaskId(message.task), message.part, message.attempt)
        match self._driver.relay.to_client(key, self.postbox, frame):
            case Relayed.SENT:
                return True
            case Relayed.FOREIGN:
                raise RemoteProtocolError(
                    CloseCode.NOT_YOURS, f"task {key.task.hex()} is another node's"
                )
            case Relayed.FULL:
                self._drop_reader(key)
            case Relayed.STALE:
                pass
        return False

    def _drop_reader(self, key: RouteKey) -> None:
        route = self._driver.relay.find(key)
        client = route and self._driver.clients.get(route.offer.client)
        if client:
            client.end(Goodbye(code=CloseCode.TOO_SLOW, reason="answers were not read"))

    async def _finish(self, message: TaskResult, frame: bytes) -> None:
        key = RouteKey(TaskId(message.task), message.part, message.attempt)
        route = self._driver.relay.find(key)
        if route is not None and route.node is self.postbox:
            route.result = frame
        answer_bytes = 0 if route is None else route.answer_bytes
        await self._driver.post(
            translate.task_finished(message, node=self.node, answer_bytes=answer_bytes)
        )


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
        login_s: float,
        program: str,
    ) -> None:
        super().__init__(stream)
        self.key = key
        self._member = member
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
            self._driver.post_nowait(ClientLeft(client=self.key))

    def forget(self, ref: int) -> None:
        """The request `ref` has ended."""
        self._open.pop(ref, None)

    async def _read(self) -> None:
        try:
            with anyio.fail_after(self._login_s):
                hello = decode_from_client(await self.stream.receive())
        except TimeoutError as error:
            raise _late(self._login_s) from error
        version = choose_version(expect_hello(hello))
        self.say(
            Welcome(version=version, challenge=random_bytes(32), program=self._program)
        )
        while True:
            frame = await self.stream.receive()
            await self._take(decode_from_client(frame), frame)

    async def _take(self, message: FromClient, frame: bytes) -> None:
        match message:
            case TaskRecord() | TaskAssign():
                await self._relay(message, frame)
            case TaskRequest():
                await self._request(message)
            case TaskCancel():
                task = self._open.get(message.ref) if message.ref else message.task
                if task:
                    event = TaskCancelled(client=self.key, task=TaskId(task))
                    await self._driver.post(event)
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

    async def _request(self, message: TaskRequest) -> None:
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
        task = TaskId(random_bytes(16))
        self._open[message.ref] = task
        await self._driver.post(
            translate.task_requested(
                message, task=task, client=self.key, member=self._member.id
            )
        )

    def _refuse(self, message: TaskRequest, code: FailCode, text: str) -> None:
        self.say(TaskFail(code=code, message=text, ref=message.ref, retry_after_s=1.0))

    async def _relay(self, message: TaskRecord | TaskAssign, frame: bytes) -> None:
        key = RouteKey(TaskId(message.task), message.part, message.attempt)
        if isinstance(message, TaskAssign):
            self._check_offer(key, message)
        match self._driver.relay.to_node(key, self.postbox, frame):
            case Relayed.FOREIGN:
                raise RemoteProtocolError(
                    CloseCode.NOT_YOURS, f"task {key.task.hex()} is another client's"
                )
            case Relayed.FULL:
                await self._refuse_for_node(key)
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

    async def _refuse_for_node(self, key: RouteKey) -> None:
        route = self._driver.relay.find(key)
        if route is None:
            return
        await self._driver.post(
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
        match query.what:
            case "models":
                body = encode_value(self._driver.machine.models())
            case "snapshot":
                body = encode_value(self._feed.snapshot(self._member))
            case "account":
                body = encode_value(self._member)
            case _:
                raise RemoteProtocolError(
                    CloseCode.BAD_MESSAGE, f"nothing is known about {query.what!r}"
                )
        self.say(ClubAnswer(ref=query.ref, body=body))

    def _watch(self, message: ClubWatch) -> None:
        if message.ref in self._watches or len(self._watches) >= MAX_WATCHES:
            raise RemoteProtocolError(
                CloseCode.TOO_MANY, f"{MAX_WATCHES} watches are open, or the ref is"
            )
        scope = anyio.CancelScope()
        self._watches[message.ref] = scope
        self._tasks.start_soon(self._feed_watch, message, scope)

    async def _feed_watch(self, message: ClubWatch, scope: anyio.CancelScope) -> None:
        with scope:
            async for snapshot in self._feed.watch(self._member, message.interval_s):
                self.say(ClubAnswer(ref=message.ref, body=encode_value(snapshot)))


def _late(seconds: float) -> RemoteProtocolError:
    return RemoteProtocolError(
        CloseCode.LOGIN_LATE, f"the connection did not begin within {seconds:g} s"
    )
