from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from msgspec.structs import replace

from clubai.client import Job
from clubai.model import FailCode, ModelOffer
from clubai.protocol.codec import decode_to_node, encode
from clubai.protocol.messages import (
    CloseCode,
    Goodbye,
    Hello,
    Message,
    NodeHeard,
    NodeHeartbeat,
    NodeRegistered,
    TaskAccept,
    TaskAssign,
    TaskFail,
    TaskRecord,
    TaskReply,
)
from clubai.protocol.records import Choice
from clubai.storage import MemoryStore
from support.memory_club import ALICE, BOB, MemoryClub, memory_club
from support.raw_peers import RawNode
from support.scripted_backend import ScriptedBackend, say
from support.sealed_peers import PlayedNode, attested

CHAT = Job(kind="chat", model="m", body={"messages": []})


def raw(club: MemoryClub, **settings: object) -> RawNode:
    return RawNode(club.connect_raw(node=True, **settings))  # type: ignore[arg-type]


async def still_serves(club: MemoryClub) -> None:
    """The process lives, and others are served."""
    await club.add("honest", ScriptedBackend(say("fine"), models=("other",)))
    async with club.client() as client:
        with anyio.fail_after(5):
            assert (await client.ask("Q", model="other")).text == "fine"


async def test_a_node_that_proves_its_key_is_taken_in(tmp_path: Path) -> None:
    store = MemoryStore()
    async with memory_club(tmp_path, store=store) as club:
        node = raw(club)
        registered = await node.register("attic")

        assert registered == NodeRegistered(node=node.identity.node_id)
        assert [n.name for n in club.coordinator.feed.nodes()] == ["attic"]
        (row,) = await store.nodes()
        assert (row.name, row.owner, row.key) == ("attic", ALICE.id, node.identity.key)
        await node.stream.aclose()


async def test_a_heartbeat_is_answered_and_takes_effect(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        node = raw(club)
        await node.register()
        await node.say(NodeHeartbeat(models=(), slots=1, paused=True))
        assert decode_to_node(await node.stream.receive()) == NodeHeard()
        while club.coordinator.feed.nodes()[0].state != "paused":
            await club.coordinator.driver.changed.wait()
        assert club.coordinator.driver.machine.models() == ()
        await node.stream.aclose()


@pytest.mark.parametrize("stolen", ["whole", "signature", "key"])
async def test_keys_that_another_signed_are_refused(
    stolen: str, tmp_path: Path
) -> None:
    async with memory_club(tmp_path) as club:
        node, other = raw(club), PlayedNode()
        changes: dict[str, dict[str, object]] = {
            "whole": {
                "bundle": other.bundle.body,
                "bundle_sig": other.bundle.sig,
            },
            "signature": {"bundle_sig": other.bundle.sig},
            "key": {"key": other.identity.key},
        }

        answer = await node.register(**changes[stolen])

        assert isinstance(answer, Goodbye)
        assert answer.code == CloseCode.BAD_SIGNATURE
        await still_serves(club)


async def test_another_nodes_name_is_refused_with_the_fix(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        await raw(club).register("attic")
        other = raw(club, member=BOB)

        answer = await other.register("Attic")

        assert isinstance(answer, Goodbye)
        assert answer.code == CloseCode.NAME_TAKEN
        assert "NODE_ID" in answer.reason
        assert [n.owner for n in club.coordinator.feed.nodes()] == [ALICE.name]


async def test_another_members_node_is_refused(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        node = raw(club)
        await node.register("attic")
        thief = RawNode(club.connect_raw(node=True, member=BOB), node.played)

        answer = await thief.register("cellar")

        assert isinstance(answer, Goodbye)
        assert answer.code == CloseCode.NOT_YOURS


async def test_a_newer_connection_of_the_same_node_replaces_the_older(
    tmp_path: Path,
) -> None:
    async with memory_club(tmp_path) as club:
        older = raw(club)
        await older.register("attic")
        newer = RawNode(club.connect_raw(node=True), older.played)
        assert isinstance(await newer.register("attic"), NodeRegistered)

        assert (await older.goodbye()).code == CloseCode.REPLACED
        assert [n.state for n in club.coordinator.feed.nodes()] == ["alive"]


async def test_a_set_up_again_machine_takes_its_name_over(tmp_path: Path) -> None:
    store = MemoryStore()
    async with memory_club(tmp_path, store=store) as club:
        older = raw(club)
        await older.register("attic")
        await older.stream.aclose()
        driver = club.coordinator.driver
        while driver.nodes:
            await driver.changed.wait()

        newer = raw(club)
        assert isinstance(await newer.register("attic"), NodeRegistered)

        names = {row.id: row.name for row in await store.nodes()}
        assert names[newer.identity.node_id] == "attic"
        assert names[older.identity.node_id].startswith("attic-")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"\xc1 nonsense", CloseCode.BAD_MESSAGE),
        (encode(NodeHeartbeat()), CloseCode.BAD_MESSAGE),
        (encode(Hello(versions=(99,))), CloseCode.VERSION),
    ],
)
async def test_a_wrong_beginning_is_refused_and_nobody_else_notices(
    said: bytes, code: CloseCode, tmp_path: Path
) -> None:
    async with memory_club(tmp_path) as club:
        node = raw(club)
        await node.say(said)

        assert (await node.goodbye()).code == code
        await still_serves(club)


