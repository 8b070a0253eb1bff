"""A coordinator, nodes and clients joined in memory: no sockets, no model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import msgspec
from anyio.abc import TaskGroup

from clubai.agent.config import AgentConfig
from clubai.agent.driver import AgentDriver
from clubai.agent.membership import Membership
from clubai.agent.standing import Standing
from clubai.client import Client
from clubai.coordinator.config import CoordinatorConfig
from clubai.coordinator.coordinator import Coordinator
from clubai.coordinator.grants import Member
from clubai.crypto.identity import Identity
from clubai.errors import ClubAIError
from clubai.model import MemberId, NodeId
from clubai.storage import MemoryStore
from clubai.storage.base import Store
from clubai.transport.memory import MemoryStream, memory_pair
from support.scripted_backend import ScriptedBackend

ALICE = Member(id=MemberId("m_alice"), name="alice", role="operator")
BOB = Member(id=MemberId("m_bob"), name="bob", role="member")


class MemoryNode:
    """One agent's connection, and what a test may do to it."""

    def __init__(self, name: str, backend: ScriptedBackend, owner: Member) -> None:
        self.name = name
        self.backend = backend
        self.owner = owner
        self.identity = Identity.generate()
        self.standing = Standing()
        self.scope = anyio.CancelScope()
        self.ended = anyio.Event()
        self.known = False
        """The coordinator's machine has taken it in."""
        self.error: ClubAIError | None = None
        """Why its connection ended."""

    @property
    def id(self) -> NodeId:
        return self.identity.node_id


class MemoryClub:
    """A coordinator with whoever has come."""

    def __init__(self, coordinator: Coordinator, tasks: TaskGroup, data: Path) -> None:
        self.coordinator = coordinator
        self.data = data
        self.tasks = tasks
        self.raw: list[MemoryStream] = []

    async def add(
        self,
        name: str,
        backend: ScriptedBackend | None = None,
        *,
        owner: Member = ALICE,
        again: MemoryNode | None = None,
    ) -> MemoryNode:
        """Bring a node in; `again`: the same node on a new connection."""
        node = MemoryNode(name, backend or ScriptedBackend(), owner)
        if again is not None:
            node.identity = again.identity
        node.standing.update(node.backend.info)
        await self.tasks.start(self._serve, node)
        return node

    async def _serve(
        self, node: MemoryNode, *, task_status: anyio.abc.TaskStatus[None]
    ) -> None:
        here, there = memory_pair()
        data = self.data / "nodes" / node.identity.node_id.hex()
        data.mkdir(parents=True, exist_ok=True)
        driver = AgentDriver(
            here,
            backend=node.backend,
            standing=node.standing,
            membership=await Membership.open(node.identity, data),
            config=AgentConfig(name=node.name),
            program="test",
        )
        self.tasks.start_soon(self.coordinator.serve_node, there, node.owner)
        try:
            with node.scope:
                async with here:
                    await driver.join()
                    await self._until_known(node)
                    task_status.started()
                    await driver.serve()
        except ClubAIError as error:
            node.error = error
            if not node.known:
                raise
        finally:
            node.ended.set()

    async def _until_known(self, node: MemoryNode) -> None:
        driver = self.coordinator.driver
        while not any(seen.name == node.name for seen in driver.machine.nodes()):
            await driver.changed.wait()
        node.known = True

    @asynccontextmanager
    async def client(self, member: Member = ALICE) -> AsyncIterator[Client]:
        async with (
            self.coordinator.link(member) as stream,
            Client.over(stream) as client,
        ):
            yield client

    def connect_raw(self, *, node: bool, member: Member = ALICE) -> MemoryStream:
        """The far end of a connection on which a test says what it likes."""
        here, there = memory_pair()
        serve = self.coordinator.serve_node if node else self.coordinator.serve_client
        self.tasks.start_soon(serve, here, member)
        self.raw.append(there)
        return there


@asynccontextmanager
async def memory_club(
    data: Path, *, store: Store | None = None, **settings: object
) -> AsyncIterator[MemoryClub]:
    """A club whose key files are in `data`; `settings` are the coordinator's."""
    config = msgspec.structs.replace(
        CoordinatorConfig(data=data, shutdown_s=0.05), **settings
    )
    async with (
        Coordinator.open(config, store=store or MemoryStore()) as coordinator,
        anyio.create_task_group() as tasks,
    ):
        club = MemoryClub(coordinator, tasks, data)
        try:
            yield club
        finally:
            for stream in club.raw:
                await stream.aclose()
        tasks.cancel_scope.cancel()
