"""A whole club, or its parts, running: what the commands, the tests and programs use.

`serve_coordinator` joins coordinator and gateway behind one address; `open_club` adds
agents on this machine and an account that may use it all.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import anyio
import msgspec
from anyio.abc import TaskGroup, TaskStatus
from platformdirs import user_cache_path
from starlette.routing import Router

from clubai.agent import Agent, AgentConfig, BackendConfig
from clubai.agent.agent import serve_agent
from clubai.agent.backends.models import DEFAULT_MODEL, Progress, ensure_model
from clubai.checking import Checker, ClubStanding
from clubai.client import Client
from clubai.client.client import wall_clock_ms
from clubai.client.trust import Trust
from clubai.coordinator.app import Api
from clubai.coordinator.config import CoordinatorConfig
from clubai.coordinator.coordinator import Coordinator
from clubai.coordinator.grants import ASKING, KeyWish, Member, require
from clubai.coordinator.limits import EdgeLimits
from clubai.crypto.keyfiles import load, load_or_create
from clubai.crypto.keys import API_KEY_LENGTH
from clubai.errors import AuthenticationError, ClubAIError, lone_errors
from clubai.gateway import GatewayLimits, gateway_routes
from clubai.gateway.transit import TransitClients
from clubai.model import ClubSnapshot
from clubai.transport.server import serve_app

OPERATOR: Final = "operator"
"""The account that `open_club` makes for whoever runs it."""
_IN_THIS_PROCESS: Final = CoordinatorConfig(edge=EdgeLimits(max_memory_mb=0))
"""Most of this process's memory may be somebody else's."""
OnProgress = Callable[[Progress], None]


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A coordinator that listens."""

    url: str
    coordinator: Coordinator


