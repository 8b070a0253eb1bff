"""One connection of an agent to the coordinator, from its greeting to its end.

The driver owns the `AgentMachine` of the connection, the requests that are still
arriving, and one task for each assignment that runs. When the connection ends, all
work for it ends too: the coordinator has given it to somebody else.
"""

from __future__ import annotations

import logging
from typing import Final, assert_never

import anyio
from anyio.abc import ObjectStream, TaskGroup

from clubai.agent.arriving import Arriving
from clubai.agent.backends.base import Backend
from clubai.agent.config import AgentConfig
from clubai.agent.executor import execute
from clubai.agent.intake import FAIL_CODES
from clubai.agent.lanes import Lanes
from clubai.agent.membership import Membership
from clubai.agent.reply import Reply
from clubai.agent.standing import Standing
from clubai.core.agent import (
    Accept,
    AgentCommand,
    AgentEvent,
    AgentMachine,
    AssignmentArrived,
    AssignmentKey,
    CancelArrived,
    DrainChanged,
    PauseChanged,
    Refuse,
    RequestCompleted,
    SlotsChanged,
    StartWork,
    StopWork,
    WorkEnded,
)
from clubai.errors import ConnectionLost, RemoteProtocolError, TrustError
from clubai.model import FailCode, TaskId
from clubai.protocol.codec import decode_to_node, encode
from clubai.protocol.messages import (
    PROTOCOL_VERSION,
    CloseCode,
    Goodbye,
    Hello,
    Message,
    NodeBundle,
    NodeHeard,
    NodeHeartbeat,
    NodeRegister,
    NodeRegistered,
    Notice,
    TaskAccept,
    TaskAssign,
    TaskCancel,
    TaskFail,
    TaskRecord,
    ToNode,
    Welcome,
)
from clubai.protocol.session import LOGIN_SECONDS, expect_welcome
from clubai.transport.postbox import Postbox

logger = logging.getLogger(__name__)

SILENT_BEATS: Final = 3
"""A coordinator that says nothing for so many heartbeats is given up."""
SETTLE_SECONDS: Final = 5.0
"""How long a node that goes waits for the coordinator to have heard it."""


