"""The driver: the one owner of the `CoordinatorMachine`.

Everyone else posts events to it or reads snapshots. Its order is: handle what has come,
persist what must outlive the process, then send. Events that leave nothing to persist
are done with when `post` returns; while facts are being stored, events wait, and are
handled together afterwards (group commit).
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol, assert_never

import anyio

from clubai.coordinator import translate
from clubai.coordinator.assigner import Assigner, NodeKeys
from clubai.coordinator.evidence import Evidence
from clubai.coordinator.relay import Relay, RouteKey
from clubai.core.commands import (
    CancelAttempt,
    Command,
    DropNode,
    FailTask,
    FinishTask,
    OfferTask,
    RecordStanding,
    RecordTask,
    RejectNode,
    ReleaseTags,
    SayWait,
)
from clubai.core.coordinator import CoordinatorMachine
from clubai.core.events import ClientKey, Event, FactTold
from clubai.errors import InvariantError, StorageError, lone_errors
from clubai.model import MemberId, NodeId
from clubai.protocol.codec import encode
from clubai.protocol.messages import CloseCode, Goodbye, TaskRequest, TaskVerdict
from clubai.reputation.events import StandingEvent
from clubai.reputation.facts import VerdictGiven
from clubai.storage.base import Store, TaskRow
from clubai.transport.bell import Bell
from clubai.transport.postbox import Postbox

logger = logging.getLogger(__name__)

INBOX_EVENTS: Final = 8192
STORED: Final = (RecordTask, RecordStanding)
"""Commands that are only performed once the store has them."""
UNSTORED_ROWS: Final = 10_000
"""Rows kept for the next try while the store cannot be written."""
UNSTORED_EVENTS: Final = 50_000
"""Events of standing beyond which no work is taken until the store can be written:
unlike a row, none of them may be lost."""


class Reached(Protocol):
    """What the driver needs of a connection."""

    postbox: Postbox

    def end(self, goodbye: Goodbye) -> None:
        """Say why, and close."""


class Answering(Reached, Protocol):
    """A node's connection."""

    keys: NodeKeys


class Asking(Reached, Protocol):
    """A client's connection."""

    def request(self, ref: int) -> TaskRequest | None:
        """What was asked as `ref`; None when it has ended."""

    def forget(self, ref: int) -> None:
        """The request `ref` has ended."""


