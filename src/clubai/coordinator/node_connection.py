"""The connection of one node's agent.

Messages become events for the driver (control), frames go to the relay (data).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final, assert_never

import anyio
from anyio.abc import ObjectStream
from msgspec.structs import replace

from clubai.coordinator import translate
from clubai.coordinator.assigner import NodeKeys
from clubai.coordinator.connections import Bounds, Connection, login_late
from clubai.coordinator.cutting import cut_off
from clubai.coordinator.driver import Driver
from clubai.coordinator.grants import Member
from clubai.coordinator.node_login import NodeLogins
from clubai.coordinator.relay import Relayed, Route, RouteKey, held
from clubai.coordinator.roster import Roster
from clubai.coordinator.tickets import Ticket
from clubai.core.events import Event, NodeLeft
from clubai.crypto.attestation import (
    Attestation,
    read_attestation,
    verify_attestation,
)
from clubai.crypto.bundles import Bundle, check_time, read_bundle
from clubai.crypto.identity import node_id
from clubai.errors import (
    InvariantError,
    PermissionDenied,
    RateLimited,
    RemoteProtocolError,
    StorageError,
    TrustError,
)
from clubai.model import FailCode, NodeId, TaskId
from clubai.protocol.codec import decode_from_node, encode
from clubai.protocol.messages import (
    CloseCode,
    FromNode,
    Goodbye,
    Hello,
    NodeBundle,
    NodeHeard,
    NodeHeartbeat,
    NodeRegister,
    NodeRegistered,
    Notice,
    TaskAccept,
    TaskFail,
    TaskRecord,
    TaskReply,
    TaskResult,
    Welcome,
)
from clubai.protocol.session import choose_version, expect_hello
from clubai.storage.base import Store
from clubai.transport.frames import each_frame

LogBundle = Callable[[Bundle], Awaitable[None]]
"""Puts a node's bundle into the key log, unless it is there."""

logger = logging.getLogger(__name__)

HEARD: Final = encode(NodeHeard())


