"""`Coordinator`: the parts of one coordinator, joined and running.

It carries no network of its own: `routes` are mounted by whoever serves HTTP, and
`link` gives a local stream that already speaks for one member.
"""

from __future__ import annotations

import itertools
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Self

import anyio
from anyio.abc import ObjectStream, TaskGroup, TaskStatus

from clubai import __version__
from clubai.coordinator.accounts import Accounts
from clubai.coordinator.assigner import Assigner
from clubai.coordinator.client_connection import ClientConnection
from clubai.coordinator.closing import read_terms
from clubai.coordinator.config import CoordinatorConfig
from clubai.coordinator.connections import Bounds, Connection
from clubai.coordinator.driver import Driver
from clubai.coordinator.enrolment import Enrolments
from clubai.coordinator.feed import Feed
from clubai.coordinator.grants import Member
from clubai.coordinator.happenings import Happenings
from clubai.coordinator.keylog import KeyLog, NotInKeyLog
from clubai.coordinator.limits import Meter, Places
from clubai.coordinator.node_connection import NodeConnection
from clubai.coordinator.node_login import NodeLogins
from clubai.coordinator.owners import Owners
from clubai.coordinator.promises import Promises
from clubai.coordinator.roster import Roster
from clubai.coordinator.signing import log_origin, signing_identity
from clubai.coordinator.spending import Spending, month_start
from clubai.coordinator.standing import Standings
from clubai.coordinator.tickets import Ticket
from clubai.coordinator.treasury import Treasury
from clubai.coordinator.verified import Verified
from clubai.core.coordinator import CoordinatorMachine
from clubai.core.events import ClientKey
from clubai.crypto.bundles import Bundle
from clubai.crypto.identity import Identity
from clubai.crypto.keys import random_bytes
from clubai.errors import StorageError, lone_errors
from clubai.model import ClubSnapshot, TaskFacts, node_bytes
from clubai.protocol.login import EnrolledNode
from clubai.protocol.messages import CloseCode, Goodbye
from clubai.reputation.judge import Judge
from clubai.storage import open_store
from clubai.storage.base import Store
from clubai.transport.addresses import is_loopback
from clubai.transport.memory import memory_pair
from clubai.transport.postbox import QueuedBytes

logger = logging.getLogger(__name__)

