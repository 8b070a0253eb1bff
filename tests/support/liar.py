"""A coordinator that lies: a real one, whose messages a test changes on their way.

Client and agent are real, too. The liar has the coordinator's signing key, so that what
it changes in an assignment or a checkpoint is signed like the truth.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import anyio
from anyio.abc import ObjectStream
from msgspec.structs import replace

from clubai.agent.config import AgentConfig
from clubai.agent.driver import AgentDriver
from clubai.agent.membership import Membership
from clubai.agent.standing import Standing
from clubai.client import Client
from clubai.client.client import wall_clock_ms
from clubai.client.pins import Pins
from clubai.client.remembered import Policy
from clubai.client.trust import Trust
from clubai.crypto.assignment import sign_assignment
from clubai.crypto.identity import Identity
from clubai.errors import ClubAIError, lone_errors
from clubai.protocol.assignment import (
    Assigned,
    decode_assignment,
    encode_assignment,
)
from clubai.protocol.codec import (
    decode_from_client,
    decode_from_node,
    decode_to_client,
    decode_to_node,
    encode,
)
from clubai.protocol.messages import Message, TaskAssign, TaskOffer
from clubai.transport.memory import memory_pair
from support.memory_club import ALICE, MemoryClub, memory_club
from support.scripted_backend import ScriptedBackend

Change = Callable[[Message], Iterable[Message]]
"""What is passed on in place of one message."""
M = TypeVar("M", bound=Message)
Signed = TypeVar("Signed", TaskOffer, TaskAssign)

_GONE = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)


def honest(message: Message) -> Iterable[Message]:
    return [message]


class Liar:
    """Passes on what a real coordinator, its clients and its nodes say."""

    def __init__(self, club: MemoryClub) -> None:
        self.club = club
        self.identity = club.coordinator.identity
        self.from_client: list[bytes] = []
        """Every frame that a client sent."""
        self.from_node: list[bytes] = []
        self.nodes: list[LiedToNode] = []
        self.be_honest()

    def be_honest(self) -> None:
        """Change nothing from now on."""
        self.to_client: Change = honest
        self.to_node: Change = honest

    def said_by_client(self, kind: type[M]) -> list[M]:
        """What the clients said of one kind."""
        heard = map(decode_from_client, self.from_client)
        return [message for message in heard if isinstance(message, kind)]

    def said_by_node(self, kind: type[M]) -> list[M]:
        """What the nodes said of one kind."""
        heard = map(decode_from_node, self.from_node)
        return [message for message in heard if isinstance(message, kind)]

    def resign(self, message: Signed, **changes: object) -> Signed:
        """Another assignment in a message, signed by the coordinator."""
        assignment = decode_assignment(message.body)
        (part,) = assignment.parts
        of_part = {k: v for k, v in changes.items() if k in Assigned.__struct_fields__}
        whole = {k: v for k, v in changes.items() if k not in of_part}
        body = encode_assignment(
            replace(assignment, parts=(replace(part, **of_part),), **whole)
        )
        return replace(message, body=body, sig=sign_assignment(self.identity, body))

    @asynccontextmanager
    async def client(
        self, *, pins: Pins | None = None, policy: Policy | None = None
    ) -> AsyncIterator[Client]:
        trust = Trust(pins or Pins.in_memory(), policy=policy, clock_ms=wall_clock_ms)
        async with self._passed_on(
            self.club.coordinator.link(ALICE),
            lambda frame: [encode(m) for m in self.to_client(decode_to_client(frame))],
            self.from_client,
        ) as here:
            with anyio.fail_after(20):
                async with Client.over(here, trust=trust) as client:
                    yield client

    async def add_node(
        self, name: str, backend: ScriptedBackend, *, identity: Identity | None = None
    ) -> LiedToNode:
        """A real agent that has joined."""
        node = LiedToNode(name, backend, identity or Identity.generate())
        self.nodes.append(node)
        await self.club.tasks.start(self._serve, node)
        return node

    async def reconnect(self, node: LiedToNode) -> LiedToNode:
        """Let a node try to join, which it does not want to."""
        with anyio.fail_after(10):
            async with self._to_coordinator() as here:
                try:
                    driver = await node.driver(here, self.club.data)
                    await driver.join()
                except ClubAIError as error:
                    node.error = error
        return node

    async def _serve(
        self, node: LiedToNode, *, task_status: anyio.abc.TaskStatus[None]
    ) -> None:
        async with self._to_coordinator() as here:
            driver = await node.driver(here, self.club.data)
            try:
                await driver.join()
                machine = self.club.coordinator.driver
                while not any(n.name == node.name for n in machine.machine.nodes()):
                    await machine.changed.wait()
                task_status.started()
                await driver.serve()
            except ClubAIError as error:
                node.error = error

    def _to_coordinator(self) -> AbstractAsyncContextManager[ObjectStream[bytes]]:
        near, far = memory_pair()
        self.club.tasks.start_soon(self.club.coordinator.serve_node, far, ALICE)
        return self._passed_on(
            near,
            lambda frame: [encode(m) for m in self.to_node(decode_to_node(frame))],
            self.from_node,
        )

    @asynccontextmanager
    async def _passed_on(
        self,
        real: ObjectStream[bytes],
        change: Callable[[bytes], list[bytes]],
        heard: list[bytes],
    ) -> AsyncIterator[ObjectStream[bytes]]:
        here, there = memory_pair()

        async def down() -> None:
            try:
                while True:
                    for frame in change(await real.receive()):
                        await there.send(frame)
            except _GONE:
                await there.aclose()

        async def up() -> None:
            try:
                while True:
                    frame = await there.receive()
                    heard.append(frame)
                    await real.send(frame)
            except _GONE:
                await real.aclose()

        with lone_errors():
            async with real, here, there, anyio.create_task_group() as tasks:
                tasks.start_soon(down)
                tasks.start_soon(up)
                yield here
                tasks.cancel_scope.cancel()


class LiedToNode:
    """An agent; it outlives its connections."""

    def __init__(self, name: str, backend: ScriptedBackend, identity: Identity) -> None:
        self.name = name
        self.backend = backend
        self.identity = identity
        self.standing = Standing()
        self.standing.update(backend.info)
        self.error: ClubAIError | None = None
        """Why its connection ended."""

    async def driver(self, stream: ObjectStream[bytes], data: Path) -> AgentDriver:
        home = data / "nodes" / self.name
        home.mkdir(parents=True, exist_ok=True)
        return AgentDriver(
            stream,
            backend=self.backend,
            standing=self.standing,
            membership=await Membership.open(self.identity, home),
            config=AgentConfig(name=self.name),
            program="test",
        )


@asynccontextmanager
async def lying_club(data: Path) -> AsyncIterator[Liar]:
    async with memory_club(data) as club:
        yield Liar(club)
