from __future__ import annotations

import anyio
import msgspec
import pytest

from clubai.agent.executor import decode_request, execute
from clubai.client.answer import text_of
from clubai.errors import BackendError
from clubai.model import FailCode, Usage
from clubai.protocol.codec import decode_from_node
from clubai.protocol.messages import (
    FromNode,
    TaskAssign,
    TaskFail,
    TaskRecord,
    TaskReply,
    TaskResult,
)
from clubai.protocol.records import (
    MAX_RECORD_DATA,
    Choice,
    RecordReader,
    RecordType,
    decode_choices,
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

TASK = b"t" * 16


async def run(
    answer: Answerer,
    *,
    stream: bool = True,
    body: bytes = b"{}",
    timeout_s: float = 60,
    kind: str = "chat",
) -> list[FromNode]:
    """Execute one assignment, and give every message that it sent."""
    here, there = memory_pair(buffer=10_000)
    assign = TaskAssign(
        task=TASK,
        attempt=1,
        model="m",
        stream=stream,
        kind=kind,  # type: ignore[arg-type]
    )
    async with there:
        async with here:
            await execute(
                assign,
                body,
                backend=ScriptedBackend(answer),
                postbox=Postbox(here),
                timeout_s=timeout_s,
            )
        return [decode_from_node(frame) async for frame in there]


def text(messages: list[FromNode]) -> str:
    reader = RecordReader()
    parts = []
    for message in messages:
        if isinstance(message, TaskRecord):
            type_, data = reader.read(message)
            if type_ is RecordType.DATA:
                parts += map(text_of, decode_choices(data))
    assert reader.finished
    return "".join(parts)


async def test_an_answer_is_reply_records_result() -> None:
    messages = await run(say("Hel", "lo"))

    assert isinstance(messages[0], TaskReply)
    assert text(messages) == "Hello"
    result = messages[-1]
    assert isinstance(result, TaskResult)
    assert result.attempt == 1
    assert result.usage == Usage(prompt_tokens=5, completion_tokens=2)
    assert result.records == sum(isinstance(m, TaskRecord) for m in messages)
    assert result.first_token_ms >= 1


async def test_the_first_step_of_a_stream_is_a_record_of_its_own() -> None:
    messages = await run(say("a", "b", "c"))

    first = messages[1]
    assert isinstance(first, TaskRecord)
    assert decode_choices(RecordReader().read(first)[1]) == [word("a")]


async def test_a_whole_answer_begins_only_when_it_is_whole() -> None:
    answer = await run(
        lambda _: [word("half"), BackendError(FailCode.TRUNCATED, "cut")], stream=False
    )

    (fail,) = answer
    assert isinstance(fail, TaskFail)
    assert (fail.code, fail.begun) == (FailCode.TRUNCATED, False)


async def test_a_whole_answer_is_one_step() -> None:
    messages = await run(say(*"a whole answer"), stream=False)

    assert text(messages) == "a whole answer"
    assert sum(isinstance(m, TaskRecord) for m in messages) == 2


async def test_a_stream_that_breaks_says_that_it_had_begun() -> None:
    messages = await run(
        lambda _: [word("half"), BackendError(FailCode.BACKEND, "broke")]
    )

    fail = messages[-1]
    assert isinstance(fail, TaskFail)
    assert (fail.code, fail.begun, fail.message) == (FailCode.BACKEND, True, "broke")


async def test_a_backend_without_usage_is_truncated() -> None:
    (fail,) = await run(lambda _: [stop()], stream=False)

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

    messages = await run(embeddings(rows), kind="embedding", stream=False)

    reader = RecordReader()
    records = [reader.read(m) for m in messages if isinstance(m, TaskRecord)]
    data = b"".join(data for type_, data in records if type_ is RecordType.DATA)
    assert data == rows
    assert len(records) == 4


async def test_tool_calls_pass_untouched() -> None:
    delta = msgspec.Raw(b'{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}')
    tool = Choice(delta=delta)

    messages = await run(lambda _: [tool, stop(), USAGE])

    first = messages[1]
    assert isinstance(first, TaskRecord)
    assert decode_choices(RecordReader().read(first)[1]) == [tool]


async def test_cancelling_stops_the_backend_and_says_nothing() -> None:
    backend = ScriptedBackend(lambda _: [anyio.Event()])
    here, there = memory_pair()
    async with here, there, anyio.create_task_group() as tasks:

        async def work() -> None:
            await execute(
                TaskAssign(task=TASK, model="m"),
                b"{}",
                backend=backend,
                postbox=Postbox(here),
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

    code = await execute(
        TaskAssign(task=TASK, model="m", stream=stream),
        b"{}",
        backend=backend,
        postbox=Postbox(here),
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
