from __future__ import annotations

import anyio
import msgspec
import pytest

from clubai.client import Client, Job
from clubai.client.client import client_url
from clubai.client.mailbox import MAX_WAITING
from clubai.crypto.attestation import VerdictValue, read_verdict
from clubai.errors import (
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    RemoteProtocolError,
    TaskFailed,
    TaskRejected,
    TrustError,
)
from clubai.model import (
    ClubSnapshot,
    ClubStats,
    FailCode,
    ModelSnapshot,
    TrustCode,
    Usage,
)
from clubai.protocol.codec import encode_value
from clubai.protocol.messages import (
    CloseCode,
    ClubAnswer,
    ClubQuery,
    ClubUnwatch,
    ClubWatch,
    Goodbye,
    Hello,
    Notice,
    TaskCancel,
    TaskRequest,
    TaskVerdict,
)
from clubai.protocol.records import RecordType
from clubai.transport.memory import memory_pair
from support.coordinator_script import TASK, Script, scripted, stop, word

STATS = ClubStats(
    started_at=0,
    now=1,
    nodes_alive=1,
    nodes_known=1,
    slots=1,
    slots_used=0,
    tasks_queued=0,
    tasks_running=0,
    tasks_done=0,
    tasks_failed=0,
    tasks_retried=0,
    prompt_tokens=0,
    completion_tokens=0,
    members=1,
    tasks_ever=0,
)


def model(name: str, free: int, *kinds: str) -> ModelSnapshot:
    return ModelSnapshot(
        name=name,
        nodes=1,
        warm=1,
        slots=4,
        slots_free=free,
        context=0,
        kinds=kinds or ("chat",),  # type: ignore[arg-type]
    )


async def answer_once(script: Script, *texts: str) -> bytes:
    request = await script.hear(TaskRequest)
    body = await script.offer(request)
    await script.reply()
    await script.data(*(word(text) for text in texts), stop())
    await script.finish()
    return body


async def test_an_answer_comes_with_its_provenance() -> None:
    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(answer_once, script, "Par", "is")
        answer = await client.ask("Capital?", model="m", system="Short.")

    assert answer.text == "Paris"
    assert answer.finish_reason == "stop"
    assert [node.name for node in answer.nodes] == ["attic"]
    assert (answer.attempts, answer.task) == (1, TASK.hex())
    assert answer.usage == Usage(prompt_tokens=5, completion_tokens=2)
    assert answer.timings.queued_ms == 3
    assert answer.readable_by == "node"


async def test_the_request_is_the_openai_body() -> None:
    bodies: list[bytes] = []

    async def serve(script: Script) -> None:
        bodies.append(await answer_once(script, "x"))

    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(serve, script)
        await client.ask("Q", model="m", system="S", temperature=0, seed=None)

    assert msgspec.json.decode(bodies[0]) == {
        "messages": [
            {"role": "system", "content": "S"},
            {"role": "user", "content": "Q"},
        ],
        "temperature": 0,
    }


async def test_after_a_failed_attempt_everything_is_sent_to_the_next_node() -> None:
    async def serve(script: Script) -> None:
        request = await script.hear(TaskRequest)
        first = await script.offer(request)
        second = await script.offer(request, attempt=1)
        assert first == second
        await script.reply()
        await script.say(script.answer.writer.write(RecordType.KEEP_ALIVE, b""))
        await script.data(word("ok"), stop())
        await script.finish()

    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(serve, script)
        answer = await client.ask("Q", model="m")

    assert (answer.text, answer.attempts) == ("ok", 2)


@pytest.mark.parametrize(
    ("attempts", "kind"), [(0, TaskRejected), (2, TaskFailed)], ids=["refused", "tried"]
)
async def test_a_failure_says_why_and_when_to_try_again(
    attempts: int, kind: type[Exception]
) -> None:
    async def serve(script: Script) -> None:
        request = await script.hear(TaskRequest)
        await script.fail(request, FailCode.NO_CAPACITY, attempts=attempts)

    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(serve, script)
        with pytest.raises(kind) as caught:
            await client.ask("Q", model="m")

    error = caught.value
    assert isinstance(error, TaskRejected | TaskFailed)
    assert (error.code, error.retry_after) == (FailCode.NO_CAPACITY, 2.5)
    assert error.attempts == attempts