PROGRAM = f"clubai-coordinator {__version__}"
GOODBYE_SECONDS = 1.0
BOOT_BYTES = 8


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
        identity: Identity,
        keylog: KeyLog,
        owners: Owners,
        clock: Callable[[], float],
        spending: Spending,
        judge: Judge,
        verified: Verified,
    ) -> None:
        self.config = config
        self.store = store
        self.accounts = accounts
        self.driver = driver
        self.feed = feed
        self.roster = roster
        self.identity = identity
        """Signs what members check: the key log, assignments."""
        self.keylog = keylog
        self.owners = owners
        self.enrolments = Enrolments(
            store, clock=clock, max_nodes_member=config.max_nodes_member
        )
        self.standings = Standings(
            judge,
            driver,
            store,
            roster=roster,
            audit=accounts.audit,
            owner_name=lambda member: feed.member_names.get(member, member),
        )
        self.verified = verified
        self.treasury: Treasury
        self.logins = NodeLogins(store, clock=clock)
        self.promises = Promises(
            self.enrolments,
            roster=roster,
            standing=self.standings,
            record=judge.record,
            post=driver.post,
            audit=accounts.audit,
            clock=clock,
        )
        self.places = Places(config.edge)
        self._queued = QueuedBytes(config.edge.queue_bytes)
        self._spending = spending
        self._tasks: TaskGroup
        self._client_keys = itertools.count(1)
        self._connections: set[Connection] = set()
        self._empty = anyio.Event()
        self._closing = False
        accounts.on_ended = self._end_access

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
        coordinator = await cls._assemble(config, store, clock or timeline())
        with lone_errors():
            async with anyio.create_task_group() as tasks:
                await tasks.start(coordinator._run)
                try:
                    yield coordinator
                finally:
                    with anyio.CancelScope(shield=True):
                        await coordinator.close()
                    coordinator._tasks.cancel_scope.cancel()

    @classmethod
    async def _assemble(
        cls, config: CoordinatorConfig, store: Store, now: Callable[[], float]
    ) -> Self:
        """Join the parts, each with what the store has of it."""
        accounts = Accounts.from_config(config, store=store, clock=now)
        counted = await store.tokens_of_keys(since=month_start(now()))
        spending = Spending(counted, clock=now)
        identity = signing_identity(config)
        keylog = await KeyLog.open(store, identity, log_origin(identity.key), now)
        roster = Roster(await store.nodes())
        owners = Owners(store, await store.node_owners(), roster=roster, clock=now)
        assigner = Assigner(
            identity,
            checkpoint=keylog.checkpoint,
            own_sig=owners.own_sig,
            wall_ms=lambda: round(now() * 1000),
        )
        judge = Judge(config.rules)
        events = await store.standing_events()
        judge.restore(events)
        verified = Verified(now)

        def recorded(facts: TaskFacts) -> None:
            spending.add(facts)
            verified.add(facts)

        driver = Driver(
            CoordinatorMachine(
                limits=config.limits, judge=judge, rng=random.SystemRandom()
            ),
            store,
            assigner=assigner,
            clock=now,
            recorded=recorded,
        )
        names: dict[str, str] = {row.id: row.name for row in await store.members()}
        happenings = Happenings(
            random_bytes(BOOT_BYTES).hex(),
            owner_name=lambda member: names.get(member, member),
            node_name=roster.name,
        )
        feed = Feed(
            driver,
            happenings,
            started_at=now(),
            members=await store.count_members(),
            tasks_ever=await store.count_tasks(),
        )
        feed.member_names = names
        happenings.listen(driver.machine.news, accounts.audit)
        coordinator = cls(
            config,
            store=store,
            accounts=accounts,
            driver=driver,
            feed=feed,
            roster=roster,
            identity=identity,
            keylog=keylog,
            owners=owners,
            clock=now,
            spending=spending,
            judge=judge,
            verified=verified,
        )
        coordinator.treasury = await Treasury.open(
            store,
            terms=read_terms(
                config.rate_card,
                currency=config.currency,
                cap_bp=config.cap_bp,
                two_people=config.two_people,
            ),
            sign=identity.sign,
            audit=accounts.audit,
            clock=now,
            owners=roster.owners,
            secret=partial(random_bytes, 32),
        )
        said = coordinator.promises.restore(events)
        schedules = {node: schedule for node, (schedule, _) in said.schedules.items()}
        driver.machine.standing.begin(schedules, said.held, now())
        return coordinator

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
                roster=self.roster,
                store=self.store,
                coordinator_key=self.identity.key,
                log_bundle=self._log_bundle,
                heartbeat_s=self.config.heartbeat_s,
                login_s=self.config.login_s,
                program=PROGRAM,
                bounds=self._bounds(self.config.edge.node_queue_bytes),
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
        await self.promises.forget(member, node_id)
        logger.info("node %s is removed by %s", removed.nickname, member.name)
        for connection in list(self._connections):
            if isinstance(connection, NodeConnection) and connection.is_of(node_id):
                reason = "the node was removed from the club"
                connection.end(Goodbye(code=CloseCode.NOT_YOURS, reason=reason))
        return removed

    async def serve_client(
        self, stream: ObjectStream[bytes], member: Member, *, local: bool = False
    ) -> None:
        """Serve one client's connection until it ends; it speaks for `member`.

        What comes from a `local` one, our own gateway's, was weighed there.
        """
        queue_bytes = self.config.edge.client_queue_bytes
        await self._hold(
            ClientConnection(
                stream,
                key=ClientKey(next(self._client_keys)),
                member=member,
                driver=self.driver,
                feed=self.feed,
                coordinator_key=self.identity.key,
                read_log=self._read_log,
                spending=self._spending,
                login_s=self.config.login_s,
                program=PROGRAM,
                bounds=None if local else self._bounds(queue_bytes),
                sealed=not local,
            )
        )

    def link(self, member: Member) -> ObjectStream[bytes]:
        """A client's end of a local stream that already speaks for `member`."""
        here, there = memory_pair()
        self._tasks.start_soon(partial(self.serve_client, here, member, local=True))
        return there

    async def _log_bundle(self, bundle: Bundle) -> None:
        await self.keylog.append_bundle(bundle.body, bundle.sig)

    async def _read_log(self, path: str) -> bytes:
        try:
            return await self.keylog.read(path)
        except NotInKeyLog:
            return b""

    def snapshot(self, member: Member) -> ClubSnapshot:
        """The club as `member` may see it."""
        return self.feed.snapshot(member)

    def _bounds(self, queue_bytes: int) -> Bounds:
        meter = Meter(self.config.edge, now=self.driver.clock())
        return Bounds(meter, queue_bytes, self._queued)

    def _end_access(self, gone: Callable[[Member], bool]) -> None:
        """End what was opened by what counts no longer: they come back as allowed.

        Nodes stay: a node speaks for its owner, whatever the owner may see.
        """
        self.feed.end_watches(gone)
        reason = "what you may do here has changed: connect again"
        for connection in self._connections:
            if isinstance(connection, ClientConnection) and gone(connection.member):
                connection.end(Goodbye(code=CloseCode.GOING_AWAY, reason=reason))

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
        except Exception:
            logger.exception("a connection failed")
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
        self.driver.machine.standing.closing = True
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
