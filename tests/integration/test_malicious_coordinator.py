"""A coordinator that lies to real clients and real agents, one lie at a time.

It has the coordinator's signing key. Whoever is lied to notices, says so with a code of
its own, and hangs nowhere; and when the coordinator is honest again, all goes on.

| what the coordinator does | who notices | code |
|---|---|---|
| other keys under a node's id | client, before it seals | `BAD_BUNDLE` |
| keys that the node did not sign | client, before it seals | `BAD_BUNDLE` |
| a node of its own that is not in the log | client, before it seals | `NOT_IN_LOG` |
| a node of its own, where the member pinned others | client | `NOT_PINNED` |
| older keys of a node that is known | client, before it seals | `EPOCH_ROLLBACK` |
| another model, limit or kind in the assignment | client | `WRONG_ASSIGNMENT` |
| the assignment of another task | client | `WRONG_ASSIGNMENT` |
| an assignment that is not signed by the pinned key | client | `BAD_ASSIGNMENT` |
| an assignment of long ago | client, before it seals | `EXPIRED` |
| the same attempt a second time | client, before it seals | `REPLAYED` |
| another log than the one that was seen | client, before it seals | `LOG_FORK` |
| two logs to two clients | whoever compares them | `LOG_FORK` |
| another model towards the node | agent: it does not open | `OPEN_FAILED` |
| the request to another node | agent of that node | `WRONG_ASSIGNMENT` |
| an assignment to the node that it did not sign | agent | `BAD_ASSIGNMENT` |
| an assignment to an earlier process of the node | agent | `STALE_BOOT` |
| the sealed request a second time | agent; it runs once | `REPLAYED` |
| an altered record of the request | agent | `BAD_RECORD` |
| records of the answer in another order | client | `OUT_OF_ORDER` |
| a record of the answer twice, or one left out | client | `OUT_OF_ORDER` |
| an answer without its beginning | client | `OUT_OF_ORDER` |
| an altered record of the answer | client | `BAD_RECORD` |
| the answer cut short, or without its final record | client | `TRUNCATED` |
| a record that is made the final one | client | `BAD_RECORD` |
| the request's own records as the answer | client | `BAD_RECORD` |
| keys of its own for the answer | client | `OPEN_FAILED` |
| an altered attestation, another node's, an earlier one | client | `BAD_ATTESTATION` |
| altered words of a failure | client: it leaves them out | none |
| another signing key on the next connection | client, agent | `COORDINATOR_CHANGED` |
| another version of the protocol | client, agent | close code 4001 |

What it can do and nobody can tell from bad luck: drop, delay, refuse, fail a task, and
send it to a node of its own that is in the log (unless the member's policy says no).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path

import anyio
import msgspec
import pytest
from msgspec.structs import replace

from clubai.client import Client
from clubai.client.pins import Pins
from clubai.client.remembered import Policy
from clubai.coordinator.keylog import KeyLog
from clubai.crypto.attestation import VerdictValue, read_verdict
from clubai.crypto.checkpoint import read_checkpoint
from clubai.crypto.identity import Identity
from clubai.errors import (
    BackendError,
    RemoteProtocolError,
    TaskError,
    TaskFailed,
    TrustError,
)
from clubai.model import FailCode, TrustCode
from clubai.protocol.codec import decode_from_client, encode
from clubai.protocol.messages import (
    CloseCode,
    Message,
    TaskAssign,
    TaskFail,
    TaskOffer,
    TaskRecord,
    TaskVerdict,
    Welcome,
)
from clubai.protocol.records import FLUSH_BYTES, Choice
from clubai.storage import MemoryStore
from support.liar import Change, Liar, LiedToNode, honest, lying_club
from support.lies import (
    ANSWERS,
    BEFORE_SEALING,
    TO_NODES,
    Lie,
    flipped,
    offered_twice,
    only,
)
from support.scripted_backend import USAGE, ScriptedBackend, say, stop
from support.sealed_peers import PlayedNode

VERDICTS = {TrustCode.TRUNCATED: VerdictValue.TRUNCATED}
PROMPT, ANSWER = "Where is the treasure?", "under the old oak"


def answering() -> ScriptedBackend:
    return ScriptedBackend(say("under ", "the ", "old ", "oak"))


async def ask(client: Client) -> str:
    """A streamed answer: its records are passed on as they come."""
    with anyio.fail_after(10):
        async with client.stream(PROMPT, model="m", wait_s=0.2) as pieces:
            return "".join([piece async for piece in pieces])


async def refused(client: Client) -> TrustCode:
    with pytest.raises(TrustError) as caught:
        await ask(client)
    return caught.value.code


# --- what it says of nodes and assignments, before anything is sealed


@pytest.mark.parametrize(
    ("lie", "code"), BEFORE_SEALING.values(), ids=list(BEFORE_SEALING)
)
async def test_a_lie_about_the_node_or_the_task_ends_before_anything_is_sealed(
    tmp_path: Path, lie: Lie, code: TrustCode
) -> None:
    async with lying_club(tmp_path) as liar:
        node = await liar.add_node("attic", answering())
        async with liar.client() as client:
            assert await ask(client) == ANSWER
            sealed = len(liar.said_by_client(TaskRecord))

            liar.to_client = lie(liar, node)
            assert await refused(client) is code
            if lie is not offered_twice:  # the first of the two was honest
                assert len(liar.said_by_client(TaskRecord)) == sealed
                assert liar.said_by_client(TaskVerdict) == [], "the node did nothing"

            liar.be_honest()
            assert await ask(client) == ANSWER


async def test_the_assignment_of_another_task_is_refused(tmp_path: Path) -> None:
    async with lying_club(tmp_path) as liar:
        await liar.add_node("attic", answering())
        earlier: list[TaskOffer] = []

        def again(message: Message) -> Iterable[Message]:
            if not isinstance(message, TaskOffer):
                return [message]
            earlier.append(message)
            if len(earlier) == 1:
                return [message]
            old = earlier[0]
            return [replace(message, task=old.task, body=old.body, sig=old.sig)]

        async with liar.client() as client:
            liar.to_client = again
            assert await ask(client) == ANSWER
            assert await refused(client) is TrustCode.WRONG_ASSIGNMENT
            liar.be_honest()
            assert await ask(client) == ANSWER


async def test_a_node_of_its_own_is_not_asked_where_others_are_pinned(
    tmp_path: Path,
) -> None:
    async with lying_club(tmp_path) as liar:
        own = await liar.add_node("mallory", answering())
        async with liar.client(policy=Policy(pinned=True)) as client:
            assert await refused(client) is TrustCode.NOT_PINNED
        assert own.backend.asked == []
        async with liar.client() as client:  # who trusts all nodes asks it
            assert await ask(client) == ANSWER


# --- two logs


async def another_log(liar: Liar, *nodes: PlayedNode) -> KeyLog:
    real = liar.club.coordinator.keylog
    log = await KeyLog.open(MemoryStore(), liar.identity, real.origin, lambda: 0.0)
    for node in nodes:
        await log.append_bundle(node.bundle.body, node.bundle.sig)
    return log


async def test_two_logs_are_found_out_by_whoever_compares_them(tmp_path: Path) -> None:
    async with lying_club(tmp_path) as liar:
        node = await liar.add_node("attic", answering())
        honest_log = liar.club.coordinator.keylog
        alice, bob = Pins.in_memory(), Pins.in_memory()
        async with liar.client(pins=alice) as client:
            assert await ask(client) == ANSWER

        # Bob is shown another one, in which the node is, too: he cannot know.
        other = await another_log(liar, PlayedNode())
        connection = liar.club.coordinator.driver.nodes[node.identity.node_id]
        bundle = connection.keys.bundle
        await other.append_bundle(bundle.body, bundle.sig)
        show_log(liar, other)
        async with liar.client(pins=bob) as client:
            assert await ask(client) == ANSWER

        # Each has what the coordinator signed; together it is a proof.
        signed = [pins.club.checkpoint for pins in (alice, bob)]
        assert signed == [
            read_checkpoint(log.checkpoint(), key=liar.identity.key)
            for log in (honest_log, other)
        ]
        async with liar.client(pins=alice) as client:
            assert await refused(client) is TrustCode.LOG_FORK
            assert await refused(client) is TrustCode.LOG_FORK
            show_log(liar, honest_log)
            assert await ask(client) == ANSWER
        async with liar.client(pins=bob) as client:
            assert await refused(client) is TrustCode.LOG_FORK


def show_log(liar: Liar, log: KeyLog) -> None:
    coordinator = liar.club.coordinator
    coordinator.keylog = log
    coordinator.driver._assigner._checkpoint = log.checkpoint


# --- what it does with the sealed answer


@pytest.mark.parametrize(("lie", "code"), ANSWERS.values(), ids=list(ANSWERS))
async def test_an_answer_that_was_tampered_with_is_an_error(
    tmp_path: Path, lie: Lie, code: TrustCode
) -> None:
    """And the coordinator is told so, signed with the task's own key."""
    async with lying_club(tmp_path) as liar:
        node = await liar.add_node("attic", in_pieces())
        async with liar.client() as client:
            assert await ask(client) == ANSWER

            liar.to_client = lie(liar, node)
            assert await refused(client) is code
            liar.be_honest()
            assert await ask(client) == ANSWER
            assert not client.lost
        (complaint,) = liar.said_by_client(TaskVerdict)
        verdict = read_verdict(complaint.body)
        assert verdict.node == node.identity.node_id
        expected = VERDICTS.get(code, VerdictValue.UNDECRYPTABLE)
        assert verdict.value is expected


