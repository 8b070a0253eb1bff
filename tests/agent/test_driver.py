"""The agent's side of a connection; the coordinator's side is spoken by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
import msgspec
import pytest

from clubai.agent.backends.base import Piece
from clubai.agent.config import AgentConfig
from clubai.agent.driver import AgentDriver
from clubai.agent.lanes import Lanes
from clubai.agent.membership import Membership, wall_clock_ms
from clubai.agent.standing import Standing
from clubai.agent.view import WorkCounts
from clubai.coordinator.assigner import NodeKeys
from clubai.crypto.attestation import read_attestation
from clubai.crypto.bundles import read_bundle
from clubai.crypto.identity import Identity
from clubai.errors import ConnectionLost, RemoteProtocolError
from clubai.model import FailCode, Kind
from clubai.protocol.codec import decode_from_node, encode
from clubai.protocol.messages import (
    CloseCode,
    Goodbye,
    Hello,
    Message,
    NodeHeard,
    NodeHeartbeat,
    NodeRegister,
    NodeRegistered,
    TaskAccept,
    TaskCancel,
    TaskFail,
    TaskRecord,
    TaskReply,
    TaskResult,
    Welcome,
)
from clubai.transport.memory import MemoryStream, memory_pair
from support.scripted_backend import ScriptedBackend, say
from support.sealed_peers import PlayedClient, PlayedRequest, made_offer

T = TypeVar("T", bound=Message)


class Far:
    """The coordinator's end of one agent's connection."""

    def __init__(self, stream: MemoryStream, identity: Identity) -> None:
        self.stream = stream
        self.identity = identity
        self.coordinator = Identity.generate()
        self.client = PlayedClient()
        self.keys: NodeKeys
        """As the agent registered them."""
        self.lanes = Lanes(wall_ms=wall_clock_ms)
        self.driver: AgentDriver
        self.ended = anyio.Event()
        self.error: Exception | None = None
        """Why the agent's `serve` ended."""

    async def say(self, *messages: Message) -> None:
        for message in messages:
            await self.stream.send(encode(message))

    async def hear(self, type_: type[T]) -> T:
        """The next message that is no heartbeat, or the next heartbeat."""
        with anyio.fail_after(5):
            while True:
                message = decode_from_node(await self.stream.receive())
                if isinstance(message, type_):
                    return message
                assert isinstance(message, NodeHeartbeat), message

    def sealed(
        self, number: int = 1, *, signed_by: Identity | None = None, **changes: object
    ) -> PlayedRequest:
        """A request that is sealed to the node, as offered but for `changes`."""
        changes.setdefault("now_ms", wall_clock_ms())
        offer = made_offer(
            signed_by or self.coordinator,
            self.client.request(),
            self.keys,
            task=bytes([number]) * 16,
            **changes,  # type: ignore[arg-type]
        )
        return self.client.take(offer, msgspec.json.encode({"messages": []}))

    async def assign(self, number: int = 1, **changes: object) -> bytes:
        """Give the agent work; its task id."""
        sealed = self.sealed(number, **changes)  # type: ignore[arg-type]
        await self.say(sealed.assign, *sealed.records)
        return sealed.assign.task


@asynccontextmanager
async def driven(
    backend: ScriptedBackend, data: Path, *, heartbeat_s: float = 15.0
) -> AsyncIterator[tuple[Far, Standing]]:
    """A driver that has joined."""
    here, there = memory_pair()
    standing = Standing()
    standing.update(backend.info)
    far = Far(there, Identity.generate())
    far.driver = driver = AgentDriver(
        here,
        backend=backend,
        standing=standing,
        membership=await Membership.open(far.identity, data),
        config=AgentConfig(name="attic", vram_gb=24.0),
        program="test",
        lanes=far.lanes,
    )

    async def serve() -> None:
        try:
            await driver.join()
            await driver.serve()
        except (ConnectionLost, RemoteProtocolError) as error:
            far.error = error
        finally:
            far.ended.set()

    async with here, there, anyio.create_task_group() as tasks:
        tasks.start_soon(serve)
        await far.hear(Hello)
        key = far.coordinator.key
        await far.say(Welcome(version=1, heartbeat_s=heartbeat_s, key=key))
        register = await far.hear(NodeRegister)
        check_registration(register, far.identity)
        bundle = read_bundle(register.bundle, register.bundle_sig)
        far.keys = NodeKeys(bundle=bundle, boot=register.boot)
        await far.say(NodeRegistered(node=far.identity.node_id))
        yield far, standing
        tasks.cancel_scope.cancel()


def check_registration(register: NodeRegister, identity: Identity) -> None:
    assert register.key == identity.key
    assert (register.name, register.vram_gb) == ("attic", 24.0)
    assert [offer.name for offer in register.models] == ["m"]


