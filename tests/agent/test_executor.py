from __future__ import annotations

from hashlib import sha256

import anyio
import msgspec
import pytest

from clubai.agent.executor import decode_request, execute
from clubai.agent.intake import Admitted
from clubai.agent.reply import Reply
from clubai.crypto.agreement import equality_tag, sketch
from clubai.crypto.attestation import Finish, read_attestation, verify_attestation
from clubai.crypto.identity import Identity
from clubai.errors import BackendError
from clubai.model import MAX_RECORD_DATA, FailCode
from clubai.protocol.assignment import decode_assignment
from clubai.protocol.codec import decode_from_node, encode
from clubai.protocol.messages import (
    FromNode,
    TaskFail,
    TaskRecord,
    TaskReply,
    TaskResult,
)
from clubai.protocol.records import (
    COMPARE,
    Choice,
    RecordType,
    decode_choices,
    decode_failure,
    text_of,
)
from clubai.transport.memory import memory_pair
from clubai.transport.postbox import Postbox
from support.scripted_backend import (
    USAGE,
    Answerer,
    ScriptedBackend,
    embeddings,
    say,
    stop,
    word,
)
from support.sealed_peers import NOW_MS, PlayedClient, PlayedNode, made_offer

TASK = b"t" * 16


class Assigned:
    """One request as it was admitted, and the client that can open the answer."""

    def __init__(self, *, head: int = 0, **fields: object) -> None:
        coordinator, self.node, client = (
            Identity.generate(),
            PlayedNode(),
            PlayedClient(),
        )
        request = client.request(**fields)
        offer = made_offer(coordinator, request, self.node.keys, task=TASK, attempt=1)
        self.sealed = client.take(offer, flags=head)
        answer = self.node.open(self.sealed.assign, begin=False)
        (part,) = decode_assignment(offer.body).parts
        self.admitted = Admitted(part, answer.seal)

    def reply(self, postbox: Postbox) -> Reply:
        return Reply(
            self.admitted,
            task=TASK,
            identity=self.node.identity,
            postbox=postbox,
            wall_ms=lambda: NOW_MS,
        )

    def opened(self, messages: list[FromNode]) -> list[tuple[RecordType, bytes]]:
        return self.sealed.opened(messages)

    def text(self, messages: list[FromNode]) -> str:
        records = self.opened(messages)
        assert records[-1][0] is RecordType.USAGE
        choices = [
            c for type_, content in records[:-1] for c in decode_choices(content)
        ]
        return "".join(map(text_of, choices))


async def run(
    answer: Answerer,
    assigned: Assigned | None = None,
    *,
    body: bytes = b"{}",
    timeout_s: float = 60,
) -> list[FromNode]:
    """Execute one assignment, and give every message that it sent."""
    assigned = assigned or Assigned()
    here, there = memory_pair(buffer=10_000)
    async with there:
        async with here:
            await execute(
                assigned.admitted.assigned,
                body,
                backend=ScriptedBackend(answer),
                reply=assigned.reply(Postbox(here)),
                timeout_s=timeout_s,
            )
        return [decode_from_node(frame) async for frame in there]


async def test_an_answer_is_reply_records_result() -> None:
    assigned = Assigned()
    messages = await run(say("Hel", "lo"), assigned)

    assert isinstance(messages[0], TaskReply)
    assert assigned.text(messages) == "Hello"
    result = messages[-1]
    assert isinstance(result, TaskResult)
    assert result.attempt == 1
    verify_attestation(assigned.node.identity.key, result.body, result.sig)
    said = read_attestation(result.body)
    assert (said.prompt_tokens, said.output_tokens) == (5, 2)
    assert said.records == sum(isinstance(m, TaskRecord) for m in messages)
    assert said.ttft_ms >= 1
    assert said.finish is Finish.STOP
    assert said.now_ms == NOW_MS


async def test_the_first_step_of_a_stream_is_a_record_of_its_own() -> None:
    assigned = Assigned()
    messages = await run(say("a", "b", "c"), assigned)

    assert decode_choices(assigned.opened(messages)[0][1]) == [word("a")]


async def test_a_whole_answer_begins_only_when_it_is_whole() -> None:
    answer = await run(
        lambda _: [word("half"), BackendError(FailCode.TRUNCATED, "cut")],
        Assigned(stream=False),
    )

    (fail,) = answer
    assert isinstance(fail, TaskFail)
    assert (fail.code, fail.begun) == (FailCode.TRUNCATED, False)


async def test_a_whole_answer_is_one_step() -> None:
    assigned = Assigned(stream=False)
    messages = await run(say(*"a whole answer"), assigned)

    assert assigned.text(messages) == "a whole answer"
    assert sum(isinstance(m, TaskRecord) for m in messages) == 2


async def test_a_stream_that_breaks_says_that_it_had_begun() -> None:
    assigned = Assigned()
    messages = await run(
        lambda _: [word("half"), BackendError(FailCode.BACKEND, "broke: QUOTE")],
        assigned,
    )

    fail = messages[-1]
    assert isinstance(fail, TaskFail)
    assert (fail.code, fail.begun) == (FailCode.BACKEND, True)
    type_, words = assigned.opened(messages)[-1]
    assert (type_, decode_failure(words).message) == (
        RecordType.ERROR,
        "broke: QUOTE",
    )
    assert b"QUOTE" not in encode(fail)