async def test_a_stream_gives_pieces_as_they_come() -> None:
    half = anyio.Event()

    async def serve(script: Script) -> None:
        request = await script.hear(TaskRequest)
        assert request.stream
        await script.offer(request)
        await script.reply()
        await script.data(word("a"))
        await half.wait()
        await script.data(word("b"), stop())
        await script.finish()

    pieces = []
    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(serve, script)
        async with client.stream("Q", model="m") as stream:
            async for piece in stream:
                pieces.append(piece)
                half.set()
            answer = stream.answer

    assert pieces == ["a", "b"]
    assert answer.text == "ab"


async def test_leaving_a_stream_early_cancels_the_task() -> None:
    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        cancelled = anyio.Event()

        async def serve() -> None:
            request = await script.hear(TaskRequest)
            await script.offer(request)
            await script.reply()
            await script.data(word("a"))
            assert (await script.hear(TaskCancel)).ref == request.ref
            cancelled.set()

        tasks.start_soon(serve)
        async with client.stream("Q", model="m") as stream:
            async for _ in stream:
                break
        with anyio.fail_after(5):
            await cancelled.wait()


async def test_why_a_request_waits_is_told() -> None:
    notices: list[Notice] = []

    async def serve(script: Script) -> None:
        request = await script.hear(TaskRequest)
        await script.say(Notice(code="queued", text="all busy", ref=request.ref))
        await script.offer(request)
        await script.reply()
        await script.data(stop())
        await script.finish()

    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(serve, script)
        await client.ask("Q", model="m", on_wait=notices.append)

    assert [notice.text for notice in notices] == ["all busy"]


async def test_an_answer_that_lost_a_record_is_an_error() -> None:
    async def serve(script: Script) -> None:
        request = await script.hear(TaskRequest)
        await script.offer(request)
        await script.reply()
        script.answer.raw(b"lost on the way")
        await script.data(word("b"))
        await script.hear(TaskVerdict)
        await script.hear(TaskCancel)

    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(serve, script)
        with pytest.raises(TrustError) as caught:
            await client.ask("Q", model="m")
        assert caught.value.code is TrustCode.OUT_OF_ORDER


async def test_an_answer_without_its_final_record_is_an_error() -> None:
    async def serve(script: Script) -> None:
        request = await script.hear(TaskRequest)
        await script.offer(request)
        await script.reply()
        await script.data(word("half"))
        await script.say(script.answer.result())
        verdict = read_verdict((await script.hear(TaskVerdict)).body)
        assert verdict.value is VerdictValue.TRUNCATED

    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(serve, script)
        with pytest.raises(TrustError, match="final record"):
            await client.ask("Q", model="m")


async def test_a_lost_connection_ends_every_request_with_its_reason() -> None:
    async def serve(script: Script) -> None:
        await script.hear(TaskRequest)
        await script.say(Goodbye(code=CloseCode.RESTARTING, reason="stopping"))

    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(serve, script)
        with pytest.raises(ConnectionLost, match="stopping"):
            await client.ask("Q", model="m")
        assert client.lost
        with pytest.raises(ConnectionLost):
            await client.models()


async def test_a_reader_that_falls_behind_loses_its_task_and_no_other() -> None:
    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        flooded = anyio.Event()

        async def serve() -> None:
            request = await script.hear(TaskRequest)
            await script.offer(request)
            await script.reply()
            for _ in range(MAX_WAITING + 2):
                await script.data(word("x"))
            await script.hear(TaskCancel)
            flooded.set()
            query = await script.hear(ClubQuery)
            body = encode_value((model("m", 1),))
            await script.say(ClubAnswer(ref=query.ref, body=body))

        tasks.start_soon(serve)
        job = Job(kind="chat", model="m", body={"messages": []})
        async with client.run(job) as run:
            await run.begin()
            with anyio.fail_after(20):
                await flooded.wait()
            with pytest.raises(TaskFailed) as caught:
                async for _ in run:
                    pass
        assert caught.value.code == FailCode.SLOW_READER
        assert [offer.name for offer in await client.models()] == ["m"]