async def serve_coordinator(
    config: CoordinatorConfig,
    *,
    gateway: GatewayLimits | None = None,
    task_status: TaskStatus[Served] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Run a coordinator and its gateway behind one address until cancelled.

    When cancelled it stops taking requests, lets answers go on for
    `config.shutdown_s`, says goodbye to every connection, and stores what is pending.

    Raises:
        ConfigError: a setting cannot be used, a port that is taken included.
        StorageError: the data directory cannot be used.
    """
    with lone_errors():
        async with (
            Coordinator.open(config) as coordinator,
            anyio.create_task_group() as tasks,
        ):
            if config.checks:
                rng = random.SystemRandom()
                checker = Checker(coordinator, ClubStanding(coordinator), rng=rng)
                tasks.start_soon(checker.run)
            stop = anyio.Event()
            listen = partial(_listen, coordinator, gateway or GatewayLimits(), stop)
            (url, *_) = await tasks.start(listen)
            task_status.started(Served(url=url, coordinator=coordinator))
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    await coordinator.close()
                stop.set()


def make_app(
    coordinator: Coordinator, tasks: TaskGroup, *, gateway: GatewayLimits
) -> Router:
    """The ASGI application of a coordinator with the gateway in it.

    The gateway's clients live in `tasks`.
    """

    async def authenticate(bearer: str, address: str) -> Member:
        member = await coordinator.accounts.authenticate(bearer, address)
        require(member, "asking", *ASKING)
        return member

    clients = TransitClients(
        authenticate=authenticate,
        link=coordinator.link,
        trust=Trust.of_own_process(coordinator.identity.key, clock_ms=wall_clock_ms),
        tasks=tasks,
    )
    routes = gateway_routes(clients, limits=gateway)
    return Router(routes=[*routes, *Api(coordinator).routes()])


async def _listen(
    coordinator: Coordinator,
    gateway: GatewayLimits,
    stop: anyio.Event,
    *,
    task_status: TaskStatus[list[str]],
) -> None:
    # Shielded: connections are told goodbye before the listening ends.
    with anyio.CancelScope(shield=True):
        async with anyio.create_task_group() as tasks:
            app = make_app(coordinator, tasks, gateway=gateway)
            await serve_app(
                app,
                host=coordinator.config.host,
                port=coordinator.config.port,
                limits=coordinator.config.server_limits,
                stop=stop.wait,
                task_status=task_status,
            )
            tasks.cancel_scope.cancel()


class Club:
    """A club that runs on this machine; made by `open_club`."""

    def __init__(
        self, served: Served, *, api_key: str, data: Path, agents: list[Agent]
    ) -> None:
        self.url = served.url
        self.openai_url = f"{served.url}/v1"
        """The base URL for OpenAI clients."""
        self.api_key = api_key
        """Speaks for the operator's account."""
        self.data = data
        self.agents = agents
        self._coordinator = served.coordinator

    def __repr__(self) -> str:
        return f"Club(url={self.url!r}, agents={len(self.agents)})"

    def client(self) -> AbstractAsyncContextManager[Client]:
        """Connect a client, over a real socket. Raises as `Client.connect`."""
        return Client.connect(self.url, self.api_key)

    async def add_member(self, name: str) -> str:
        """Make an account of a further member; gives an API key that speaks for it.

        Raises:
            ConfigError, NameTaken: the name cannot be used, or is somebody's.
        """
        accounts = self._coordinator.accounts
        row = await accounts.register(name, secrets.token_urlsafe(32))
        self._coordinator.feed.members += 1
        key = await accounts.create_api_key(row.id, name, wish=KeyWish(login=True))
        return key.text

    async def snapshot(self) -> ClubSnapshot:
        """The club now, as its operator sees it."""
        member = await self._coordinator.accounts.authenticate(self.api_key)
        return self._coordinator.snapshot(member)


@asynccontextmanager
async def open_club(
    *,
    agents: int = 3,
    data: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    backend: BackendConfig | None = None,
    coordinator: CoordinatorConfig | None = None,
    on_progress: OnProgress | None = None,
) -> AsyncIterator[Club]:
    """Run a whole club in this process until the context is left.

    Args:
        agents: How many nodes; each has a directory of its own in `data`.
        data: Where it all is kept; None: a directory that is removed afterwards.
        host: Where the coordinator listens.
        port: 0: any free port.
        backend: What every agent uses; None: the embedded model, a process each.
        coordinator: Further settings; `data`, `host` and `port` replace its own.
        on_progress: Told how far the embedded model's download is.

    Raises:
        ConfigError, StorageError: a setting or the data directory cannot be used.
        ModelFileError: the embedded model cannot be had.
        BackendError: a backend does not answer.
    """
    if data is None:
        with TemporaryDirectory(prefix="clubai-") as directory:
            async with open_club(
                agents=agents,
                data=Path(directory),
                host=host,
                port=port,
                backend=backend,
                coordinator=coordinator,
                on_progress=on_progress,
            ) as club:
                yield club
        return
    chosen = backend or BackendConfig(embedded=True)
    if chosen.embedded and agents:
        model = await fetch_model(chosen.model, on_progress=on_progress)
        chosen = msgspec.structs.replace(chosen, model=str(model))
    config = msgspec.structs.replace(
        coordinator or _IN_THIS_PROCESS, data=data, host=host, port=port
    )
    with lone_errors():
        async with anyio.create_task_group() as shelter:
            # The agents outlive the coordinator, so that answers may still end.
            homes: TaskGroup = await shelter.start(_sheltered)
            try:
                async with anyio.create_task_group() as tasks:
                    served: Served = await tasks.start(serve_coordinator, config)
                    api_key = await operator_key(served.coordinator, data)
                    running = await _start_agents(
                        homes,
                        agents,
                        url=served.url,
                        token=api_key,
                        data=data,
                        backend=chosen,
                    )
                    yield Club(served, api_key=api_key, data=data, agents=running)
                    tasks.cancel_scope.cancel()
            finally:
                homes.cancel_scope.cancel()


async def _sheltered(*, task_status: TaskStatus[TaskGroup]) -> None:
    with anyio.CancelScope(shield=True):
        async with anyio.create_task_group() as homes:
            task_status.started(homes)
            await anyio.sleep_forever()


async def fetch_model(name: str = "", *, on_progress: OnProgress | None = None) -> Path:
    """The embedded model's file, fetched when it is not on this machine yet.

    Raises:
        ModelFileError: it cannot be had, or is not what it should be.
    """
    cache = user_cache_path("clubai") / "models"
    return await ensure_model(
        name or DEFAULT_MODEL, cache=cache, on_progress=on_progress, env={}
    )


async def operator_key(coordinator: Coordinator, data: Path) -> str:
    """An API key of the operator's account, kept in `data` (`operator.key`, 0600).

    The account is made when there is none; a key that is no longer good is replaced.

    Raises:
        PermissionDenied: there are other accounts already, and registration is closed.
    """
    path = data / "operator.key"
    if path.exists():
        kept = load(path, size=API_KEY_LENGTH).decode("ascii", "replace")
        try:
            await coordinator.accounts.authenticate(kept)
        except AuthenticationError:
            path.unlink()
        else:
            return kept
    row = await coordinator.store.member_named(OPERATOR)
    if row is None:
        password = secrets.token_urlsafe(32)  # nobody logs in as it but by the key
        row = await coordinator.accounts.register(OPERATOR, password)
        coordinator.feed.members += 1
    key = await coordinator.accounts.create_api_key(
        row.id, "clubai up", wish=KeyWish(login=True)
    )
    text = key.text.encode()
    return load_or_create(path, lambda: text, size=API_KEY_LENGTH).decode()


async def _start_agents(
    tasks: TaskGroup,
    count: int,
    *,
    url: str,
    token: str,
    data: Path,
    backend: BackendConfig,
) -> list[Agent]:
    agents: list[Agent] = []
    failures: list[ClubAIError] = []

    async def start(number: int) -> None:
        name = f"node-{number}"
        config = AgentConfig(
            coordinator_url=url,
            token=token,
            name=name,
            data=data / "agents" / name,
            backend=backend,
        )
        try:
            agents.append(await tasks.start(serve_agent, config))
        except ClubAIError as error:  # the others are likely to fail alike
            failures.append(error)
            starting.cancel_scope.cancel()

    async with anyio.create_task_group() as starting:
        for number in range(1, count + 1):
            starting.start_soon(start, number)
    if failures:
        raise failures[0]
    return sorted(agents, key=lambda agent: agent.name)
