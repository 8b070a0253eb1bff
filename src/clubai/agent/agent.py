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
from clubai.agent.login import JOINING, NodeLogin
from clubai.agent.membership import Membership
from clubai.agent.standing import Standing
from clubai.core.agent import backoff
from clubai.crypto.identity import Identity
from clubai.errors import (
    BackendError,
    ConnectFailed,
    ConnectionLost,
    PermissionDenied,
    RemoteProtocolError,
    lone_errors,
)
from clubai.model import node_nickname, node_text
from clubai.protocol.keylog import LOG_PREFIX
from clubai.protocol.messages import CloseCode
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
                agent.standing.update(await backend.look())
                tasks = await stack.enter_async_context(anyio.create_task_group())
                tasks.start_soon(agent._watch_backend)
                tasks.start_soon(agent._stay)
                tasks.start_soon(agent._audit)
                yield agent
                tasks.cancel_scope.cancel()

    async def joined(self) -> None:
        """Wait until the club has taken the node in for the first time."""
        await self._joined.wait()

    async def _stay(self) -> None:
        failures = 0
        while True:
            try:
                ticket = await self._login.ticket()
                async with open_websocket(self._url, token=ticket) as stream:
                    driver = AgentDriver(
                        stream,
                        backend=self._backend,
                        standing=self.standing,
                        membership=self._membership,
                        config=self.config,
                        program=PROGRAM,
                    )
                    await driver.join()
                    failures = 0
                    self._joined.set()
                    logger.info("node %s joined %s", self.name, self._url)
                    await driver.serve()
            except ConnectFailed as error:
                if error.status == 403:
                    raise PermissionDenied(JOINING, error.reason) from error
                logger.warning("%s", error)
            except ConnectionLost as error:
                logger.warning("%s", error)
            except RemoteProtocolError as error:
                if error.code in FINAL_CODES:
                    raise
                expected = error.code == CloseCode.RESTARTING
                logger.log(logging.INFO if expected else logging.WARNING, "%s", error)
            delay = backoff(failures, random())  # noqa: S311 - jitter, not a secret
            failures += 1
            logger.info("trying again in %.1f s", delay)
            await anyio.sleep(delay)

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
        await audit.serve(self.config.audit_s)

    async def _watch_backend(self) -> None:
        while True:
            await self.standing.wait_due(self.config.look_s)
            try:
                self.standing.update(await self._backend.look())
            except BackendError as error:
                logger.warning("the backend does not answer: %s", error)
                self.standing.lose_backend()


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
    """Run an agent until cancelled; ready once the club has taken the node in.

    Raises as `Agent.open`.
    """
    async with Agent.open(config, env=env) as agent:
        await agent.joined()
        task_status.started(agent)
        await anyio.sleep_forever()
