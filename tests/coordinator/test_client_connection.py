from __future__ import annotations

from pathlib import Path

import anyio
import msgspec
import pytest
from msgspec.structs import replace

from clubai.client import Job
from clubai.coordinator.client_connection import MAX_OPEN_REQUESTS
from clubai.coordinator.grants import CLUB, Grants, Member
from clubai.core.events import Event, TaskRequested
from clubai.errors import StorageError, TaskRejected
from clubai.model import ClubSnapshot, FailCode, NodeId, node_text
from clubai.protocol.codec import decode_value
from clubai.protocol.messages import (
    CloseCode,
    ClubAnswer,
    ClubQuery,
    ClubUnwatch,
    ClubWatch,
    Goodbye,
    Hello,
    Message,
    Notice,
    TaskCancel,
    TaskFail,
    TaskOffer,
    TaskRecord,
)
from clubai.storage import MemoryStore
from clubai.storage.keylog import KeyLogRow
from support.memory_club import ALICE, BOB, MemoryClub, memory_club
from support.raw_peers import RawClient
from support.scripted_backend import ScriptedBackend, say
from support.sealed_peers import PlayedClient


def raw(club: MemoryClub, **settings: object) -> RawClient:
    return RawClient(club.connect_raw(node=False, **settings))  # type: ignore[arg-type]


async def test_a_member_asks_and_is_answered(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club, club.client(BOB) as client:
        await club.add("attic", ScriptedBackend(say("hel", "lo")))

        answer = await client.ask("Q", model="m")

        assert answer.text == "hello"
        assert [node.name for node in answer.nodes] == ["attic"]
        (task,) = club.coordinator.driver.machine.tasks()
        assert (task.member, task.state) == (BOB.id, "done")


@pytest.mark.parametrize(
    ("member", "check"), [(ALICE, False), (BOB, False), (CLUB, True)]
)
async def test_only_what_the_club_itself_asks_is_a_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, member: Member, check: bool
) -> None:
    async with memory_club(tmp_path) as club, club.client(member) as client:
        await club.add("attic")
        driver, posted = club.coordinator.driver, []
        post = driver.post

        def seen(event: Event) -> bool:
            posted.append(event)
            return post(event)

        monkeypatch.setattr(driver, "post", seen)
        await client.ask("Q", model="m")

    requests = [event for event in posted if isinstance(event, TaskRequested)]
    assert [request.check for request in requests] == [check]