def in_pieces() -> ScriptedBackend:
    """An answer of several records: what is over `FLUSH_BYTES` leaves at once."""

    def padded(text: str) -> Choice:
        delta = {"content": text, "padding": "x" * FLUSH_BYTES}
        return Choice(delta=msgspec.Raw(msgspec.json.encode(delta)))

    words = ("under ", "the ", "old ", "oak")
    return ScriptedBackend(lambda _: [*map(padded, words), stop(), USAGE])


async def test_altered_words_of_a_failure_are_left_out(tmp_path: Path) -> None:
    quoting = f"cannot say {PROMPT!r}"
    backend = ScriptedBackend(lambda _: [BackendError(FailCode.BAD_REQUEST, quoting)])
    async with lying_club(tmp_path) as liar:
        await liar.add_node("attic", backend)
        async with liar.client() as client:
            assert quoting in await failure(client)

            def alter(fail: TaskFail) -> Iterable[Message]:
                assert PROMPT.encode() not in fail.sealed
                return [replace(fail, sealed=flipped(fail.sealed, 120))]

            liar.to_client = only(TaskFail, alter)
            said = await failure(client)
            assert PROMPT not in said
            assert said == "the node's model server refused the request"
            assert liar.said_by_client(TaskVerdict) == [], "nobody can be blamed"

            liar.be_honest()
            assert quoting in await failure(client)