async def test_work_is_accepted_run_and_answered(tmp_path: Path) -> None:
    backend = ScriptedBackend(say("hello"))
    async with driven(backend, tmp_path) as (far, _):
        task = await far.assign()

        assert (await far.hear(TaskAccept)).task == task
        assert (await far.hear(TaskReply)).task == task
        while not (await far.hear(TaskRecord)).fin:
            pass
        said = read_attestation((await far.hear(TaskResult)).body)
        assert said.output_tokens == 2
    assert backend.asked == [("chat", "m", {"messages": []})]


async def test_no_more_work_is_taken_than_there_are_slots(tmp_path: Path) -> None:
    backend = ScriptedBackend(lambda _: [anyio.Event()], slots=1)
    async with driven(backend, tmp_path) as (far, _):
        await far.assign(1)
        await far.hear(TaskAccept)
        second = await far.assign(2)

        refused = await far.hear(TaskFail)

        assert (refused.task, refused.code) == (second, FailCode.BUSY)
        assert backend.most_running == 1


async def test_a_cancel_stops_the_backend(tmp_path: Path) -> None:
    backend = ScriptedBackend(lambda _: [anyio.Event()])
    async with driven(backend, tmp_path) as (far, _):
        task = await far.assign()
        await far.hear(TaskAccept)
        await backend.started.wait()
        await far.say(TaskCancel(task=task))
        with anyio.fail_after(5):
            await backend.stopped.wait()


async def test_a_cancel_before_the_request_is_whole_frees_its_slot(
    tmp_path: Path,
) -> None:
    backend = ScriptedBackend(slots=1)
    async with driven(backend, tmp_path) as (far, _):
        first = far.sealed().assign
        await far.say(first, TaskCancel(task=first.task))
        await far.assign(2)

        assert (await far.hear(TaskAccept)).task == bytes([2]) * 16


async def test_a_request_out_of_order_fails_as_not_opened(tmp_path: Path) -> None:
    async with driven(ScriptedBackend(), tmp_path) as (far, _):
        sealed = far.sealed()
        await far.say(
            sealed.assign, TaskRecord(task=sealed.assign.task, seq=1, ct=bytes(272))
        )

        assert (await far.hear(TaskFail)).code == FailCode.OPEN_FAILED


async def test_heartbeats_list_the_work_and_the_changes(tmp_path: Path) -> None:
    backend = ScriptedBackend(lambda _: [anyio.Event()])
    async with driven(backend, tmp_path, heartbeat_s=0.02) as (far, standing):
        task = await far.assign()
        await far.hear(TaskAccept)
        while task not in (await far.hear(NodeHeartbeat)).running:
            await far.say(NodeHeard())
        standing.pause()
        while not (await far.hear(NodeHeartbeat)).paused:
            await far.say(NodeHeard())
        refused_task = await far.assign(2)
        assert (await far.hear(TaskFail)).task == refused_task


def stages(far: Far) -> list[str]:
    return [lane.stage for lane in far.lanes.view()]


def endings(far: Far) -> list[tuple[str, str]]:
    return [(ended.ending, ended.code) for ended in far.lanes.recent]


async def test_a_lane_follows_its_assignment(tmp_path: Path) -> None:
    gate = anyio.Event()
    backend = ScriptedBackend(lambda body: [gate, *say("hello")(body)])
    async with driven(backend, tmp_path) as (far, _):
        sealed = far.sealed()
        await far.say(sealed.assign)
        await anyio.wait_all_tasks_blocked()
        assert stages(far) == ["arriving"]

        await far.say(*sealed.records)
        await far.hear(TaskAccept)
        assert stages(far) == ["working"]

        gate.set()
        await far.hear(TaskReply)
        while not (await far.hear(TaskRecord)).fin:
            pass
        await far.hear(TaskResult)
        await far.lanes.wait_idle()
    assert endings(far) == [("done", "")]
    assert far.lanes.since_start == WorkCounts(
        done=1, prompt_tokens=5, completion_tokens=2
    )


class StubbornBackend(ScriptedBackend):
    """Takes its time to stop."""

    def __init__(self) -> None:
        super().__init__(lambda _: [anyio.Event()])
        self.let_go = anyio.Event()

    @asynccontextmanager
    async def run(
        self, kind: Kind, model: str, body: dict[str, Any]
    ) -> AsyncIterator[AsyncIterator[Piece]]:
        try:
            async with super().run(kind, model, body) as pieces:
                yield pieces
        finally:
            with anyio.CancelScope(shield=True):
                await self.let_go.wait()


async def test_a_cancelled_lane_is_in_use_until_its_work_has_stopped(
    tmp_path: Path,
) -> None:
    backend = StubbornBackend()
    async with driven(backend, tmp_path) as (far, _):
        task = await far.assign()
        await backend.started.wait()
        await far.say(TaskCancel(task=task))
        await backend.stopped.wait()
        seen = stages(far)
        backend.let_go.set()
        assert seen == ["stopping"]
        await far.lanes.wait_idle()
    assert endings(far) == [("cancelled", "cancelled")]


