"""A coordinator behind a socket, and agents that a test runs there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec

from clubai.agent.agent import Agent
from clubai.agent.config import AgentConfig
from clubai.client import Client
from clubai.club import Served, operator_key, serve_coordinator
from clubai.coordinator.config import CoordinatorConfig
from clubai.coordinator.coordinator import Coordinator
from clubai.errors import ClubAIError
from clubai.model import NodeSnapshot
from clubai.protocol.messages import CloseCode, Goodbye
from support.scripted_backend import ScriptedBackend

Shown = Sequence[NodeSnapshot]


class Club:
    """A coordinator behind a socket, and a key of its operator."""

    def __init__(self, served: Served, key: str) -> None:
        self.url = served.url
        self.coordinator: Coordinator = served.coordinator
        self.key = key

    async def until(self, condition: Callable[[Shown], bool]) -> Shown:
        """Wait until the coordinator sees the nodes so."""
        with anyio.fail_after(10):
            while not condition(nodes := self.coordinator.feed.nodes()):
                await self.coordinator.driver.changed.wait()
        return nodes

    def end_connections(self, code: CloseCode) -> None:
        for connection in list(self.coordinator.driver.nodes.values()):
            connection.end(Goodbye(code=code, reason="the test wants it"))

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """One of the operator."""
        owner = await self.coordinator.accounts.authenticate(self.key)
        async with (
            self.coordinator.link(owner) as stream,
            Client.over(stream) as client,
        ):
            yield client

    async def key_of(self, name: str) -> str:
        accounts = self.coordinator.accounts
        row = await accounts.register(name, "correct horse")
        return (await accounts.create_api_key(row.id, "")).text


@asynccontextmanager
async def running_club(data: Path, *, port: int = 0) -> AsyncIterator[Club]:
    config = CoordinatorConfig(data=data / "club", port=port, shutdown_s=0.05)
    async with anyio.create_task_group() as tasks:
        served: Served = await tasks.start(serve_coordinator, config)
        yield Club(served, await operator_key(served.coordinator, config.data))
        tasks.cancel_scope.cancel()


class Tally:
    """Counts, and lets a test wait for a count."""

    def __init__(self) -> None:
        self.count = 0
        self._more = anyio.Event()

    def add(self) -> None:
        self.count += 1
        self._more.set()
        self._more = anyio.Event()

    async def reach(self, count: int) -> None:
        with anyio.fail_after(10):
            while self.count < count:
                await self._more.wait()


class Backoffs:
    """Stands in for the back-off: short unless a test says otherwise, and counted."""

    def __init__(self) -> None:
        self.delay_s = 0.01
        self.attempts: list[int] = []
        self.tally = Tally()

    def __call__(self, attempt: int, fraction: float) -> float:
        assert 0 <= fraction < 1
        self.attempts.append(attempt)
        self.tally.add()
        return self.delay_s


class Running:
    """An agent that a test opened, and how it ended."""

    def __init__(self) -> None:
        self.agent: Agent
        self.scope = anyio.CancelScope()
        self.ended = anyio.Event()
        self.error: ClubAIError | None = None

    async def run(
        self,
        config: AgentConfig,
        backend: ScriptedBackend,
        *,
        task_status: anyio.abc.TaskStatus[None],
    ) -> None:
        try:
            with self.scope:
                async with Agent.open(config, backend=backend) as self.agent:
                    await self.agent.joined()
                    task_status.started()
                    await anyio.sleep_forever()
        except ClubAIError as error:
            self.error = error
        finally:
            self.ended.set()


def config_for(club: Club, place: Path, **changes: Any) -> AgentConfig:
    config = AgentConfig(
        coordinator_url=club.url, token=club.key, name="attic", data=place / "node"
    )
    return msgspec.structs.replace(config, **changes)


def alive(*names: str) -> Callable[[Shown], bool]:
    """Whether these nodes are there, and no others."""
    return lambda nodes: (
        sorted(names) == sorted(node.name for node in nodes if node.state == "alive")
    )
