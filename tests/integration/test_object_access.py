"""What is one member's is not another's: tasks, verdicts, comparisons, nodes, keys.

A stranger, an operator included, who knows every id still cannot see, feed, cancel or
judge another member's task.
"""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from msgspec.structs import replace

from clubai.client import Client, Job
from clubai.client.run import Run
from clubai.crypto.attestation import Verdict, VerdictValue
from clubai.crypto.bundles import countersign
from clubai.crypto.identity import Identity
from clubai.crypto.keytext import key_text
from clubai.model import MemberId, node_nickname, node_text
from clubai.protocol.codec import decode_value
from clubai.protocol.messages import (
    CloseCode,
    ClubAnswer,
    ClubQuery,
    TaskCancel,
    TaskFail,
    TaskOffer,
    TaskResult,
    TaskTags,
    TaskVerdict,
)
from support.api_calls import api_club
from support.memory_club import ALICE, BOB, MemoryClub, memory_club
from support.node_calls import b64
from support.raw_peers import RawClient
from support.scripted_backend import ScriptedBackend, say
from support.sealed_peers import PlayedClient

JOB = Job(kind="chat", model="m", body={"messages": []})


def waiting() -> ScriptedBackend:
    return ScriptedBackend(lambda _: [anyio.Event()])


async def greeted(club: MemoryClub, member: object = BOB) -> RawClient:
    stream = club.connect_raw(node=False, member=member)  # type: ignore[arg-type]
    return await RawClient(stream).greet()


async def offered(run: Run, backend: ScriptedBackend) -> bytes:
    with anyio.fail_after(5):
        while not run.task:
            await run._step()
        await backend.started.wait()
    return bytes.fromhex(run.task)


async def is_served(stranger: RawClient) -> bool:
    """Whether the connection lives, and nothing else came on it before."""
    await stranger.say(ClubQuery(ref=99, what="account"))
    answer = await stranger.hear()
    return isinstance(answer, ClubAnswer) and answer.ref == 99


def verdict(task: bytes, key: Identity, th: bytes, node: bytes) -> TaskVerdict:
    body = Verdict(
        th=th,
        node=node,  # type: ignore[arg-type]
        attestation_hash=bytes(32),
        value=VerdictValue.USELESS,
        score_milli=0,
        now_ms=1,
    ).encode()
    return TaskVerdict(task=task, body=body, sig=key.sign(body))


@pytest.mark.parametrize("member", [ALICE, BOB], ids=["an operator", "a member"])
async def test_nobody_judges_anothers_task(tmp_path: Path, member: object) -> None:
    """Not even with the task's own key, and whether the task is there is not told."""
    async with memory_club(tmp_path) as club:
        backend = waiting()
        node = await club.add("attic", backend)
        carol = replace(BOB, id=MemberId("m_carol"), name="carol")
        player, carols = PlayedClient(), await greeted(club, carol)
        await carols.say(player.request())
        offer = await carols.hear()
        assert isinstance(offer, TaskOffer)
        sealed = player.take(offer)
        for message in (sealed.assign, *sealed.records):
            await carols.say(message)
        with anyio.fail_after(5):
            await backend.started.wait()

        stranger = await greeted(club, member)
        key, th = player.verdict_key, sealed.seal.th
        for task in (offer.task, b"u" * 16):
            for signer in (key, Identity.generate()):
                await stranger.say(verdict(task, signer, th, node.id))
        assert await is_served(stranger)
        assert not club.coordinator.driver.evidence.unstored
        assert await club.coordinator.store.verdicts(limit=9) == []

        await carols.say(verdict(offer.task, key, th, node.id))
        assert await is_served(carols)
        with anyio.fail_after(5):
            while not (told := await club.coordinator.store.verdicts(limit=9)):
                await anyio.lowlevel.checkpoint()
        assert [(row.task, row.member) for row in told] == [(offer.task, carol.id)]