async def test_a_request_that_is_cancelled_or_spoilt_on_its_way_ends_its_lane(
    tmp_path: Path,
) -> None:
    async with driven(ScriptedBackend(slots=1), tmp_path) as (far, _):
        first, second = far.sealed(1).assign, far.sealed(2).assign
        await far.say(first, TaskCancel(task=first.task))
        await far.say(second, TaskRecord(task=second.task, seq=1, ct=bytes(272)))
        await far.hear(TaskFail)

        assert stages(far) == []
        assert endings(far) == [("failed", "open_failed"), ("cancelled", "cancelled")]


async def test_what_is_refused_has_no_lane(tmp_path: Path) -> None:
    backend = ScriptedBackend(lambda _: [anyio.Event()], slots=1)
    async with driven(backend, tmp_path) as (far, _):
        await far.assign(1)
        await far.hear(TaskAccept)
        await far.assign(2)
        await far.hear(TaskFail)
        await far.assign(3, signed_by=Identity.generate())
        await far.hear(TaskFail)

        assert stages(far) == ["working"]
        assert far.lanes.since_start == WorkCounts(refused=2)


async def test_a_lost_connection_empties_all_lanes(tmp_path: Path) -> None:
    backend = ScriptedBackend(lambda _: [anyio.Event()])
    async with driven(backend, tmp_path) as (far, _):
        await far.assign(1)
        await backend.started.wait()
        await far.say(far.sealed(2).assign)
        await anyio.wait_all_tasks_blocked()
        assert stages(far) == ["working", "arriving"]
        await far.stream.aclose()
        with anyio.fail_after(5):
            await far.ended.wait()

    assert far.lanes.idle
    assert endings(far) == 2 * [("cancelled", "node_lost")]


async def test_a_node_has_settled_once_its_last_heartbeat_is_heard(
    tmp_path: Path,
) -> None:
    async with driven(ScriptedBackend(), tmp_path) as (far, standing):
        await far.hear(NodeHeartbeat)
        standing.draining = True
        settled = anyio.Event()

        async def settle() -> None:
            await far.driver.settle()
            settled.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(settle)
            assert (await far.hear(NodeHeartbeat)).draining
            await far.assign()
            assert (await far.hear(TaskFail)).code == FailCode.BUSY
            await far.say(NodeHeard())
            await anyio.wait_all_tasks_blocked()
            assert not settled.is_set(), "the one before was heard"
            await far.say(NodeHeard())
            with anyio.fail_after(2):
                await settled.wait()


async def test_nobody_waits_for_a_coordinator_that_has_gone(tmp_path: Path) -> None:
    async with driven(ScriptedBackend(), tmp_path) as (far, _):
        with anyio.fail_after(2):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(far.driver.settle)
                await anyio.wait_all_tasks_blocked()
                await far.stream.aclose()
            await far.ended.wait()
            await far.driver.settle()


async def test_a_silent_coordinator_is_given_up(tmp_path: Path) -> None:
    async with driven(ScriptedBackend(), tmp_path, heartbeat_s=0.02) as (far, _):
        with anyio.fail_after(5):
            await far.ended.wait()

    assert isinstance(far.error, ConnectionLost)
    assert "silent" in far.error.reason


async def test_a_goodbye_keeps_its_reason(tmp_path: Path) -> None:
    async with driven(ScriptedBackend(), tmp_path) as (far, _):
        await far.say(Goodbye(code=CloseCode.REPLACED, reason="a newer one came"))
        with anyio.fail_after(5):
            await far.ended.wait()

    assert isinstance(far.error, RemoteProtocolError)
    assert (far.error.code, far.error.reason) == (
        CloseCode.REPLACED,
        "a newer one came",
    )


async def test_when_the_connection_goes_the_work_stops(tmp_path: Path) -> None:
    backend = ScriptedBackend(lambda _: [anyio.Event()])
    async with driven(backend, tmp_path) as (far, _):
        await far.assign()
        await backend.started.wait()
        await far.stream.aclose()
        with anyio.fail_after(5):
            await backend.stopped.wait()
            await far.ended.wait()

    assert isinstance(far.error, ConnectionLost)


@pytest.mark.parametrize("said", [b"\xc1", encode(Hello(versions=(1,)))])
async def test_nonsense_of_the_coordinator_ends_the_connection(
    said: bytes, tmp_path: Path
) -> None:
    async with driven(ScriptedBackend(), tmp_path) as (far, _):
        await far.stream.send(said)
        with anyio.fail_after(5):
            await far.ended.wait()

    assert isinstance(far.error, RemoteProtocolError)


async def test_a_refusal_at_the_greeting_is_raised_by_join(tmp_path: Path) -> None:
    here, there = memory_pair()
    driver = AgentDriver(
        here,
        backend=ScriptedBackend(),
        standing=Standing(),
        membership=await Membership.open(Identity.generate(), tmp_path),
        config=AgentConfig(),
        program="test",
    )
    async with here, there:
        await there.send(encode(Goodbye(code=CloseCode.VERSION, reason="update")))
        with pytest.raises(RemoteProtocolError, match="update"):
            await driver.join()