class NodeConnection(Connection):
    """The connection of one node's agent."""

    def __init__(
        self,
        stream: ObjectStream[bytes],
        *,
        owner: Member,
        ticket: Ticket | None,
        logins: NodeLogins,
        driver: Driver,
        roster: Roster,
        store: Store,
        coordinator_key: bytes,
        log_bundle: LogBundle,
        heartbeat_s: float,
        login_s: float,
        program: str,
        bounds: Bounds | None = None,
    ) -> None:
        super().__init__(stream, bounds)
        self._owner = owner
        self._ticket = ticket
        self._logins = logins
        self._driver = driver
        self._roster = roster
        self._store = store
        self._coordinator_key = coordinator_key
        self._log_bundle = log_bundle
        self._heartbeat_s = heartbeat_s
        self._login_s = login_s
        self._program = program
        self.node = NodeId(b"")
        self.keys: NodeKeys
        """What the node's requests are sealed to; set when it has registered."""
        self._next_bundle: Bundle | None = None
        self._bundle_came = anyio.Event()

    async def serve(self) -> None:
        """Serve the connection until it ends, whatever the peer sends."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._follow_bundles)
                await self.hold(self._read)
                tasks.cancel_scope.cancel()
        finally:
            self._leave()

    async def _read(self) -> None:
        await self._join()
        await each_frame(self.stream, self._take)

    async def _join(self) -> None:
        try:
            with anyio.fail_after(self._login_s):
                register = await self._greet()
        except TimeoutError as error:
            raise login_late(self._login_s) from error
        node = node_id(register.key)
        await self._check_ticket(node, register.boot)
        bundle = self._read_bundle(register.key, register.bundle, register.bundle_sig)
        holder = self._roster.holder(register.name)
        rows = self._roster.claim(
            node=node,
            key=register.key,
            name=register.name,
            owner=self._owner.id,
            holder_connected=holder is not None and holder in self._driver.nodes,
            now=self._driver.clock(),
        )
        for row in rows:
            if not await self._store.put_node(row):
                raise InvariantError(f"the roster let node name {row.name!r} twice")
        await self._log(bundle)
        self.keys = NodeKeys(bundle=bundle, boot=register.boot)
        self._replace(node)
        # Queued before the machine knows of the node: it comes before any work.
        self.say(NodeRegistered(node=node))
        event = translate.node_joined(register, node=node, owner=self._owner.id)
        if not await self._driver.settle(event):
            raise RemoteProtocolError(CloseCode.TOO_MANY, "the coordinator is overrun")
        logger.info("node %s joined as %r", node.hex()[:12], register.name)

    async def _greet(self) -> NodeRegister:
        choose_version(expect_hello(decode_from_node(await self.stream.receive())))
        self.say(
            Welcome(
                version=1,
                heartbeat_s=self._heartbeat_s,
                key=self._coordinator_key,
                program=self._program,
            )
        )
        message = decode_from_node(await self.stream.receive())
        if not isinstance(message, NodeRegister):
            raise RemoteProtocolError(
                CloseCode.BAD_MESSAGE, "NODE_REGISTER was due after WELCOME"
            )
        return message

    def is_of(self, node: NodeId) -> bool:
        """Whether it speaks for `node`, or is about to."""
        return node == (self._ticket.node if self._ticket else self.node)

    async def _check_ticket(self, node: NodeId, boot: bytes) -> None:
        if self._ticket is None:
            return
        if (node, boot) != (self._ticket.node, self._ticket.boot):
            raise RemoteProtocolError(
                CloseCode.BAD_SIGNATURE, "the ticket is of another node or process"
            )
        try:
            await self._logins.check(node)
        except PermissionDenied as error:
            raise RemoteProtocolError(CloseCode.NOT_YOURS, error.reason) from error

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
        self._driver.post(NodeLeft(node=self.node, reason=reason))

    def _take(self, frame: bytes) -> None:
        message: FromNode = decode_from_node(frame)
        if self._driver.nodes.get(self.node) is not self:
            return  # replaced: what this process of the node says no longer counts
        if not self.has_room(message, frame, self._driver.clock()):
            self._shed(message)
            return
        self._act(message, frame)

    def _act(self, message: FromNode, frame: bytes) -> None:
        match message:
            case TaskRecord():
                if self._relay(message, frame, held=held(message.ct)):
                    self._begin(message)
            case TaskReply():
                self._relay(message, frame)
            case TaskResult():
                self._finish(message)
            case TaskAccept():
                self._post(translate.task_accepted(message, node=self.node))
            case TaskFail():
                self._post(translate.attempt_failed(message, node=self.node))
            case NodeBundle():
                self._next_bundle = self._read_bundle(
                    self.keys.bundle.ik, message.bundle, message.bundle_sig
                )
                self._bundle_came.set()
            case NodeHeartbeat():
                self._post(translate.node_reported(message, node=self.node))
                self.postbox.post(HEARD)
            case Notice():
                logger.info("node %s: %r", self.node.hex()[:12], message.code[:64])
            case Goodbye():
                raise anyio.EndOfStream
            case Hello() | NodeRegister():
                raise RemoteProtocolError(
                    CloseCode.BAD_MESSAGE, "the connection has begun already"
                )
            case _:
                assert_never(message)

    def _post(self, event: Event) -> None:
        if not self._driver.post(event):
            raise RemoteProtocolError(CloseCode.TOO_MANY, "the coordinator is overrun")

    def _relay(
        self, message: TaskRecord | TaskReply, frame: bytes, *, held: int = 0
    ) -> bool:
        key = _key(message)
        match self._driver.relay.to_client(key, self.postbox, frame, held=held):
            case Relayed.SENT:
                return True
            case Relayed.FOREIGN:
                raise RemoteProtocolError(
                    CloseCode.NOT_YOURS, f"task {key.task.hex()} is another node's"
                )
            case Relayed.FULL:
                text = "the answer was not read fast enough"
                cut_off(self._driver, key, FailCode.SLOW_READER, text)
            case Relayed.STALE:
                pass
        return False

    def _begin(self, message: TaskRecord) -> None:
        route = self._driver.relay.find(_key(message))
        if route is not None and not route.begun:
            route.begun = True
            self._post(translate.reply_begun(message, node=self.node))

    def _shed(self, message: FromNode) -> None:
        if isinstance(message, TaskRecord):
            key = _key(message)
            text = "the node sends more bytes than a connection may"
            if self._driver.relay.is_from_node(key, self.postbox):
                cut_off(self._driver, key, FailCode.BACKEND, text)

    def _finish(self, message: TaskResult) -> None:
        route = self._driver.relay.find(_key(message))
        mine = route is not None and route.node is self.postbox
        said = self._attested(message, route if mine else None)
        if route is not None and mine:
            self._driver.evidence.attested(_key(message), message.body)
            route.result = encode(replace(message, eq=b"", sketch=b""))
        self._post(
            translate.task_finished(
                message,
                said,
                node=self.node,
                request_bytes=route.request_bytes if route and mine else 0,
                answer_bytes=route.answer_bytes if route and mine else 0,
            )
        )

    def _attested(self, message: TaskResult, route: Route | None) -> Attestation:
        """What the node signed; of a live assignment, that it signed it of this one."""
        try:
            if route is None:
                return read_attestation(message.body)
            ik = self.keys.bundle.ik
            said = verify_attestation(ik, message.body, message.sig)
        except TrustError as error:
            raise RemoteProtocolError(CloseCode.BAD_SIGNATURE, error.reason) from error
        if said.th != route.th:
            raise RemoteProtocolError(
                CloseCode.BAD_SIGNATURE, "the node signed another request"
            )
        sketch_hash = hashlib.sha256(message.sketch).digest()
        if (said.eq, said.sketch_hash) != (message.eq, sketch_hash):
            raise RemoteProtocolError(
                CloseCode.BAD_SIGNATURE, "the node's tags are not those that it signed"
            )
        return said

    def _read_bundle(self, key: bytes, body: bytes, sig: bytes) -> Bundle:
        try:
            bundle = read_bundle(body, sig)
            check_time(bundle, round(self._driver.clock() * 1000))
        except TrustError as error:
            raise RemoteProtocolError(CloseCode.BAD_SIGNATURE, error.reason) from error
        if bundle.ik != key:
            raise RemoteProtocolError(
                CloseCode.BAD_SIGNATURE, "the bundle is another node's"
            )
        return bundle

    async def _follow_bundles(self) -> None:
        while True:
            await self._bundle_came.wait()
            self._bundle_came = anyio.Event()
            bundle, self._next_bundle = self._next_bundle, None
            if bundle is None:
                continue
            try:
                await self._log(bundle)
            except RemoteProtocolError as error:
                self.end(Goodbye(code=error.code, reason=error.reason))
            else:
                self.keys = replace(self.keys, bundle=bundle)

    async def _log(self, bundle: Bundle) -> None:
        try:
            await self._log_bundle(bundle)
        except TrustError as error:
            raise RemoteProtocolError(CloseCode.BAD_SIGNATURE, error.reason) from error
        except RateLimited as error:
            raise RemoteProtocolError(CloseCode.TOO_MANY, str(error)) from error
        except StorageError as error:
            logger.critical("a node's keys cannot be logged: %s", error)
            reason = "the coordinator cannot use its store now"
            raise RemoteProtocolError(CloseCode.GOING_AWAY, reason) from error


def _key(message: TaskRecord | TaskReply | TaskResult) -> RouteKey:
    return RouteKey(TaskId(message.task), message.part, message.attempt)