async def test_an_unknown_model_is_refused_with_those_there_are(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club, club.client() as client:
        await club.add("attic", ScriptedBackend(models=("known-model",)))

        with pytest.raises(TaskRejected) as caught:
            await client.ask("Q", model="nope")

        assert caught.value.code == FailCode.UNKNOWN_MODEL
        assert "known-model" in caught.value.message


async def test_a_reason_fits_its_message_however_long_the_names_are(
    tmp_path: Path,
) -> None:
    async with memory_club(tmp_path) as club, club.client() as client:
        names = [f"{number:03}-{'x' * 250}" for number in range(30)]
        await club.add("attic", ScriptedBackend(models=names))

        with pytest.raises(TaskRejected) as caught:
            await client.ask("Q", model="nope")

        assert caught.value.code == FailCode.UNKNOWN_MODEL
        assert not client.lost


async def test_leaving_an_answer_reaches_the_backend(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club, club.client() as client:
        never = anyio.Event()
        backend = ScriptedBackend(lambda _: [*say("a")({})[:1], never])
        await club.add("attic", backend)

        async with client.stream("Q", model="m") as stream:
            async for _ in stream:
                break

        with anyio.fail_after(5):
            await backend.stopped.wait()
        while not club.coordinator.driver.machine.idle:
            await club.coordinator.driver.changed.wait()
        assert backend.running == 0


async def test_a_client_that_goes_takes_its_tasks_with_it(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        backend = ScriptedBackend(lambda _: [anyio.Event()])
        await club.add("attic", backend)
        client = await raw(club).greet()
        await client.say(CLIENT.request(1))
        offer = await client.hear()
        assert isinstance(offer, TaskOffer)
        sealed = CLIENT.take(offer)
        for message in (sealed.assign, *sealed.records):
            await client.say(message)
        with anyio.fail_after(5):
            await backend.started.wait()
            await client.stream.aclose()
            await backend.stopped.wait()


async def test_a_cancel_before_the_offer_works_by_ref(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        backend = ScriptedBackend(lambda _: [anyio.Event()], slots=1)
        await club.add("attic", backend)
        async with club.client() as other, other.run(job()) as run:
            with anyio.fail_after(5):
                while not run.task:
                    await run._step()
            client = await raw(club).greet()
            await client.say(CLIENT.request(9))
            notice = await client.hear()
            assert isinstance(notice, Notice)
            assert (notice.ref, notice.position) == (9, 1)
            await client.say(TaskCancel(ref=9))
            failed = await client.hear()
            assert isinstance(failed, TaskFail)
            assert (failed.ref, failed.code) == (9, FailCode.CANCELLED)


CLIENT = PlayedClient()


def job() -> Job:
    return Job(kind="chat", model="m", body={"messages": []})


async def test_nobody_cancels_or_feeds_anothers_task(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        backend = ScriptedBackend(lambda _: [anyio.Event()])
        await club.add("attic", backend)
        async with club.client() as client, client.run(job()) as run:
            with anyio.fail_after(5):
                while not run.task:
                    await run._step()
                await backend.started.wait()
            task = bytes.fromhex(run.task)
            stranger = await raw(club, member=BOB).greet()
            await stranger.say(TaskCancel(task=task))
            await stranger.say(TaskRecord(task=task, seq=1, ct=b"\0\0\0\0\0"))
            assert (await stranger.goodbye()).code == CloseCode.NOT_YOURS
            assert not backend.stopped.is_set()


async def test_an_assignment_that_differs_from_its_offer_is_refused(
    tmp_path: Path,
) -> None:
    async with memory_club(tmp_path) as club:
        await club.add("attic")
        client = await raw(club).greet()
        await client.say(CLIENT.request(1, max_tokens=10))
        offer = await client.hear()
        assert isinstance(offer, TaskOffer)
        changed = replace(CLIENT.take(offer).assign, body=offer.body + b"\0")
        await client.say(changed)

        assert (await client.goodbye()).code == CloseCode.BAD_MESSAGE


@pytest.mark.parametrize("ref", [0, 1])
async def test_a_ref_is_used_once_at_a_time(ref: int, tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        backend = ScriptedBackend(lambda _: [anyio.Event()])
        await club.add("attic", backend)
        client = await raw(club).greet()
        await client.say(CLIENT.request(1))
        assert isinstance(await client.hear(), TaskOffer)
        await client.say(CLIENT.request(ref))

        assert (await client.goodbye()).code == CloseCode.BAD_MESSAGE


async def test_a_connection_has_so_many_open_requests(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        client = await raw(club).greet()
        driver = club.coordinator.driver
        (connection,) = driver.clients.values()
        connection._open = dict.fromkeys(range(1, MAX_OPEN_REQUESTS + 1), b"t" * 16)  # type: ignore[assignment]
        await client.say(CLIENT.request(5000))

        failed = await client.hear()

        assert isinstance(failed, TaskFail)
        assert failed.code == FailCode.RATE_LIMITED


async def test_a_member_sees_only_their_own_tasks(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        await club.add("attic")
        async with club.client(ALICE) as alice, club.client(BOB) as bob:
            await alice.ask("Q", model="m")
            await bob.ask("Q", model="m")

            assert len((await alice.snapshot()).tasks) == 2  # she is the operator
            (task,) = (await bob.snapshot()).tasks
            assert task.member == BOB.id


async def test_a_watch_gives_a_snapshot_now_and_after_a_change(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club, club.client() as client:
        with anyio.fail_after(10):
            async with client.watch(interval_s=0.05) as snapshots:
                assert (await anext(snapshots)).nodes == ()
                await club.add("attic")
                async for snapshot in snapshots:
                    if snapshot.nodes:
                        break

        assert snapshot.nodes[0].name == "attic"


async def test_an_ended_watch_says_no_more(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        client = await raw(club).greet()
        await client.say(ClubWatch(ref=3, interval_s=0.05))
        answer = await client.hear()
        assert isinstance(answer, ClubAnswer)
        assert decode_value(answer.body, ClubSnapshot).nodes == ()
        await client.say(ClubUnwatch(ref=3))
        await client.say(ClubQuery(ref=4, what="account"))
        answered = await client.hear()
        assert isinstance(answered, ClubAnswer)
        assert answered.ref == 4
        await club.add("attic")
        await client.say(ClubQuery(ref=5, what="models"))
        last = await client.hear()
        assert isinstance(last, ClubAnswer)
        assert last.ref == 5


@pytest.mark.parametrize(
    "said",
    [
        ClubQuery(ref=1, what="the weather"),
        Hello(versions=(1,)),
        b"\x93\x01\x02\x03",
        b"\x91" * 5000,
    ],
)
async def test_nonsense_ends_the_connection_with_a_reason(
    said: Message | bytes, tmp_path: Path
) -> None:
    async with memory_club(tmp_path) as club:
        client = await raw(club).greet()
        await client.say(said)

        goodbye = await client.goodbye()

        assert (goodbye.code, bool(goodbye.reason)) == (CloseCode.BAD_MESSAGE, True)


async def test_whoever_says_nothing_is_sent_away(tmp_path: Path) -> None:
    async with memory_club(tmp_path, login_s=0.02) as club:
        assert (await raw(club).goodbye()).code == CloseCode.LOGIN_LATE


def holder(**grants: object) -> Member:
    """Bob, by an API key."""
    return msgspec.structs.replace(
        BOB,
        grants=Grants(key_id="abcd1234", login=False, **grants),  # type: ignore[arg-type]
    )


async def test_a_request_is_held_to_the_keys_grants(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        await club.add("attic", ScriptedBackend(models=("m", "n")))
        embedder = holder(scopes=("embed",))
        narrow = holder(models=tuple(letter * 256 for letter in "abcdefgh"))
        for member, said in ((embedder, "no scope chat"), (narrow, "and others")):
            async with club.client(member) as client:
                with pytest.raises(TaskRejected, match=said) as caught:
                    await client.ask("Q", model="m")
                assert caught.value.code == FailCode.NOT_ALLOWED
                assert caught.value.retry_after is None
                assert not client.lost
        assert club.coordinator.driver.machine.tasks() == ()


async def test_a_task_remembers_its_key(tmp_path: Path) -> None:
    store = MemoryStore()
    async with memory_club(tmp_path, store=store) as club:
        await club.add("attic")
        for member in (holder(), BOB):
            async with club.client(member) as client:
                await client.ask("Q", model="m")

        assert [row.key_id for row in await store.tasks(limit=9)] == ["", "abcd1234"]


async def test_what_a_key_does_not_show_is_refused_and_nothing_ends(
    tmp_path: Path,
) -> None:
    async with memory_club(tmp_path) as club:
        client = await raw(club, member=holder(scopes=("chat",))).greet()
        for message in (ClubQuery(ref=1, what="snapshot"), ClubWatch(ref=1)):
            await client.say(message)
            refused = await client.hear()
            assert isinstance(refused, TaskFail)
            assert (refused.ref, refused.code) == (1, FailCode.NOT_ALLOWED)
        await client.say(ClubQuery(ref=2, what="account"))
        assert isinstance(await client.hear(), ClubAnswer)


async def test_the_models_of_a_key_are_the_ones_that_it_is_for(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        await club.add("attic", ScriptedBackend(models=("m", "n")))
        async with club.client(holder(models=("n", "o"))) as client:
            assert [model.name for model in await client.models()] == ["n"]


class LostLog(MemoryStore):
    """Its key log cannot be read any more, once that is so."""

    lost = False

    async def key_log(self, start: int, count: int) -> list[KeyLogRow]:
        if self.lost:
            raise StorageError("clubai.db", "disk I/O error")
        return await super().key_log(start, count)

    async def key_log_of(self, node: NodeId, *, newest: int) -> list[KeyLogRow]:
        if self.lost:
            raise StorageError("clubai.db", "disk I/O error")
        return await super().key_log_of(node, newest=newest)


async def test_a_key_log_that_cannot_be_read_ends_who_asks_and_nobody_else(
    tmp_path: Path,
) -> None:
    store = LostLog()
    async with memory_club(tmp_path, store=store) as club:
        node = await club.add("attic")
        asking, other = await raw(club).greet(), await raw(club).greet()
        store.lost = True
        path = f"node/{node_text(node.identity.node_id)}"
        await asking.say(ClubQuery(ref=1, what="log", path=path))

        ended = await asking.hear()
        assert isinstance(ended, Goodbye)
        assert ended.code == CloseCode.GOING_AWAY
        await other.say(ClubQuery(ref=2, what="models"))
        assert isinstance(await other.hear(), ClubAnswer)