async def test_a_failure_before_the_answer_brings_its_own_keys() -> None:
    assigned = Assigned()
    messages = await run(
        lambda _: [BackendError(FailCode.BAD_REQUEST, "QUOTE")], assigned
    )

    ((_, words),) = assigned.opened(messages)
    assert decode_failure(words).message == "QUOTE"
    assert b"QUOTE" not in encode(messages[0])


async def test_an_answer_that_is_compared_has_tags_of_its_text() -> None:
    assigned = Assigned(head=COMPARE)
    messages = await run(say("Hello ", "world"), assigned)

    result, key = messages[-1], assigned.sealed.seal.cmp_key
    assert isinstance(result, TaskResult)
    said = read_attestation(result.body)
    assert said.eq == result.eq == equality_tag(key, "hello world")
    assert result.sketch == sketch(key, "Hello world")
    assert said.sketch_hash == sha256(result.sketch).digest()


async def test_an_answer_that_is_not_compared_has_none() -> None:
    result = (await run(say("Hello")))[-1]

    assert isinstance(result, TaskResult)
    assert (result.eq, result.sketch) == (bytes(32), bytes(128))


async def test_a_backend_without_usage_is_truncated() -> None:
    (fail,) = await run(lambda _: [stop()], Assigned(stream=False))

    assert isinstance(fail, TaskFail)
    assert fail.code == FailCode.TRUNCATED


async def test_a_request_that_is_no_object_is_refused() -> None:
    for body in (b"[]", b"{", b"\xff", b"[" * 100_000):
        (fail,) = await run(say("x"), body=body)
        assert isinstance(fail, TaskFail)
        assert fail.code == FailCode.BAD_REQUEST


async def test_a_request_has_an_end_in_time() -> None:
    never = anyio.Event()

    (fail,) = await run(lambda _: [never], timeout_s=0.01)

    assert isinstance(fail, TaskFail)
    assert fail.code == FailCode.EXPIRED


async def test_a_step_that_no_record_holds_is_too_big() -> None:
    (fail,) = await run(lambda _: [word("x" * MAX_RECORD_DATA), stop(), USAGE])

    assert isinstance(fail, TaskFail)
    assert fail.code == FailCode.TOO_BIG


async def test_embeddings_are_cut_into_records() -> None:
    rows = b"[" + b"1," * MAX_RECORD_DATA + b"1]"

    assigned = Assigned(kind="embedding", stream=False)
    messages = await run(embeddings(rows), assigned)

    records = assigned.opened(messages)
    data = b"".join(data for type_, data in records if type_ is RecordType.DATA)
    assert data == rows
    assert len(records) == 4


async def test_tool_calls_pass_untouched() -> None:
    delta = msgspec.Raw(b'{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}')
    tool = Choice(delta=delta)

    assigned = Assigned()
    messages = await run(lambda _: [tool, stop(), USAGE], assigned)

    assert decode_choices(assigned.opened(messages)[0][1]) == [tool]
    result = messages[-1]
    assert isinstance(result, TaskResult)


async def test_cancelling_stops_the_backend_and_says_nothing() -> None:
    backend = ScriptedBackend(lambda _: [anyio.Event()])
    here, there = memory_pair()
    assigned = Assigned()
    async with here, there, anyio.create_task_group() as tasks:

        async def work() -> None:
            await execute(
                assigned.admitted.assigned,
                b"{}",
                backend=backend,
                reply=assigned.reply(Postbox(here)),
                timeout_s=60,
            )

        tasks.start_soon(work)
        await backend.started.wait()
        tasks.cancel_scope.cancel()
    assert backend.stopped.is_set()


@pytest.mark.parametrize("stream", [True, False])
async def test_a_lost_connection_ends_the_work_quietly(stream: bool) -> None:
    here, there = memory_pair()
    await there.aclose()
    backend = ScriptedBackend(say("a", "b"))

    assigned = Assigned(stream=stream)
    code = await execute(
        assigned.admitted.assigned,
        b"{}",
        backend=backend,
        reply=assigned.reply(Postbox(here)),
        timeout_s=60,
    )

    assert code == FailCode.CANCELLED
    assert backend.running == 0
    await here.aclose()


@pytest.mark.parametrize("depth", [200, 975, 5000])
def test_a_request_that_is_nested_too_deeply_is_refused(depth: int) -> None:
    with pytest.raises(BackendError) as refused:
        decode_request(b'{"a":' + b"[" * depth + b"]" * depth + b"}")

    assert refused.value.code is FailCode.BAD_REQUEST


def test_a_request_that_would_grow_too_big_is_refused_undecoded() -> None:
    with pytest.raises(BackendError, match="memory") as refused:
        decode_request(b'{"a":[' + b"{}," * (4 << 20) + b"0]}")

    assert refused.value.code is FailCode.TOO_BIG