class Driver:
    """Owns the machine, the relay and the table of connections."""

    def __init__(
        self,
        machine: CoordinatorMachine,
        store: Store,
        *,
        assigner: Assigner,
        clock: Callable[[], float],
        recorded: Callable[[TaskRow], None] = lambda facts: None,
        stood: Callable[[Sequence[StandingEvent]], None] = lambda events: None,
    ) -> None:
        self.machine = machine
        self.relay = Relay()
        self.nodes: dict[NodeId, Answering] = {}
        self.clients: dict[ClientKey, Asking] = {}
        self.evidence = Evidence()
        self.clock = clock
        self.storing = True
        """False while the store cannot be written."""
        self.refuse_new = False
        """New requests are refused: the coordinator is stopping."""
        self._store = store
        self._assigner = assigner
        self._recorded = recorded
        self._stood = stood
        self._inbox: deque[Event] = deque()
        self._changed: anyio.Event | None = None
        self._busy = False
        """A turn goes on, or its commands wait for their facts to be stored."""
        self._unsent: list[Command] = []
        self._unstored: list[TaskRow] = []
        self._unstored_standing: list[StandingEvent] = []
        self._wake = Bell()
        self._armed = math.inf
        """The deadline that is watched for."""
        self._sooner = Bell()
        """Rung when there is one before it."""
        self._broken: InvariantError | None = None
        self._posted = 0
        self._taken = 0
        self._performed = 0

    def post(self, event: Event) -> bool:
        """Give the machine an event, in the order of the calls.

        False, and nothing given, when the machine is too far behind. What ends
        something may be lost so: the machine's deadlines end it later.
        """
        if len(self._inbox) >= INBOX_EVENTS:
            logger.warning("the inbox is full: %s is refused", type(event).__name__)
            return False
        self._inbox.append(event)
        self._posted += 1
        if not self._busy:
            self._turn()
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
        """Store facts and watch deadlines until cancelled.

        Raises:
            InvariantError: a bug of ours.
        """
        with lone_errors():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch_deadlines)
                while True:
                    if self._broken is not None:
                        raise self._broken
                    if self._unsent:
                        await self._store_then_send()
                    elif self.evidence.unstored:
                        await self._store_verdicts()
                    elif self._due <= self.clock():
                        self._turn()
                    else:
                        await self._wake.wait()

    def judge(self, message: TaskVerdict, *, member: MemberId) -> None:
        """Take a client's verdict in, to be stored. Raises `RemoteProtocolError`."""
        facts = self.evidence.judge(message, member=member)
        if facts is None:
            return
        self._wake.ring()
        if facts.value:
            said = VerdictGiven(
                node=NodeId(facts.node),
                asker=member,
                cause=f"task:{facts.task.hex()}",
                value=facts.value,
                checked=facts.checked,
            )
            self.post(FactTold(fact=said))

    @property
    def is_full(self) -> bool:
        """Whether as much waits for the store as may: no further work is taken."""
        return len(self._unstored_standing) > UNSTORED_EVENTS

    async def wait_idle(self) -> None:
        """Wait until no task is under way or queued, and all is said and stored."""
        while not self.machine.idle or self._busy:
            await self.changed.wait()

    async def flush(self) -> None:
        """Store what could not be stored before. Raises `StorageError`."""
        await self._store.append_verdicts(self.evidence.take())
        rows, self._unstored = self._unstored, []
        events, self._unstored_standing = self._unstored_standing, []
        if rows or events:
            await self._store.append_tasks_and_standing(rows, events)

    @property
    def changed(self) -> anyio.Event:
        """Set once the next events were handled; another one afterwards."""
        if self._changed is None:
            self._changed = anyio.Event()
        return self._changed

    def announce(self) -> None:
        """Wake whoever waits for a change."""
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set()

    @property
    def _due(self) -> float:
        deadline = self.machine.next_deadline()
        return math.inf if deadline is None else deadline

    async def _watch_deadlines(self) -> None:
        """Wake `run` when something is due: an alarm for each event would cost more."""
        while True:
            now = self.clock()
            # What was to come first may be over by now. To look then all the same is
            # less work than to be woken for the next deadline that is nearer.
            before = self._armed if self._armed > now else math.inf
            self._armed = min(self._due, before)
            with anyio.move_on_after(self._armed - now):
                await self._sooner.wait()
            if self._due <= self.clock():
                self._armed = math.inf
                self._wake.ring()
                await self._sooner.wait()  # for what is due once this is handled

    def _turn(self) -> None:
        """Handle what has come and what is due, until something must be stored."""
        self._busy = True
        try:
            while True:
                commands = self._handle()
                if any(isinstance(command, STORED) for command in commands):
                    self._unsent = commands
                    self._wake.ring()
                    return
                self._perform_all(commands)
                if not self._inbox:
                    break
        except InvariantError as error:  # for `run`, not for whoever posted
            self._broken = error
            self._wake.ring()
            return
        self._busy = False
        if self._due < self._armed:
            self._sooner.ring()

    def _handle(self) -> list[Command]:
        now = self.clock()
        commands: list[Command] = []
        while self._inbox:
            commands += self.machine.handle(self._inbox.popleft(), now=now)
            self._taken += 1
        return commands + self.machine.advance(now=now)

    def _perform_all(self, commands: Iterable[Command]) -> None:
        for command in commands:
            self._perform(command)
        self._performed = self._taken
        self.announce()

    async def _store_then_send(self) -> None:
        commands, self._unsent = self._unsent, []
        await self._persist(commands)
        self._perform_all(commands)
        self._turn()

    async def _store_verdicts(self) -> None:
        try:
            with anyio.CancelScope(shield=True):
                await self._store.append_verdicts(self.evidence.take())
        except StorageError as error:
            logger.critical("verdicts are lost: %s", error)

    async def _persist(self, commands: Iterable[Command]) -> None:
        rows = list(self._unstored)
        events = list(self._unstored_standing)
        for command in commands:
            if isinstance(command, RecordTask):
                rows.append(command.facts)
            elif isinstance(command, RecordStanding):
                events += command.events
        if not rows and not events:
            return
        try:
            # What stops the coordinator waits for it: it is forgotten here already.
            with anyio.CancelScope(shield=True):
                await self._store.append_tasks_and_standing(rows, events)
        except StorageError as error:
            if self.storing:
                logger.critical("task facts wait in memory: %s", error)
            self.storing = False
            self._unstored = rows[-UNSTORED_ROWS:]
            self._unstored_standing = events
        else:
            self.storing = True
            self._unstored, self._unstored_standing = [], []

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
            case ReleaseTags():
                self._to_client(command.client, encode(translate.tags(command)))
            case CancelAttempt():
                self._cancel(command)
            case RejectNode():
                logger.warning("node %s: %s", command.node.hex()[:12], command.reason)
                self._end_node(command.node, CloseCode.NOT_YOURS, command.reason)
            case DropNode():
                logger.info("node %s: %s", command.node.hex()[:12], command.reason)
                self._end_node(command.node, CloseCode.GOING_AWAY, command.reason)
            case RecordTask():
                self._recorded(command.facts)
            case RecordStanding():
                self._stood(command.events)
            case _:
                assert_never(command)

    def _offer(self, command: OfferTask) -> None:
        client = self.clients.get(command.client)
        node = self.nodes.get(command.node)
        if client is None or node is None:
            return  # its ClientLeft or NodeLeft is already in the inbox
        request = client.request(command.ref)
        if request is None:
            return  # it was cancelled: the event is in the inbox
        if command.attempt:
            before = RouteKey(command.task, command.part, command.attempt - 1)
            self.relay.close(before)
        made = self._assigner.offer(command, request, node.keys)
        self.relay.open(command, made, client.postbox, node.postbox)
        if not client.postbox.post(encode(made.offer)):
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

    def _drop_client(self, connection: Asking) -> None:
        connection.end(
            Goodbye(code=CloseCode.TOO_SLOW, reason="control messages were not read")
        )