async def test_nobody_takes_anothers_offer_or_feeds_their_task(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        await club.add("attic", waiting())
        player, bob = PlayedClient(), await greeted(club)
        await bob.say(player.request())
        offer = await bob.hear()
        assert isinstance(offer, TaskOffer)
        sealed = player.take(offer, b"{}")

        for stolen in (sealed.assign, sealed.records[0]):
            # Of the same member, on another connection: it is another client, too.
            stranger = await greeted(club, BOB)
            await stranger.say(stolen)
            assert (await stranger.goodbye()).code == CloseCode.NOT_YOURS
        assert club.coordinator.driver.relay.find((offer.task, 0, 0)).th == b""  # type: ignore[arg-type, union-attr]

        await bob.say(sealed.assign)
        assert await is_served(bob)


@pytest.mark.parametrize("member", [ALICE, BOB], ids=["an operator", "the member"])
async def test_only_the_connection_that_asked_cancels(
    tmp_path: Path, member: object
) -> None:
    async with memory_club(tmp_path) as club:
        backend = waiting()
        await club.add("attic", backend)
        async with club.client(BOB) as client, client.run(JOB) as run:
            task = await offered(run, backend)
            stranger = await greeted(club, member)
            for cancel in (TaskCancel(task=task), TaskCancel(ref=run.ref)):
                await stranger.say(cancel)
            assert await is_served(stranger)
            (seen,) = club.coordinator.driver.machine.tasks()
            assert seen.state == "running"
            assert not backend.stopped.is_set()
        with anyio.fail_after(5):
            await backend.stopped.wait()


async def test_the_tags_of_a_group_go_to_whoever_asked_for_it(tmp_path: Path) -> None:
    """A stranger who calls a group the same joins nothing, and hears nothing."""
    async with memory_club(tmp_path) as club:
        await club.add("attic", ScriptedBackend(say("a"), slots=4))
        group = b"g" * 16
        alice, bob = PlayedClient(), PlayedClient()
        alices, bobs = await greeted(club, ALICE), await greeted(club, BOB)
        await answered(alice, alices, 1, group)
        await answered(bob, bobs, 1, group)
        assert await is_served(alices), "two tasks of two clients are no group"
        assert await is_served(bobs)

        await answered(alice, alices, 2, group)
        tags = await alices.hear()
        assert isinstance(tags, TaskTags)
        assert (len(tags.tags), tags.missing) == (2, 0)
        assert await is_served(bobs), "nothing of it came here"


async def answered(
    player: PlayedClient, client: RawClient, ref: int, group: bytes
) -> None:
    await client.say(player.request(ref, group=group, group_size=2))
    offer = await client.hear()
    assert isinstance(offer, TaskOffer)
    sealed = player.take(offer, b'{"messages":[]}')
    for message in (sealed.assign, *sealed.records):
        await client.say(message)
    while not isinstance(done := await client.hear(), TaskResult):
        assert not isinstance(done, TaskFail), done


@pytest.mark.parametrize(
    "path",
    [
        "",
        "../keys/coordinator.key",
        "/etc/passwd",
        "tile/0/../../clubai.db",
        "node/../checkpoint",
        "tile/entries/x999/999",
        "node/" + "a" * 52,
        "\0",
        "checkpoint/",
    ],
)
async def test_a_question_to_the_log_reads_the_log_and_nothing_else(
    tmp_path: Path, path: str
) -> None:
    async with memory_club(tmp_path) as club:
        await club.add("attic")
        bob = await greeted(club)
        await bob.say(ClubQuery(ref=1, what="log", path=path))
        answer = await bob.hear()
        assert isinstance(answer, ClubAnswer)
        assert decode_value(answer.body, bytes) == b""
        assert await is_served(bob)


async def test_what_a_member_is_shown_is_their_own(tmp_path: Path) -> None:
    """Snapshot and watch: no task of another member, whoever runs the node."""
    async with memory_club(tmp_path) as club:
        await club.add("attic", ScriptedBackend(say("a")), owner=BOB)
        async with club.client(ALICE) as alice, club.client(BOB) as bob:
            mine = await alice.ask("Q", model="m")
            theirs = await bob.ask("Q", model="m")
            assert await shown(bob) == {theirs.task}
            assert await shown(alice) == {mine.task, theirs.task}, "she is the operator"
            async with bob.watch(interval_s=0.05) as snapshots:
                with anyio.fail_after(5):
                    first = await anext(snapshots)
            assert {task.id for task in first.tasks} == {theirs.task}


async def shown(client: Client) -> set[str]:
    return {task.id for task in (await client.snapshot()).tasks}


async def test_over_http_anothers_node_is_not_countersigned_or_removed(
    tmp_path: Path,
) -> None:
    async with api_club(tmp_path) as api:
        root, bob, carol = [await api.join(name) for name in ("root", "bob", "carol")]
        node = await api.club.add("attic", owner=bob.member)
        mk = Identity.generate()
        body = {
            "key": key_text(mk.key),
            "sig": b64(countersign(mk, node.id)),
        }
        path = f"/api/nodes/{node_text(node.id)}/owner"
        for stranger in (root, carol):
            refused = await api.call("PUT", path, body, key=stranger.key)
            assert refused.status == 403
            assert api.coordinator.owners.own_sig(node.id) == b""
        removed = f"/api/enrolled/{node_nickname(node.id)}"
        assert (await api.call("DELETE", removed, key=carol.key)).status == 403
        assert not node.ended.is_set()
        assert (await api.call("PUT", path, body, key=bob.key)).status == 204
        assert api.coordinator.owners.own_sig(node.id) != b""
