"""What `test_executor` does not show of an answer on its way out."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from clubai.agent.intake import Admitted
from clubai.agent.reply import SAID_OF_FAILURES, Reply
from clubai.crypto.agreement import sketch
from clubai.crypto.attestation import Commitment, Finish, read_attestation
from clubai.crypto.identity import Identity
from clubai.errors import ConnectionLost
from clubai.model import RETRY_ELSEWHERE, FailCode
from clubai.protocol.assignment import decode_assignment
from clubai.protocol.codec import decode_from_node
from clubai.protocol.messages import FromNode, TaskFail, TaskReply, TaskResult
from clubai.protocol.records import COMPARE, Choice, RecordType
from clubai.transport.memory import memory_pair
from clubai.transport.postbox import Postbox
from support.scripted_backend import USAGE
from support.sealed_peers import NOW_MS, PlayedClient, PlayedNode, made_offer

NODE, CLIENT = PlayedNode(), PlayedClient()


def admitted(flags: int = 0) -> tuple[Admitted, object]:
    offer = made_offer(Identity.generate(), CLIENT.request(), NODE.keys, task=b"t" * 16)
    sealed = CLIENT.take(offer, flags=flags)
    (part,) = decode_assignment(offer.body).parts
    return Admitted(part, NODE.open(sealed.assign, begin=False).seal), sealed


def reply_on(postbox: Postbox, *, flags: int = 0) -> Reply:
    door, _ = admitted(flags)
    return Reply(
        door,
        task=b"t" * 16,
        identity=NODE.identity,
        postbox=postbox,
        wall_ms=lambda: NOW_MS,
    )


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("stop", Finish.STOP),
        ("length", Finish.LENGTH),
        ("tool_calls", Finish.TOOL_CALLS),
        ("content_filter", Finish.CONTENT_FILTER),
        ("function_call", Finish.OTHER),
    ],
)
async def test_the_finish_that_is_signed_is_the_first_choices(
    reason: str, finish: Finish
) -> None:
    here, there = memory_pair(buffer=100)
    async with here, there:
        reply = reply_on(Postbox(here))
        reply.note(Choice(finish_reason=reason))
        reply.note(Choice(index=1, finish_reason="stop"))
        await reply.finish(USAGE)
        messages = [decode_from_node(await there.receive()) for _ in range(3)]
    result = messages[-1]

    assert isinstance(result, TaskResult)
    assert read_attestation(result.body).finish is finish


async def test_a_long_answer_is_sketched_beside_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = []

    def noted(key: bytes, text: str) -> bytes:
        threads.append(threading.get_ident())
        return sketch(key, text)

    monkeypatch.setattr("clubai.agent.reply.sketch", noted)
    here, there = memory_pair(buffer=100)
    async with here, there:
        await reply_on(Postbox(here), flags=COMPARE).finish(USAGE)
        messages = [decode_from_node(await there.receive()) for _ in range(3)]

    assert isinstance(messages[-1], TaskResult)
    assert any(messages[-1].sketch)
    assert len(threads) == 1
    assert threads != [threading.get_ident()]


async def test_what_is_signed_is_what_was_sent_and_how_long_it_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("clubai.agent.reply.anyio.current_time", lambda: now[0])
    door, sealed = admitted()
    here, there = memory_pair(buffer=100)
    async with here, there:
        reply = Reply(
            door,
            task=b"t" * 16,
            identity=NODE.identity,
            postbox=Postbox(here),
            wall_ms=lambda: NOW_MS,
        )
        now[0] += 0.25
        reply.first()
        now[0] += 1
        reply.first()
        reply.data(b"one\n")
        reply.data(b"two\n")
        await reply.finish(USAGE)
        messages = [decode_from_node(await there.receive()) for _ in range(5)]
    begun, *_, result = messages
    assert isinstance(begun, TaskReply)
    assert isinstance(result, TaskResult)
    said = read_attestation(result.body)
    commitment = Commitment(sealed.seal.open_reply(begun.hdr).out_key)  # type: ignore[attr-defined]
    commitment.update(b"one\ntwo\n")

    assert said.out_commit == commitment.digest()
    assert (said.ttft_ms, said.total_ms, said.records) == (250, 1250, 3)
    assert (reply.first_ms, reply.elapsed_ms) == (250, 1250)


async def test_it_counts_the_steps_and_has_a_usage_once_it_is_sent() -> None:
    here, there = memory_pair(buffer=100)
    async with here, there:
        reply = reply_on(Postbox(here))
        for index in (0, 1, 0):
            reply.note(Choice(index=index))
        assert (reply.pieces, reply.usage) == (3, None)

        await reply.finish(USAGE)

        assert reply.usage is USAGE


async def test_an_answer_that_could_not_be_sent_has_no_usage() -> None:
    here, there = memory_pair()
    await there.aclose()
    async with here:
        reply = reply_on(Postbox(here))
        with pytest.raises(ConnectionLost):
            await reply.finish(USAGE)

    assert reply.usage is None


async def test_a_lost_connection_is_said_at_once() -> None:
    here, there = memory_pair()
    await there.aclose()
    async with here:
        reply = reply_on(Postbox(here))
        with pytest.raises(ConnectionLost):
            reply.data(b"x\n")


async def test_what_a_backend_says_is_sealed_even_when_nothing_was_sent() -> None:
    here, there = memory_pair(buffer=100)
    door, sealed = admitted()
    async with here, there:
        reply = Reply(
            door,
            task=b"t" * 16,
            identity=NODE.identity,
            postbox=Postbox(here),
            wall_ms=lambda: NOW_MS,
        )
        reply.fail(FailCode.BACKEND, "it quotes SECRET")
        message: FromNode = decode_from_node(await there.receive())

    assert isinstance(message, TaskFail)
    assert message.message == SAID_OF_FAILURES[FailCode.BACKEND]
    ((type_, words),) = sealed.opened([message])  # type: ignore[attr-defined]
    assert type_ is RecordType.ERROR
    assert b"SECRET" in words


def test_there_are_general_words_for_what_backends_report(tmp_path: Path) -> None:
    from_backends = RETRY_ELSEWHERE - {
        FailCode.NODE_LOST,
        FailCode.KEY_STALE,
        FailCode.OPEN_FAILED,
    }
    assert set(SAID_OF_FAILURES) >= from_backends