async def test_whoever_says_nothing_is_sent_away(tmp_path: Path) -> None:
    async with memory_club(tmp_path, login_s=0.02) as club:
        node = raw(club)

        assert (await node.goodbye()).code == CloseCode.LOGIN_LATE


async def test_hello_twice_is_out_of_turn(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        node = raw(club)
        await node.register()
        await node.say(Hello(versions=(1,)))

        assert (await node.goodbye()).code == CloseCode.BAD_MESSAGE


async def take_work(node: RawNode) -> TaskAssign:
    """Take the next assignment and its request."""
    assign = await node.hear()
    assert isinstance(assign, TaskAssign), assign
    while True:
        record = await node.hear()
        assert isinstance(record, TaskRecord)
        if record.fin:
            return assign


@pytest.mark.parametrize("kind", ["accept", "reply", "record", "result", "fail"])
async def test_a_node_that_answers_for_another_is_sent_away(
    kind: str, tmp_path: Path
) -> None:
    async with memory_club(tmp_path) as club:
        hold = anyio.Event()
        honest = ScriptedBackend(lambda _: [hold, *say("mine")({})])
        await club.add("honest", honest)
        liar = raw(club)
        await liar.register("liar", models=(ModelOffer(name="other"),))

        async with club.client() as client, anyio.create_task_group() as tasks:
            answers = []

            async def ask() -> None:
                answers.append((await client.ask("Q", model="m")).text)

            tasks.start_soon(ask)
            with anyio.fail_after(5):
                await honest.started.wait()
            (task,) = club.coordinator.driver.machine.tasks()
            theirs = bytes.fromhex(task.id)
            said: dict[str, Message] = {
                "accept": TaskAccept(task=theirs),
                "reply": TaskReply(task=theirs, hdr=bytes(96)),
                "record": TaskRecord(task=theirs, seq=0, ct=b"\0\0\0\0\0"),
                "result": attested(theirs),
                "fail": TaskFail(task=theirs, code=FailCode.BACKEND),
            }
            await liar.say(said[kind])
            assert (await liar.goodbye()).code == CloseCode.NOT_YOURS
            hold.set()

        assert answers == ["mine"]


async def test_late_words_about_an_ended_task_harm_nobody(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        node = raw(club)
        await node.register("attic")
        unknown = b"u" * 16
        for message in (
            TaskAccept(task=unknown),
            TaskReply(task=unknown, hdr=bytes(96)),
            TaskRecord(task=unknown, seq=0, ct=b""),
            attested(unknown),
            TaskFail(task=unknown, code=FailCode.BACKEND),
        ):
            await node.say(message)
        await still_serves(club)
        assert {n.name for n in club.coordinator.feed.nodes()} == {"attic", "honest"}


async def test_a_node_that_goes_in_the_middle_is_replaced_by_another(
    tmp_path: Path,
) -> None:
    async with memory_club(tmp_path) as club:
        node = raw(club)
        await node.register("attic")
        async with club.client() as client, anyio.create_task_group() as tasks:
            answers = []

            async def ask() -> None:
                answers.append(await client.ask("Q", model="m"))

            tasks.start_soon(ask)
            await take_work(node)
            await club.add("second", ScriptedBackend(say("rescued")))
            await node.stream.aclose()

        (answer,) = answers
        assert (answer.text, answer.attempts) == ("rescued", 2)


@pytest.mark.parametrize("stream", [True, False])
async def test_what_nobody_has_seen_of_an_answer_is_asked_of_another(
    stream: bool, tmp_path: Path
) -> None:
    """The reply's head is out, and of a whole answer its first half too."""
    async with memory_club(tmp_path) as club:
        node = raw(club)
        await node.register("attic")
        async with club.client() as client, anyio.create_task_group() as tasks:
            answers = []

            async def ask() -> None:
                async with client.run(replace(CHAT, stream=stream)) as run:
                    steps = [step async for steps in run for step in steps]
                    answers.append((steps, run.attempts))

            tasks.start_soon(ask)
            answer = node.played.open(await take_work(node))
            await node.say(answer.reply())
            if not stream:
                await node.say(answer.data(Choice(text="half")))
            await club.add("second", ScriptedBackend(say("rescued")))
            await node.stream.aclose()

        ((steps, attempts),) = answers
        assert attempts == 2
        assert not any(step.text == "half" for step in steps)
        assert steps[-1].finish_reason == "stop"