class AgentDriver:
    """Serves one connection."""

    def __init__(
        self,
        stream: ObjectStream[bytes],
        *,
        backend: Backend,
        standing: Standing,
        membership: Membership,
        config: AgentConfig,
        program: str,
        lanes: Lanes | None = None,
    ) -> None:
        self._stream = stream
        self._outbox = Postbox(stream)
        self._backend = backend
        self._standing = standing
        self._membership = membership
        self._config = config
        self._program = program
        self._machine = AgentMachine(slots=standing.slots)
        self._arriving: dict[AssignmentKey, Arriving] = {}
        self._work: dict[AssignmentKey, anyio.CancelScope] = {}
        self._lanes = lanes or Lanes(wall_ms=membership.wall_ms)
        self._heartbeat_s = 0.0
        self._heard_at = 0.0
        self._unheard = 0
        """Heartbeats that the coordinator has not answered."""
        self._serving = False
        self._quiet = anyio.Event()
        """Set, and replaced, when none is unheard or the connection has ended."""
        self._said_bundle = b""
        """Hash of the bundle that the coordinator was last told of."""
        self._tasks: TaskGroup

    async def join(self) -> None:
        """Greet the coordinator and register the node.

        Raises:
            ConnectionLost: it closed, or took too long.
            RemoteProtocolError: it refuses this node, with the reason.
        """
        try:
            with anyio.fail_after(2 * LOGIN_SECONDS):
                await self._register()
        except TimeoutError as error:
            raise ConnectionLost("the coordinator did not greet in time") from error
        except (anyio.EndOfStream, anyio.BrokenResourceError) as error:
            raise ConnectionLost("the coordinator closed at the greeting") from error

    async def serve(self) -> None:
        """Take and run work until the connection ends.

        Raises:
            ConnectionLost: always, when not cancelled; the text says why it ended.
            RemoteProtocolError: the coordinator said why it ended it.
        """
        end: list[Exception] = []
        self._heard_at = anyio.current_time()
        try:
            await self._serve(end)
        finally:
            self._serving = False
            self._unheard = 0
            self._quiet.set()
            self._lanes.lost()
        raise end[0] if end else ConnectionLost("the connection ended")

    async def settle(self) -> None:
        """Say how the node stands, and wait until the coordinator has heard it.

        It has read all that was sent before, then. No longer than `SETTLE_SECONDS`.
        """
        if not self._serving:
            return
        self._handle(DrainChanged(draining=self._standing.draining))
        self._say_standing()
        with anyio.move_on_after(SETTLE_SECONDS):
            while self._unheard:
                await self._quiet.wait()

    async def _serve(self, end: list[Exception]) -> None:
        async with anyio.create_task_group() as self._tasks:
            self._serving = True
            self._tasks.start_soon(self._write, end)
            self._tasks.start_soon(self._beat, end)
            self._tasks.start_soon(self._follow_standing)
            try:
                await self._read()
            except (
                anyio.EndOfStream,
                anyio.BrokenResourceError,
                anyio.ClosedResourceError,
            ):
                end.append(ConnectionLost("the coordinator closed the connection"))
            except RemoteProtocolError as error:
                end.append(error)
            self._tasks.cancel_scope.cancel()

    async def _register(self) -> None:
        hello = Hello(versions=(PROTOCOL_VERSION,), program=self._program)
        await self._stream.send(encode(hello))
        welcome = expect_welcome(decode_to_node(await self._stream.receive()))
        self._heartbeat_s = welcome.heartbeat_s
        me = self._membership
        me.pin(welcome.key)
        await me.refresh()
        bundle = me.bundle
        self._said_bundle = bundle.hash
        register = NodeRegister(
            key=me.identity.key,
            boot=me.boot,
            bundle=bundle.body,
            bundle_sig=bundle.sig,
            name=self._config.name,
            models=self._standing.models,
            slots=self._standing.slots,
            vram_gb=self._config.vram_gb,
            backend=self._standing.backend,
            program=self._program,
        )
        await self._stream.send(encode(register))
        message = decode_to_node(await self._stream.receive())
        if isinstance(message, Goodbye):
            raise RemoteProtocolError(message.code, message.reason)
        if not isinstance(message, NodeRegistered):
            raise RemoteProtocolError(
                CloseCode.BAD_MESSAGE, "NODE_REGISTERED was due after NODE_REGISTER"
            )

    async def _write(self, end: list[Exception]) -> None:
        try:
            await self._outbox.run()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            end.append(ConnectionLost("the coordinator is gone"))
        self._tasks.cancel_scope.cancel()

    async def _beat(self, end: list[Exception]) -> None:
        patience = SILENT_BEATS * self._heartbeat_s
        while anyio.current_time() - self._heard_at < patience:
            await self._membership.refresh()
            self._say_standing()
            with anyio.move_on_after(self._heartbeat_s):
                await self._standing.changed.wait()
        end.append(ConnectionLost(f"the coordinator was silent for {patience:g} s"))
        self._tasks.cancel_scope.cancel()

    async def _follow_standing(self) -> None:
        while True:
            changed = self._standing.changed
            self._handle(SlotsChanged(slots=self._standing.slots))
            self._handle(PauseChanged(paused=self._standing.paused))
            self._handle(DrainChanged(draining=self._standing.draining))
            await changed.wait()

    def _say_standing(self) -> None:
        bundle = self._membership.bundle
        if bundle.hash != self._said_bundle:
            self._said_bundle = bundle.hash
            self._post(NodeBundle(bundle=bundle.body, bundle_sig=bundle.sig))
        self._unheard += 1
        self._post(
            NodeHeartbeat(
                models=self._standing.models,
                slots=self._standing.slots,
                running=self._machine.running,
                paused=self._standing.paused,
                draining=self._standing.draining,
            )
        )

    def _note_heard(self) -> None:
        self._unheard = max(self._unheard - 1, 0)
        if not self._unheard:
            self._quiet.set()
            self._quiet = anyio.Event()

    async def _read(self) -> None:
        while True:
            self._take(decode_to_node(await self._stream.receive()))
            self._heard_at = anyio.current_time()

    def _take(self, message: ToNode) -> None:
        match message:
            case TaskAssign():
                self._assign(message)
            case TaskRecord():
                self._receive(message)
            case TaskCancel():
                self._give_up(_key(message), FailCode.CANCELLED)
            case NodeHeard():
                self._note_heard()
            case Notice():
                logger.info("the coordinator says: %r", message.text[:200])
            case Goodbye():
                raise RemoteProtocolError(message.code, message.reason)
            case Welcome() | NodeRegistered():
                raise RemoteProtocolError(
                    CloseCode.BAD_MESSAGE, "the connection has begun already"
                )
            case _:
                assert_never(message)

    def _assign(self, message: TaskAssign) -> None:
        key = _key(message)
        try:
            admitted = self._membership.admit(message)
        except TrustError as error:
            logger.warning("a request is refused: %s", error)
            code = FAIL_CODES.get(error.code, FailCode.OPEN_FAILED)
            self._fail(key, code, error.reason)
            self._lanes.refused()
            return
        self._arriving[key] = Arriving(admitted)
        self._handle(
            AssignmentArrived(
                task=key.task,
                part=key.part,
                attempt=key.attempt,
                model=admitted.assigned.model,
                deadline_s=admitted.assigned.deadline_s,
            )
        )
        if key in self._arriving:
            self._lanes.arrived(key, admitted.assigned)

    def _give_up(self, key: AssignmentKey, code: FailCode) -> None:
        if self._arriving.pop(key, None) and key not in self._work:
            self._lanes.ended(key, code)
        self._handle(CancelArrived(task=key.task, part=key.part, attempt=key.attempt))

    def _receive(self, record: TaskRecord) -> None:
        key = _key(record)
        arriving = self._arriving.get(key)
        if arriving is None:
            return
        try:
            whole = arriving.add(record)
        except (TrustError, RemoteProtocolError) as error:
            self._give_up(key, FailCode.OPEN_FAILED)
            self._fail(key, FailCode.OPEN_FAILED, error.reason)
            return
        if whole:
            self._handle(
                RequestCompleted(task=key.task, part=key.part, attempt=key.attempt)
            )

    def _handle(self, event: AgentEvent) -> None:
        for command in self._machine.handle(event, now=anyio.current_time()):
            self._perform(command)

    def _perform(self, command: AgentCommand) -> None:
        key = AssignmentKey(command.task, command.part, command.attempt)
        match command:
            case Refuse():
                self._arriving.pop(key, None)
                self._fail(key, command.code, command.message)
                self._lanes.refused()
            case Accept():
                self._post(
                    TaskAccept(task=key.task, part=key.part, attempt=key.attempt)
                )
            case StartWork():
                arriving = self._arriving.pop(key)
                scope = anyio.CancelScope()
                self._work[key] = scope
                self._tasks.start_soon(self._run, key, arriving, scope)
            case StopWork():
                running = self._work.get(key)
                if running is not None:
                    self._lanes.stopping(key)
                    running.cancel()
            case _:
                assert_never(command)

    async def _run(
        self, key: AssignmentKey, arriving: Arriving, scope: anyio.CancelScope
    ) -> None:
        reply = Reply(
            arriving.admitted,
            task=key.task,
            identity=self._membership.identity,
            postbox=self._outbox,
            wall_ms=self._membership.wall_ms,
        )
        self._lanes.working(key, reply)
        code: FailCode | None = FailCode.NODE_LOST
        try:
            with scope:
                code = await execute(
                    arriving.admitted.assigned,
                    arriving.body,
                    backend=self._backend,
                    reply=reply,
                    timeout_s=self._config.request_timeout_s,
                )
                if code in (FailCode.UNKNOWN_MODEL, FailCode.BUSY, FailCode.BACKEND):
                    self._standing.look_again()
            if scope.cancelled_caught:
                code = FailCode.CANCELLED
        finally:
            del self._work[key]
            self._lanes.ended(key, code)
            self._handle(WorkEnded(task=key.task, part=key.part, attempt=key.attempt))

    def _fail(self, key: AssignmentKey, code: FailCode, message: str) -> None:
        self._post(
            TaskFail(
                code=code,
                message=message,
                task=key.task,
                part=key.part,
                attempt=key.attempt,
            )
        )

    def _post(self, message: Message) -> None:
        if not self._outbox.post(encode(message)):
            self._tasks.cancel_scope.cancel()


def _key(message: TaskAssign | TaskRecord | TaskCancel) -> AssignmentKey:
    return AssignmentKey(TaskId(message.task), message.part, message.attempt)
