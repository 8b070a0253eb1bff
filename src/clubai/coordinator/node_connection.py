"""The connection of one node's agent.

Messages become events for the driver (control), frames go to the relay (data).
"""

from __future__ import annotations

import logging
from typing import Final, assert_never

import anyio
from anyio.abc import ObjectStream

from clubai.coordinator import translate
from clubai.coordinator.connections import Connection, login_late
from clubai.coordinator.driver import Driver
from clubai.coordinator.grants import Member
from clubai.coordinator.relay import Relayed, RouteKey
from clubai.coordinator.roster import Roster
from clubai.core.events import (
    Event,
    NodeLeft,
)
from clubai.crypto.identity import node_id, verify
from clubai.crypto.keys import random_bytes
from clubai.errors import InvariantError, RemoteProtocolError
from clubai.model import NodeId, TaskId
from clubai.protocol.codec import (
    decode_from_node,
    encode,
)
from clubai.protocol.messages import (
    CloseCode,
    FromNode,
    Goodbye,
    Hello,
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
from clubai.protocol.session import choose_version, expect_hello, registration_bytes
from clubai.storage.base import Store
from clubai.transport.frames import each_frame

logger = logging.getLogger(__name__)

HEARD: Final = encode(NodeHeard())


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
        await each_frame(self.stream, self._take)

    async def _join(self) -> None:
        try:
            with anyio.fail_after(self._login_s):
                register = await self._greet()
        except TimeoutError as error:
            raise login_late(self._login_s) from error
        node = node_id(register.key)
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
        self._replace(node)
        # Queued before the machine knows of the node: it comes before any work.
        self.say(NodeRegistered(node=node))
        event = translate.node_joined(register, node=node, owner=self._owner.id)
        if not await self._driver.settle(event):
            raise RemoteProtocolError(CloseCode.TOO_MANY, "the coordinator is overrun")
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
        self._driver.post(NodeLeft(node=self.node, reason=reason))

    def _take(self, frame: bytes) -> None:
        message: FromNode = decode_from_node(frame)
        if self._driver.nodes.get(self.node) is not self:
            return  # replaced: what this process of the node says no longer counts
        match message:
            case TaskRecord():
                if self._relay(message, frame):
                    self._begin(message)
            case TaskReply():
                self._relay(message, frame)
            case TaskResult():
                self._finish(message, frame)
            case TaskAccept():
                self._post(translate.task_accepted(message, node=self.node))
            case TaskFail():
                self._post(translate.attempt_failed(message, node=self.node))
            case NodeHeartbeat():
                self._post(translate.node_reported(message, node=self.node))
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

    def _post(self, event: Event) -> None:
        if not self._driver.post(event):
            raise RemoteProtocolError(CloseCode.TOO_MANY, "the coordinator is overrun")

    def _relay(self, message: TaskRecord | TaskReply, frame: bytes) -> bool:
        key = _key(message)
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

    def _begin(self, message: TaskRecord) -> None:
        route = self._driver.relay.find(_key(message))
        if route is not None and not route.begun:
            route.begun = True
            self._post(translate.reply_begun(message, node=self.node))

    def _drop_reader(self, key: RouteKey) -> None:
        route = self._driver.relay.find(key)
        client = route and self._driver.clients.get(route.offer.client)
        if client:
            client.end(Goodbye(code=CloseCode.TOO_SLOW, reason="answers were not read"))

    def _finish(self, message: TaskResult, frame: bytes) -> None:
        route = self._driver.relay.find(_key(message))
        if route is not None and route.node is self.postbox:
            route.result = frame
        answer_bytes = 0 if route is None else route.answer_bytes
        self._post(
            translate.task_finished(message, node=self.node, answer_bytes=answer_bytes)
        )


def _key(message: TaskRecord | TaskReply | TaskResult) -> RouteKey:
    return RouteKey(TaskId(message.task), message.part, message.attempt)