async def failure(client: Client) -> str:
    with pytest.raises(TaskError) as caught:
        await ask(client)
    assert caught.value.code is FailCode.BAD_REQUEST
    return caught.value.message


# --- what it does to the node


@pytest.mark.parametrize(("lie", "code", "told"), TO_NODES.values(), ids=list(TO_NODES))
async def test_a_lie_to_a_node_is_refused_and_runs_nothing(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    lie: Callable[[Liar], Change],
    code: str,
    told: FailCode,
) -> None:
    """The owner reads it in the agent's log, the coordinator is told what it may know,
    and whoever asked gets an error."""
    caplog.set_level(logging.WARNING, "clubai.agent")
    async with lying_club(tmp_path) as liar:
        node = await liar.add_node("attic", answering())
        async with liar.client() as client:
            assert await ask(client) == ANSWER
            liar.to_node = lie(liar)
            with pytest.raises(TaskError) as caught:
                await ask(client)
            assert not isinstance(caught.value, TrustError)
            assert len(node.backend.asked) == 1, "only the honest one ran"
            fails = [fail.code for fail in liar.said_by_node(TaskFail)]
            assert fails
            assert set(fails) == {told}
            assert any(code in text for text in caplog.messages) or not code

            liar.be_honest()
            assert await ask(client) == ANSWER
            assert node.error is None


async def test_a_sealed_request_runs_once_however_often_it_comes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with lying_club(tmp_path) as liar:
        node = await liar.add_node("attic", answering())
        sealed: list[Message] = []

        def keep(message: Message) -> Iterable[Message]:
            if isinstance(message, (TaskAssign, TaskRecord)):
                sealed.append(message)
            return [message]

        def replay(message: Message) -> Iterable[Message]:
            return [*sealed, message] if isinstance(message, TaskAssign) else [message]

        async with liar.client() as client:
            liar.to_node = keep
            assert await ask(client) == ANSWER
            liar.to_node = replay
            assert await ask(client) == ANSWER, "the other request is not in its way"

        assert len(node.backend.asked) == 2
        (fail,) = liar.said_by_node(TaskFail)
        first = sealed[0]
        assert isinstance(first, TaskAssign)
        assert (fail.task, fail.code) == (first.task, FailCode.OPEN_FAILED)
        assert any("came before" in text for text in caplog.messages)


