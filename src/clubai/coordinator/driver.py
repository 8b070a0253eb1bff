"""The driver: the one task that owns the `CoordinatorMachine`.

Everyone else posts events to it or reads snapshots. Its order is: handle a batch of
events, persist what must outlive the process, then send.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, assert_never

import anyio

from clubai.coordinator import translate
from clubai.coordinator.relay import Relay, RouteKey
from clubai.core.commands import (
    CancelAttempt,
    Command,
    DropNode,
    FailTask,
    FinishTask,
    OfferTask,
    RecordTask,
    RejectNode,
    SayWait,
)
from clubai.core.coordinator import CoordinatorMachine
from clubai.core.events import ClientKey, Event
from clubai.errors import StorageError
from clubai.model import NodeId
from clubai.protocol.codec import encode
from clubai.protocol.messages import CloseCode, Goodbye
from clubai.storage.base import Store, TaskRow

if TYPE_CHECKING:
    from clubai.coordinator.client_connection import ClientConnection
    from clubai.coordinator.node_connection import NodeConnection

logger = logging.getLogger(__name__)

INBOX_EVENTS: Final = 8192
BATCH_EVENTS: Final = 256
UNSTORED_ROWS: Final = 10_000
"""Rows kept for the next try while the store cannot be written."""


class Driver:
    """Owns the machine, the relay and the table of connections."""

    def __init__(
        self,
        machine: CoordinatorMachine,
        store: Store,
        *,
        clock: Callable[[], float],
    ) -> None:
        self.machine = machine
        self.relay = Relay()
        self.nodes: dict[NodeId, NodeConnection] = {}
        self.clients: dict[ClientKey, ClientConnection] = {}
        self.clock = clock
        self.changed = anyio.Event()
        """Set, and replaced, after every batch."""
        self.storing = True
        """False while the store cannot be written."""
        self.refuse_new = False
        """New requests are refused: the coordinator is stopping."""
        self._store = store
        self._posted = 0
        self._performed = 0
        self._unstored: list[TaskRow] = []
        self._send, self._inbox = anyio.create_memory_object_stream[Event](INBOX_EVENTS)

    def post(self, event: Event) -> bool:
        """Give the machine an event, in the order of the calls.

        False, and nothing given, when the machine is too far behind or has ended.
        What ends something may be lost so: the machine's deadlines end it later.
        """
        try:
            self._send.send_nowait(event)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return False
        except anyio.WouldBlock:
            logger.warning("the inbox is full: %s is refused", type(event).__name__)
            return False
        self._posted += 1
        return True

    async def settle(self, event: Event) -> bool:
        """Give the machine an event, and wait until it is handled and performed."""
        if not self.post(event):
            return False
        ticket = self._posted
        while self._performed < ticket:
            await self.changed.wait()
        return True

    async def run(self) -> None:
        """Drive the machine until cancelled. Raises `InvariantError` on a bug."""
        with self._send, self._inbox:
            await self._drive()

    async def _drive(self) -> None:
        while True:
            batch = await self._next_batch()
            now = self.clock()
            commands: list[Command] = []
            for event in batch:
                commands += self.machine.handle(event, now=now)
            commands += self.machine.advance(now=now)
            await self._persist(commands)
            for command in commands:
                self._perform(command)
            self._performed += len(batch)
            self.announce()

    async def wait_idle(self) -> None:
        """Wait until no task is under way or queued, and all is said and stored."""
        while not self.machine.idle or self._performed < self._posted:
            await self.changed.wait()

    async def flush(self) -> None:
        """Store what could not be stored before. Raises `StorageError`."""
        rows, self._unstored = self._unstored, []
        if rows:
            await self._store.append_tasks(rows)

    async def _next_batch(self) -> list[Event]:
        deadline = self.machine.next_deadline()
        batch: list[Event] = []
        try:
            batch.append(self._inbox.receive_nowait())
        except anyio.WouldBlock:
            timeout = None if deadline is None else max(deadline - self.clock(), 0)
            with anyio.move_on_after(timeout):
                batch.append(await self._inbox.receive())
        while len(batch) < BATCH_EVENTS:
            try:
                batch.append(self._inbox.receive_nowait())
            except anyio.WouldBlock:
                break
        return batch

    async def _persist(self, commands: Iterable[Command]) -> None:
        rows = [c.facts for c in commands if isinstance(c, RecordTask)]
        if not rows:
            return
        rows = [*self._unstored, *rows]
        try:
            await self._store.append_tasks(rows)
        except StorageError as error:
            if self.storing:
                logger.critical("task facts wait in memory: %s", error)
            self.storing = False
            self._unstored = rows[-UNSTORED_ROWS:]
        else:
            self.storing = True
            self._unstored = []

    def _perform(self, command: Command) -> None:
        match command:
            case OfferTask():
                self._offer(command)
            case SayWait():
                self._to_client(command.client, encode(translate.wait_notice(command)))
            case FailTask():
                self._fail(command)
            case FinishTask():
                self._finish(command)
            case CancelAttempt():
                self._cancel(command)
            case RejectNode():
                logger.warning("node %s: %s", command.node.hex()[:12], command.reason)
                self._end_node(command.node, CloseCode.NOT_YOURS, command.reason)
            case DropNode():
                logger.info("node %s: %s", command.node.hex()[:12], command.reason)
                self._end_node(command.node, CloseCode.GOING_AWAY, command.reason)
            case RecordTask():
                pass
            case _:
                assert_never(command)

    def _offer(self, command: OfferTask) -> None:
        client = self.clients.get(command.client)
        node = self.nodes.get(command.node)
        if client is None or node is None:
            return  # its ClientLeft or NodeLeft is already in the inbox
        if command.attempt:
            before = RouteKey(command.task, command.part, command.attempt - 1)
            self.relay.close(before)
        self.relay.open(command, client.postbox, node.postbox)
        if not client.postbox.post(encode(translate.offer(command))):
            self._drop_client(client)

    def _fail(self, command: FailTask) -> None:
        self.relay.close(RouteKey(command.task, command.part, command.attempt))
        self._end_task(command.client, command.ref)
        self._to_client(command.client, encode(translate.failure(command)))

    def _finish(self, command: FinishTask) -> None:
        key = RouteKey(command.task, command.part, command.attempt)
        route = self.relay.find(key)
        if route is None:
            return
        self.relay.close(key)
        self._end_task(command.client, route.offer.ref)
        self._to_client(command.client, route.result)

    def _cancel(self, command: CancelAttempt) -> None:
        self.relay.close(RouteKey(command.task, command.part, command.attempt))
        node = self.nodes.get(command.node)
        if node is not None:
            node.postbox.post(encode(translate.cancel(command)))

    def _to_client(self, client: ClientKey, frame: bytes) -> None:
        connection = self.clients.get(client)
        if connection is not None and not connection.postbox.post(frame):
            self._drop_client(connection)

    def _end_task(self, client: ClientKey, ref: int) -> None:
        connection = self.clients.get(client)
        if connection is not None:
            connection.forget(ref)

    def _end_node(self, node: NodeId, code: CloseCode, reason: str) -> None:
        connection = self.nodes.get(node)
        if connection is not None:
            connection.end(Goodbye(code=code, reason=reason))

    def _drop_client(self, connection: ClientConnection) -> None:
        connection.end(
            Goodbye(code=CloseCode.TOO_SLOW, reason="control messages were not read")
        )

    def announce(self) -> None:
        """Wake whoever waits for a change."""
        self.changed.set()
        self.changed = anyio.Event()
