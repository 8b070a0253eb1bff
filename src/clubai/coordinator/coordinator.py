"""`Coordinator`: the parts of one coordinator, joined and running.

It carries no network of its own: `routes` are mounted by whoever serves HTTP, and
`link` gives a local stream that already speaks for one member.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
from anyio.abc import ObjectStream, TaskGroup, TaskStatus

from clubai import __version__
from clubai.coordinator.accounts import Accounts, Member
from clubai.coordinator.client_connection import ClientConnection
from clubai.coordinator.config import CoordinatorConfig, is_loopback
from clubai.coordinator.connections import Connection
from clubai.coordinator.driver import Driver
from clubai.coordinator.enrolment import Enrolments
from clubai.coordinator.feed import Feed
from clubai.coordinator.node_connection import NodeConnection
from clubai.coordinator.node_login import NodeLogins
from clubai.coordinator.roster import Roster
from clubai.coordinator.tickets import Ticket
from clubai.core.coordinator import CoordinatorMachine
from clubai.core.events import ClientKey
from clubai.errors import StorageError, lone_errors
from clubai.model import ClubSnapshot, node_bytes
from clubai.protocol.login import EnrolledNode
from clubai.protocol.messages import CloseCode, Goodbye
from clubai.storage import open_store
from clubai.storage.base import Store
from clubai.transport.memory import memory_pair

logger = logging.getLogger(__name__)

PROGRAM = f"clubai-coordinator {__version__}"
GOODBYE_SECONDS = 1.0


class Coordinator:
    """A running coordinator; made by `open`."""

    def __init__(
        self,
        config: CoordinatorConfig,
        *,
        store: Store,
        accounts: Accounts,
        driver: Driver,
        feed: Feed,
        roster: Roster,
        clock: Callable[[], float],
    ) -> None:
        self.config = config
        self.store = store
        self.accounts = accounts
        self.driver = driver
        self.feed = feed
        self.enrolments = Enrolments(
            store, clock=clock, max_nodes_member=config.max_nodes_member
        )
        self.logins = NodeLogins(store, clock=clock)
        self._roster = roster
        self._tasks: TaskGroup
        self._client_keys = itertools.count(1)
        self._connections: set[Connection] = set()
        self._empty = anyio.Event()
        self._closing = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        config: CoordinatorConfig,
        *,
        store: Store | None = None,
        clock: Callable[[], float] | None = None,
    ) -> AsyncIterator[Coordinator]:
        """Open the data directory and run until the context is left.

        Leaving it says goodbye to every connection and stores what is pending.

        Args:
            config: The settings.
            store: Instead of the one that `config` names; the caller closes it.
            clock: Seconds on the timeline; None: this machine's, never backwards.

        Raises:
            ConfigError, StorageError: the settings or the data cannot be used.
        """
        if store is None:
            async with (
                open_store(config.database) as opened,
                cls.open(config, store=opened, clock=clock) as coordinator,
            ):
                yield coordinator
            return
        if not config.origins and not is_loopback(config.host):
            logger.warning(
                "no origins are set (CLUBAI_ORIGINS): a false coordinator could pass a"
                " node's login on to this one"
            )
        now = clock or timeline()
        accounts = Accounts.from_config(config, store=store, clock=now)
        driver = Driver(CoordinatorMachine(limits=config.limits), store, clock=now)
        feed = Feed(
            driver,
            started_at=now(),
            members=await store.count_members(),
            tasks_ever=await store.count_tasks(),
        )
        coordinator = cls(
            config,
            store=store,
            accounts=accounts,
            driver=driver,
            feed=feed,
            roster=Roster(await store.nodes()),
            clock=now,
        )
        with lone_errors():
            async with anyio.create_task_group() as tasks:
                await tasks.start(coordinator._run)
                try:
                    yield coordinator
                finally:
                    with anyio.CancelScope(shield=True):
                        await coordinator.close()
                    coordinator._tasks.cancel_scope.cancel()

    async def serve_node(
        self, stream: ObjectStream[bytes], owner: Member, ticket: Ticket | None = None
    ) -> None:
        """Serve one node's connection until it ends.

        `owner` has been authenticated; so has the node that `ticket` names, and no
        other may register.
        """
        self.feed.member_names[owner.id] = owner.name
        await self._hold(
            NodeConnection(
                stream,
                owner=owner,
                ticket=ticket,
                logins=self.logins,
                driver=self.driver,
                roster=self._roster,
                store=self.store,
                heartbeat_s=self.config.heartbeat_s,
                login_s=self.config.login_s,
                program=PROGRAM,
            )
        )

    async def remove_node(self, member: Member, node: str) -> EnrolledNode:
        """Keep a node out for good, and end its connection.

        Raises:
            PermissionDenied: there is no such node that the member may remove.
        """
        # Whoever asked may go away: once the store has it, the connection ends too.
        with anyio.CancelScope(shield=True):
            removed = await self.enrolments.remove(member, node)
        node_id = node_bytes(removed.node)
        self.logins.forget(node_id)
        logger.info("node %s is removed by %s", removed.nickname, member.name)
        for connection in list(self._connections):
            if isinstance(connection, NodeConnection) and connection.is_of(node_id):
                reason = "the node was removed from the club"
                connection.end(Goodbye(code=CloseCode.NOT_YOURS, reason=reason))
        return removed

    async def serve_client(self, stream: ObjectStream[bytes], member: Member) -> None:
        """Serve one client's connection until it ends; it speaks for `member`."""
        await self._hold(
            ClientConnection(
                stream,
                key=ClientKey(next(self._client_keys)),
                member=member,
                driver=self.driver,
                feed=self.feed,
                login_s=self.config.login_s,
                program=PROGRAM,
            )
        )

    def link(self, member: Member) -> ObjectStream[bytes]:
        """A client's end of a local stream that already speaks for `member`."""
        here, there = memory_pair()
        self._tasks.start_soon(self.serve_client, here, member)
        return there

    def snapshot(self, member: Member) -> ClubSnapshot:
        """The club as `member` may see it."""
        return self.feed.snapshot(member)

    async def _run(self, *, task_status: TaskStatus[None]) -> None:
        # Shielded: whoever cancels us waits for `close`, and until then answers that
        # are under way go on.
        with anyio.CancelScope(shield=True):
            async with anyio.create_task_group() as self._tasks:
                self._tasks.start_soon(self.driver.run)
                task_status.started()
                await anyio.sleep_forever()

    async def _hold(self, connection: NodeConnection | ClientConnection) -> None:
        if self._closing:
            connection.end(_restarting())
        self._connections.add(connection)
        try:
            await connection.serve()
        finally:
            self._connections.discard(connection)
            if not self._connections:
                self._empty.set()
            with anyio.CancelScope(shield=True):  # every adapter bounds it
                await connection.stream.aclose()

    async def close(self) -> None:
        """Stop taking work, let what is under way end for a while, say goodbye.

        Takes at most `shutdown_s` and a second; leaving `open` does it too.
        """
        if self._closing:
            return
        self._closing = True
        self.driver.refuse_new = True
        with anyio.move_on_after(self.config.shutdown_s):
            await self.driver.wait_idle()
        self.feed.close()
        self._empty = anyio.Event()
        for connection in list(self._connections):
            connection.end(_restarting())
        if self._connections:
            with anyio.move_on_after(GOODBYE_SECONDS):
                await self._empty.wait()
        try:
            await self.driver.flush()
        except StorageError as error:
            logger.critical("task facts are lost: %s", error)


def _restarting() -> Goodbye:
    return Goodbye(code=CloseCode.RESTARTING, reason="the coordinator is stopping")


def timeline() -> Callable[[], float]:
    """Unix seconds that never go backwards while this process lives."""
    start = time.time() - time.monotonic()
    return lambda: start + time.monotonic()
