"""`Agent`: keeps one node in a club for as long as it is open."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from random import random

import anyio
from anyio.abc import TaskStatus
from platformdirs import user_cache_path

from clubai import __version__
from clubai.agent.audit import Alarm, Audit
from clubai.agent.backends.base import Backend
from clubai.agent.backends.detect import detect
from clubai.agent.backends.embedded import open_embedded
from clubai.agent.backends.models import DEFAULT_MODEL, ensure_model
from clubai.agent.config import AgentConfig, BackendConfig, node_url
from clubai.agent.driver import AgentDriver
from clubai.agent.exposure import refuse_exposed
from clubai.agent.lanes import Lanes
from clubai.agent.link import Link
from clubai.agent.login import JOINING, NodeLogin
from clubai.agent.lookout import Lookout
from clubai.agent.membership import Membership
from clubai.agent.standing import Standing
from clubai.agent.view import AgentSnapshot, AgentState
from clubai.core.agent import backoff
from clubai.crypto.identity import Identity
from clubai.errors import (
    ConnectFailed,
    ConnectionLost,
    PermissionDenied,
    RemoteProtocolError,
    lone_errors,
)
from clubai.model import node_nickname, node_text
from clubai.protocol.keylog import LOG_PREFIX
from clubai.protocol.messages import CloseCode
from clubai.transport.base import MessageStream
from clubai.transport.fetch import http_fetch
from clubai.transport.websocket import open_websocket

logger = logging.getLogger(__name__)

PROGRAM = f"clubai-agent {__version__}"
FINAL_CODES = frozenset(
    {
        CloseCode.VERSION,
        CloseCode.NAME_TAKEN,
        CloseCode.NOT_YOURS,
        CloseCode.BAD_SIGNATURE,
        CloseCode.REPLACED,
    }
)
"""Ends after which coming back as the same would only end the same way."""


class Agent:
    """A node's agent; made by `open`."""

    def __init__(
        self, config: AgentConfig, *, membership: Membership, backend: Backend
    ) -> None:
        self.config = config
        self.node = node_text(membership.identity.node_id)
        """The node's id as text: the hash of its identity key."""
        self.nickname = node_nickname(membership.identity.node_id)
        """Its first 12 characters: what people compare."""
        self.name = config.name
        self.standing = Standing()
        """What the agent tells the club about the node; pause and drain are here."""
        self._url = node_url(config.coordinator_url)
        self._membership = membership
        self._backend = backend
        self._lookout = Lookout(backend, self.standing, wall_ms=membership.wall_ms)
        self._link = Link(self._url)
        self._lanes = Lanes(wall_ms=membership.wall_ms)
        self._started_at = self._now
        self._driver: AgentDriver | None = None
        """Of the connection that is there."""
        self._try_now = anyio.Event()
        self._login = NodeLogin(
            self._url,
            identity=membership.identity,
            boot=self._membership.boot,
            name=config.name,
            token=config.enrol or config.token,
        )
        self.alarms: list[Alarm] = []
        """What the audits of the key log have found; empty as long as all is well."""
        self._joined = anyio.Event()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        config: AgentConfig,
        *,
        backend: Backend | None = None,
        env: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Agent]:
        """Keep the node in the club until the context is left.

        Args:
            config: The settings.
            backend: Instead of the one that `config.backend` names or finds.
            env: Where to look for a backend's address; None: nowhere.

        Raises:
            ConfigError: the settings or the key file cannot be used, or others than
                this machine reach the model server without a key.
            BackendError: no model server was found, or the embedded one not started.
            AuthenticationError, PermissionDenied: the node is not enrolled and the
                token is not good, or the node waits for its owner or was removed.
            RemoteProtocolError: the club refuses this node for good.
            TrustError: the coordinator's key is not the one that this node knows.
        """
        with lone_errors():
            async with AsyncExitStack() as stack:
                if backend is None:
                    backend = await _open_backend(stack, config.backend, env or {})
                identity = Identity.load_or_create(config.key_file)
                membership = await Membership.open(identity, config.data)
                agent = cls(config, membership=membership, backend=backend)
                await agent._lookout.first()
                tasks = await stack.enter_async_context(anyio.create_task_group())
                tasks.start_soon(agent._lookout.watch, config.look_s)
                tasks.start_soon(agent._stay)
                tasks.start_soon(agent._audit)
                yield agent
                tasks.cancel_scope.cancel()

    async def joined(self) -> None:
        """Wait until the club has taken the node in for the first time."""
        await self._joined.wait()

    def snapshot(self) -> AgentSnapshot:
        """How the agent is now; cheap enough to be called a few times a second."""
        lanes, standing = self._lanes, self.standing
        return AgentSnapshot(
            now=self._now,
            started_at=self._started_at,
            node=self.node,
            nickname=self.nickname,
            name=self.name,
            version=__version__,
            state=self._state,
            paused=standing.paused,
            draining=standing.draining,
            link=self._link.view,
            alarms=tuple(alarm.reason for alarm in self.alarms),
            backend=self._lookout.view(lanes.speed),
            slots=standing.slots,
            wanted_slots=standing.wanted_slots,
            lanes=lanes.view(),
            recent=lanes.recent,
            today=lanes.today,
            since_start=lanes.since_start,
        )

    def pause(self, on: bool) -> None:
        """Take no new work, or take it again; what runs goes on."""
        if on:
            self.standing.pause()
        else:
            self.standing.resume()

    def drain(self) -> None:
        """Take no new work any more; see `drained`."""
        self.standing.drain()

    async def drained(self) -> None:
        """Wait until the agent drains, is idle, and the club has heard all of it.

        Whoever keeps the agent open leaves it then.
        """
        await self.standing.wait_draining()
        while True:
            await self._lanes.wait_idle()
            if self._driver is not None:
                await self._driver.settle()
            if self._lanes.idle:
                return

    async def look(self) -> bool:
        """Look at the model server now; whether it answered. The club is told."""
        return await self._lookout.look()

    def set_slots(self, wanted: int) -> int:
        """Take so many requests at once, from 1 to 64; 0: as many as the backend has.

        Gives how many are taken now: no more than the model server can do, where it
        tells that (`BackendView.most_slots`). Nothing that runs is stopped.

        Raises:
            ValueError: it is out of range.
        """
        self.standing.want_slots(wanted)
        return self.standing.slots

    def try_now(self) -> None:
        """Connect at once, when the agent waits to try again."""
        self._try_now.set()

    @property
    def _now(self) -> float:
        return self._membership.wall_ms() / 1000

    @property
    def _state(self) -> AgentState:
        if not self._link.connected:
            return "reconnecting" if self._link.joined_before else "joining"
        if self.standing.draining:
            return "draining"
        return "paused" if self.standing.paused else "connected"

    async def _stay(self) -> None:
        failures = 0
        while True:
            self._link.trying()
            try:
                ticket = await self._login.ticket()
                async with open_websocket(self._url, token=ticket) as stream:
                    driver = self._drive(stream)
                    await driver.join()
                    failures = 0
                    self._joined.set()
                    self._link.joined(self._now)
                    logger.info("node %s joined %s", self.name, self._url)
                    self._driver = driver
                    await driver.serve()
            except ConnectFailed as error:
                if error.status == 403:
                    raise PermissionDenied(JOINING, error.reason) from error
                logger.warning("%s", error)
                reason = str(error)
            except ConnectionLost as error:
                logger.warning("%s", error)
                reason = str(error)
            except RemoteProtocolError as error:
                if error.code in FINAL_CODES:
                    raise
                expected = error.code == CloseCode.RESTARTING
                logger.log(logging.INFO if expected else logging.WARNING, "%s", error)
                reason = str(error)
            self._driver = None
            delay = backoff(failures, random())  # noqa: S311 - jitter, not a secret
            failures += 1
            await self._wait_to_try(delay, reason)

    def _drive(self, stream: MessageStream) -> AgentDriver:
        return AgentDriver(
            stream,
            backend=self._backend,
            standing=self.standing,
            membership=self._membership,
            config=self.config,
            program=PROGRAM,
            lanes=self._lanes,
        )

    async def _wait_to_try(self, delay: float, reason: str) -> None:
        logger.info("trying again in %.1f s", delay)
        now = self._now
        self._link.lost(reason, retry_at=now + delay, now=now)
        self._try_now = anyio.Event()
        with anyio.move_on_after(delay):
            await self._try_now.wait()

    async def _audit(self) -> None:
        await self._joined.wait()
        audit = Audit(
            node_key=self._membership.identity.key,
            club_key=self._membership.coordinator_key,
            path=self.config.data / "audit.json",
            fetch=http_fetch(f"{self._login.url}{LOG_PREFIX}"),
            known=self._membership.made,
            clock_ms=self._membership.wall_ms,
            on_alarm=self.alarms.append,
        )
        self.alarms.extend(audit.state.alarms)  # found before this start
        await audit.serve(self.config.audit_s)


async def _open_backend(
    stack: AsyncExitStack, chosen: BackendConfig, env: Mapping[str, str]
) -> Backend:
    if chosen.embedded:
        cache = user_cache_path("clubai") / "models"
        model = await ensure_model(chosen.model or DEFAULT_MODEL, cache=cache, env=env)
        return await stack.enter_async_context(
            open_embedded(
                model,
                slots=chosen.slots or 1,
                threads=chosen.threads,
                context=chosen.context,
            )
        )
    backend = await detect(
        chosen.url,
        api_key=chosen.api_key,
        kind=chosen.kind,
        slots=chosen.slots,
        env=env,
    )
    if not chosen.open_ok:
        url = (await backend.look()).url
        await refuse_exposed(url, api_key=chosen.api_key)
    return backend


async def serve_agent(
    config: AgentConfig,
    *,
    env: Mapping[str, str] | None = None,
    task_status: TaskStatus[Agent] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Run an agent until it has drained; ready once the club has taken the node in.

    Raises as `Agent.open`.
    """
    async with Agent.open(config, env=env) as agent:
        await agent.joined()
        task_status.started(agent)
        await agent.drained()