async def test_a_request_that_is_sent_to_another_node_does_not_run_there(
    tmp_path: Path,
) -> None:
    """The coordinator's own node gets what was sealed to the member's choice."""
    async with lying_club(tmp_path) as liar:
        attic = await liar.add_node("attic", answering())
        assigns: list[Message] = []

        def take(message: Message) -> Iterable[Message]:
            if isinstance(message, (TaskAssign, TaskRecord)):
                assigns.append(message)
                return []
            return [message]

        async with liar.client() as client:
            liar.to_node = take
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(quietly, client)
                while len(assigns) < 2:
                    await anyio.lowlevel.checkpoint()
                liar.to_node = honest
                own = await liar.add_node("mallory", answering())
                connection = liar.club.coordinator.driver.nodes[own.identity.node_id]
                for message in assigns:
                    connection.postbox.post(encode(message))
                while not liar.said_by_node(TaskFail):
                    await anyio.lowlevel.checkpoint()
                tasks.cancel_scope.cancel()
        assert own.backend.asked == attic.backend.asked == []


async def quietly(client: Client) -> None:
    try:
        await ask(client)
    except (TaskFailed, TimeoutError):
        pass


# --- who it says that it is


async def test_another_signing_key_is_refused_by_whoever_knows_the_first(
    tmp_path: Path,
) -> None:
    async with lying_club(tmp_path) as liar:
        node = await liar.add_node("attic", answering())
        pins = Pins.load(tmp_path / "pins.json")
        async with liar.client(pins=pins) as client:
            assert await ask(client) == ANSWER

        mallory = Identity.generate()
        swap = only(Welcome, lambda welcome: [replace(welcome, key=mallory.key)])
        liar.to_client = liar.to_node = swap
        with pytest.raises(TrustError) as caught:
            async with liar.client(pins=Pins.load(tmp_path / "pins.json")):
                pass
        assert caught.value.code is TrustCode.COORDINATOR_CHANGED

        before = len(liar.from_node)
        await liar.reconnect(node)
        assert isinstance(node.error, TrustError)
        assert node.error.code is TrustCode.COORDINATOR_CHANGED
        assert len(liar.from_node) == before + 1, "nothing after its HELLO"

        liar.be_honest()
        await liar.add_node("attic", answering(), identity=node.identity)
        async with liar.client(pins=Pins.load(tmp_path / "pins.json")) as client:
            assert await ask(client) == ANSWER


@pytest.mark.parametrize("version", [0, 2, 99])
async def test_another_version_of_the_protocol_is_refused(
    tmp_path: Path, version: int
) -> None:
    """There is no older version to be talked into."""
    async with lying_club(tmp_path) as liar:
        other = only(Welcome, lambda welcome: [replace(welcome, version=version)])
        liar.to_client = liar.to_node = other
        with pytest.raises(RemoteProtocolError) as caught:
            async with liar.client():
                pass
        assert caught.value.code == CloseCode.VERSION
        node = await liar.reconnect(
            LiedToNode("attic", answering(), Identity.generate())
        )
        assert isinstance(node.error, RemoteProtocolError)
        assert node.error.code == CloseCode.VERSION
        assert len(liar.from_client) == len(liar.from_node) == 1, "only their HELLO"


async def test_no_frame_of_a_client_has_the_prompt_or_the_answer(
    tmp_path: Path,
) -> None:
    """Whatever happens to its requests: no message of the protocol can carry it."""
    async with lying_club(tmp_path) as liar:
        node = await liar.add_node("attic", in_pieces())
        async with liar.client() as client:
            assert await ask(client) == ANSWER
            assert (await client.ask(PROMPT, model="m")).text == ANSWER
            for lie, _ in ANSWERS.values():
                liar.to_client = lie(liar, node)
                await refused(client)
            for tell, _, _ in TO_NODES.values():
                liar.be_honest()
                liar.to_node = tell(liar)
                with pytest.raises(TaskError):
                    await ask(client)
            liar.be_honest()
            assert await ask(client) == ANSWER

        kinds = {type(decode_from_client(frame)) for frame in liar.from_client}
        assert {TaskAssign, TaskRecord, TaskVerdict} <= kinds
        for frame in (*liar.from_client, *liar.from_node):
            for text in ("treasure", "oak", "under"):
                assert text.encode() not in frame