async def test_without_a_model_the_one_with_most_free_slots_is_asked() -> None:
    async def serve(script: Script) -> None:
        query = await script.hear(ClubQuery)
        offers = (model("full", 0), model("free", 3), model("embed", 4, "embedding"))
        await script.say(ClubAnswer(ref=query.ref, body=encode_value(offers)))
        assert (await script.hear(TaskRequest)).model == "free"
        raise _Done

    with pytest.RaisesGroup(_Done, flatten_subgroups=True):
        async with scripted() as (client, script), anyio.create_task_group() as tasks:
            tasks.start_soon(serve, script)
            await client.ask("Q")


class _Done(Exception):
    pass


async def test_a_club_without_models_refuses_at_once() -> None:
    async def serve(script: Script) -> None:
        query = await script.hear(ClubQuery)
        await script.say(ClubAnswer(ref=query.ref, body=encode_value(())))

    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(serve, script)
        with pytest.raises(TaskRejected) as caught:
            await client.ask("Q")

    assert caught.value.code == FailCode.NO_CAPACITY


async def test_embeddings_come_in_the_order_of_the_texts() -> None:
    rows = [
        {"object": "embedding", "index": 1, "embedding": [0.5]},
        {"object": "embedding", "index": 0, "embedding": [0.25]},
    ]

    async def serve(script: Script) -> None:
        request = await script.hear(TaskRequest)
        assert (request.kind, request.stream) == ("embedding", False)
        await script.offer(request)
        await script.reply()
        data = msgspec.json.encode(rows)
        for piece in (data[:10], data[10:]):
            await script.say(script.answer.raw(piece))
        await script.finish()

    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(serve, script)
        vectors = await client.embed(["a", "b"], model="e")

    assert vectors == [[0.25], [0.5]]


async def test_watching_gives_snapshots_until_it_is_left() -> None:
    snapshot = ClubSnapshot(stats=STATS, models=(), nodes=(), tasks=())

    async def serve(script: Script) -> None:
        watch = await script.hear(ClubWatch)
        assert watch.interval_s == 0.25
        for _ in range(2):
            await script.say(ClubAnswer(ref=watch.ref, body=encode_value(snapshot)))
        assert (await script.hear(ClubUnwatch)).ref == watch.ref

    seen = []
    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(serve, script)
        async with client.watch(interval_s=0.25) as snapshots:
            async for item in snapshots:
                seen.append(item)
                if len(seen) == 2:
                    break

    assert seen == [snapshot, snapshot]


async def test_a_refused_version_says_what_to_do() -> None:
    here, there = memory_pair()
    script = Script(there)

    async def refuse() -> None:
        await script.hear(Hello)
        await script.say(Goodbye(code=CloseCode.VERSION, reason="update the program"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(refuse)
        with pytest.raises(RemoteProtocolError, match="update the program"):
            async with Client.over(here):
                pass
    await here.aclose()
    await there.aclose()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://h:1", "ws://h:1/clients/connect"),
        ("https://h/v1", "wss://h/clients/connect"),
        ("ws://h:8000/nodes/connect", "ws://h:8000/clients/connect"),
        ("h:8000", "ws://h:8000/clients/connect"),
    ],
)
def test_any_address_of_a_club_leads_to_its_clients(url: str, address: str) -> None:
    assert client_url(url) == address


@pytest.mark.parametrize("url", ["ftp://h", "http://", ""])
def test_an_address_that_is_none_is_refused_with_a_fix(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        client_url(url)

    assert caught.value.field == "url"


async def test_a_key_that_can_be_none_is_refused_and_not_shown() -> None:
    with pytest.raises(ConnectFailed, match="printable ASCII") as caught:
        async with Client.connect("http://127.0.0.1:9", "ключ"):
            raise AssertionError

    assert "ключ" not in str(caught.value)
