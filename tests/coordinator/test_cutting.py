"""Floods and slow readers cost their own task, or their own connection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from clubai.coordinator.cutting import cut_off
from clubai.coordinator.limits import EdgeLimits
from clubai.coordinator.relay import Relayed, RouteKey
from clubai.model import FailCode, TaskId
from clubai.protocol.codec import decode_to_client, encode
from clubai.protocol.messages import (
    MAX_MESSAGE_BYTES,
    CloseCode,
    ClubAnswer,
    ClubQuery,
    Goodbye,
    NodeHeartbeat,
    TaskAssign,
    TaskCancel,
    TaskFail,
    TaskOffer,
    TaskRecord,
    TaskReply,
)
from clubai.transport.memory import MemoryStream
from clubai.transport.postbox import Postbox
from support.memory_club import ALICE, BOB, MemoryClub, memory_club
from support.raw_peers import MODELS, RawClient, RawNode
from support.scripted_backend import ScriptedBackend, say
from support.sealed_peers import PlayedClient

BIG = b"x" * 60_000
CLIENT = PlayedClient()


def edge(**changes: Any) -> dict[str, Any]:
    return {"edge": EdgeLimits(**changes)}


async def still_serves(club: MemoryClub) -> None:
    backend = ScriptedBackend(say("fine"), models=("other",))
    await club.add("honest", backend, owner=BOB)
    async with club.client(BOB) as client:
        with anyio.fail_after(5):
            assert (await client.ask("Q", model="other")).text == "fine"


class Pair:
    """A raw client whose task a raw node holds."""

    def __init__(self, client: RawClient, node: RawNode, offer: TaskOffer) -> None:
        self.client = client
        self.node = node
        self.task = offer.task
        self.attempt = 0

    @property
    def key(self) -> RouteKey:
        return RouteKey(TaskId(self.task), 0, self.attempt)

    def record(self, seq: int, ct: bytes = BIG) -> TaskRecord:
        return TaskRecord(task=self.task, attempt=self.attempt, seq=seq, ct=ct)


async def pair(club: MemoryClub) -> Pair:
    node = RawNode(club.connect_raw(node=True))
    await node.register("attic", models=MODELS)
    client = await RawClient(club.connect_raw(node=False)).greet()
    await client.say(CLIENT.request())
    offer = await client.hear()
    assert isinstance(offer, TaskOffer)
    await client.say(CLIENT.take(offer).assign)
    assert isinstance(await node.hear(), TaskAssign)
    return Pair(client, node, offer)


async def test_cutting_tells_the_node_and_the_client_once(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        two = await pair(club)
        driver = club.coordinator.driver

        for _ in range(2):
            cut_off(driver, two.key, FailCode.RATE_LIMITED, "too much")

        told = await two.client.hear()
        assert isinstance(told, TaskFail)
        assert (told.code, told.message) == (FailCode.RATE_LIMITED, "too much")
        cancel = await two.node.hear()
        assert cancel == TaskCancel(task=two.task, attempt=two.attempt)
        cut_off(driver, two.key, FailCode.RATE_LIMITED, "over already")
        await still_serves(club)


async def test_a_task_is_cut_once_while_the_machine_is_behind(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        two = await pair(club)
        driver = club.coordinator.driver
        driver._busy = True  # facts are being stored: events wait
        for _ in range(2):
            cut_off(driver, two.key, FailCode.RATE_LIMITED, "too much")

        frame = encode(two.record(0))
        late = driver.relay.to_node(two.key, _postbox_of_client(club), frame)

        assert len(driver._inbox) == 1
        assert late is Relayed.STALE
        driver._turn()
        assert isinstance(await two.client.hear(), TaskFail)


def _postbox_of_client(club: MemoryClub) -> Postbox:
    [connection] = club.coordinator.driver.clients.values()
    return connection.postbox


async def test_requests_over_the_rate_are_refused_and_then_end_it(
    tmp_path: Path,
) -> None:
    limits = edge(messages_per_s=1, messages_burst=10)
    async with memory_club(tmp_path, **limits) as club:
        client = await RawClient(club.connect_raw(node=False)).greet()
        for ref in range(1, 22):
            await client.say(CLIENT.request(ref, model="none"))

        answers = [await client.hear() for _ in range(21)]

        failed = [answer for answer in answers if isinstance(answer, TaskFail)]
        refused = [fail for fail in failed if fail.code == FailCode.RATE_LIMITED]
        assert (len(failed), len(refused)) == (20, 10)
        last = answers[-1]
        assert isinstance(last, Goodbye)
        assert last.code == CloseCode.TOO_MANY
        assert refused[0].retry_after_s is not None
        assert 0.5 < refused[0].retry_after_s <= 1.0
        await still_serves(club)


async def test_a_flood_of_questions_ends_the_connection(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        client = await RawClient(club.connect_raw(node=False)).greet()
        heard: list[object] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_hear_all, client.stream, heard)
            for ref in range(41):
                await client.say(ClubQuery(ref=ref, what="snapshot"))

        assert all(isinstance(answer, ClubAnswer) for answer in heard[:-1])
        assert len(heard) == 41
        assert isinstance(heard[-1], Goodbye)
        assert heard[-1].code == CloseCode.TOO_MANY
        await still_serves(club)


async def _hear_all(stream: MemoryStream, heard: list[object]) -> None:
    try:
        while True:
            heard.append(decode_to_client(await stream.receive()))
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return


async def test_a_flood_of_a_node_ends_its_connection(tmp_path: Path) -> None:
    limits = edge(messages_per_s=1, messages_burst=10, slot_messages_per_s=0)
    async with memory_club(tmp_path, **limits) as club:
        node = RawNode(club.connect_raw(node=True))
        await node.register()
        for _ in range(21):
            await node.say(NodeHeartbeat())

        assert (await node.goodbye()).code == CloseCode.TOO_MANY
        await still_serves(club)


async def test_records_over_the_rate_cost_their_task_only(tmp_path: Path) -> None:
    limits = edge(bytes_per_s=1, bytes_burst=200_000)
    async with memory_club(tmp_path, **limits) as club:
        two = await pair(club)
        for seq in range(6):
            await two.client.say(two.record(seq))

        told = await two.client.hear()

        assert isinstance(told, TaskFail)
        assert told.code == FailCode.RATE_LIMITED
        heard = [await two.node.hear() for _ in range(4)]
        assert [type(message) for message in heard] == [TaskRecord] * 3 + [TaskCancel]
        await two.client.say(ClubQuery(ref=9, what="models"))
        assert isinstance(await two.client.hear(), ClubAnswer)


async def test_an_answer_over_the_rate_costs_its_task_only(tmp_path: Path) -> None:
    limits = edge(bytes_per_s=1, bytes_burst=200_000)
    async with memory_club(tmp_path, **limits) as club:
        two = await pair(club)
        await two.node.say(TaskReply(task=two.task, hdr=bytes(96)))
        for seq in range(6):
            await two.node.say(two.record(seq))

        heard = [await two.client.hear() for _ in range(5)]

        assert [type(message) for message in heard[:4]] == [
            TaskReply,
            *[TaskRecord] * 3,
        ]
        assert isinstance(heard[4], TaskFail)
        assert heard[4].code == FailCode.BACKEND
        assert isinstance(await two.node.hear(), TaskCancel)
        await two.node.say(NodeHeartbeat(models=MODELS))
        while two.node.identity.node_id not in club.coordinator.driver.nodes:
            await checkpoint()


async def test_nobody_can_cut_anothers_task_by_a_flood(tmp_path: Path) -> None:
    limits = edge(bytes_per_s=1, bytes_burst=10_000)
    async with memory_club(tmp_path, **limits) as club:
        two = await pair(club)
        thief = await RawClient(club.connect_raw(node=False, member=BOB)).greet()
        await thief.say(two.record(0))
        await thief.say(two.record(1))
        other = RawNode(club.connect_raw(node=True, member=BOB))
        await other.register("other")
        await other.say(two.record(0))
        await other.say(two.record(1))

        await two.node.say(TaskReply(task=two.task, hdr=bytes(96)))
        assert isinstance(await two.client.hear(), TaskReply)


async def test_an_answer_that_is_not_read_costs_its_task_only(tmp_path: Path) -> None:
    async with memory_club(tmp_path, **edge(client_queue_bytes=500_000)) as club:
        two = await pair(club)
        await two.node.say(TaskReply(task=two.task, hdr=bytes(96)))
        sent = 0
        while two.key in club.coordinator.driver.relay._routes:
            await two.node.say(two.record(sent))
            sent += 1

        heard = [await two.client.hear()]
        while isinstance(heard[-1], TaskReply | TaskRecord):
            heard.append(await two.client.hear())

        last = heard[-1]
        assert isinstance(last, TaskFail)
        assert last.code == FailCode.SLOW_READER
        assert len(heard) <= sent + 2
        await two.client.say(ClubQuery(ref=9, what="models"))
        assert isinstance(await two.client.hear(), ClubAnswer)
        assert isinstance(await two.node.hear(), TaskCancel)


async def test_all_queues_together_are_bounded(tmp_path: Path) -> None:
    async with memory_club(tmp_path, **edge(queue_bytes=1_000_000)) as club:
        two = await pair(club)
        await two.node.say(TaskReply(task=two.task, hdr=bytes(96)))
        sent = 0
        while two.key in club.coordinator.driver.relay._routes:
            await two.node.say(two.record(sent))
            sent += 1
        queued = club.coordinator._queued

        assert 0 < queued.held <= queued.most
        await two.client.stream.aclose()
        await two.node.stream.aclose()
        with anyio.fail_after(5):
            while queued.held:
                await checkpoint()


async def test_our_own_gateway_is_not_weighed(tmp_path: Path) -> None:
    limits = edge(messages_per_s=1, messages_burst=1, bytes_burst=1, bytes_per_s=1)
    async with memory_club(tmp_path, **limits) as club, club.client(ALICE) as client:
        for _ in range(5):
            assert await client.models() == ()


async def test_a_bug_in_one_connection_costs_that_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with memory_club(tmp_path) as club:

        def fail(*_: object) -> None:
            raise ZeroDivisionError

        client = await RawClient(club.connect_raw(node=False)).greet()
        with monkeypatch.context() as patch:
            patch.setattr("clubai.coordinator.client_connection.fitting", fail)
            await client.say(ClubQuery(ref=1, what="models"))
            with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                await client.stream.receive()

        await still_serves(club)
    assert "a connection failed" in caplog.text


def test_the_longest_record_fits_a_queue() -> None:
    assert EdgeLimits().client_queue_bytes > 2 * MAX_MESSAGE_BYTES
    assert len(encode(TaskRecord(task=b"t" * 16, seq=0, ct=BIG))) < MAX_MESSAGE_BYTES
