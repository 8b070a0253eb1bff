"""A coordinator that listens, in a thread, with a node whose keys are in its log."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from clubai.club import Served, serve_coordinator
from clubai.coordinator.accounts import Member
from clubai.coordinator.config import CoordinatorConfig
from clubai.coordinator.coordinator import Coordinator
from clubai.coordinator.keylog import NotInKeyLog
from clubai.crypto.bundles import Bundle
from clubai.model import node_text
from clubai.protocol.keylog import node_path
from support.bundles import bundle
from support.key_club import RecklessLog
from support.memory_club import MemoryClub, MemoryNode


class KeyServer:
    """What a test may do with it."""

    def __init__(
        self, portal: BlockingPortal, served: Served, node: MemoryNode
    ) -> None:
        self.portal = portal
        self.url = served.url
        self.coordinator = served.coordinator
        self.node = node
        self.node_id = node_text(node.id)
        self.api_key = ""

    def log(self, *bundles: Bundle) -> None:
        for each in bundles:
            self.portal.call(self.coordinator.keylog.append_bundle, each.body, each.sig)

    def bundle(self, epoch: int) -> Bundle:
        """Keys of the node that are valid now."""
        return bundle(self.node.identity, epoch, nbf_ms=int(time.time() * 1000))


@contextmanager
def key_server(data: Path) -> Iterator[KeyServer]:
    """A club of one member, alice, with one node, attic."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_serving(portal, data)) as server,
    ):
        yield server


@asynccontextmanager
async def _serving(portal: BlockingPortal, data: Path) -> AsyncIterator[KeyServer]:
    async with anyio.create_task_group() as tasks:
        config = CoordinatorConfig(port=0, data=data, shutdown_s=0.05)
        served: Served = await tasks.start(serve_coordinator, config)
        await _be_reckless(served.coordinator)
        accounts = served.coordinator.accounts
        row = await accounts.register("alice", "correct horse")
        key = await accounts.create_api_key(row.id, "test")
        club = MemoryClub(served.coordinator, tasks, data)
        node = await club.add("attic", owner=Member(row.id, row.name, row.role))
        server = KeyServer(portal, served, node)
        server.api_key = key.text
        await _log_keys(served.coordinator, server)
        yield server
        tasks.cancel_scope.cancel()


async def _be_reckless(coordinator: Coordinator) -> None:
    log = coordinator.keylog
    coordinator.keylog = await RecklessLog.open(
        coordinator.store, coordinator.identity, log.origin, time.time
    )


async def _log_keys(coordinator: Coordinator, server: KeyServer) -> None:
    try:
        await coordinator.keylog.read(node_path(server.node.id))
    except NotInKeyLog:
        keys = server.bundle(0)
        await coordinator.keylog.append_bundle(keys.body, keys.sig)
