from __future__ import annotations

import anyio
import msgspec
import pytest

from clubai.client import Client, Job
from clubai.errors import RemoteProtocolError, TaskRejected
from clubai.model import FailCode
from clubai.protocol.messages import (
    TaskAssign,
    TaskCancel,
    TaskRecord,
    TaskRequest,
)
from support.coordinator_script import Script, scripted, stop, word

JOB = Job(kind="chat", model="m", body={"messages": []}, max_tokens=7, wait_s=3.0)


async def serve(script: Script) -> None:
    request = await script.hear(TaskRequest)
    await script.offer(request)
    await script.reply()
    await script.data(word("a"))
    await script.data(word("b"), stop())
    await script.finish()


async def test_the_request_says_sizes_and_limits_and_no_content() -> None:
    async with scripted() as (client, script), client.run(JOB):
        request = await script.hear(TaskRequest)

    assert (request.model, request.max_tokens, request.wait_s) == ("m", 7, 3.0)


async def test_one_record_is_one_list_of_steps() -> None:
    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(serve, script)
        async with client.run(JOB) as run:
            steps = [choices async for choices in run]

    assert [len(choices) for choices in steps] == [1, 2]
    assert run.ended
    assert bytes(run.usage_json).startswith(b'{"prompt_tokens":5')


async def test_begin_waits_for_the_answer_and_takes_nothing_of_it() -> None:
    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(serve, script)
        async with client.run(JOB) as run:
            await run.begin()
            assert (run.node_name, run.attempts) == ("attic", 1)
            assert len([choices async for choices in run]) == 2


async def test_a_refusal_comes_out_of_begin() -> None:
    async def refuse(script: Script) -> None:
        await script.fail(await script.hear(TaskRequest), FailCode.QUEUE_FULL)

    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(refuse, script)
        async with client.run(JOB) as run:
            with pytest.raises(TaskRejected):
                await run.begin()
            assert run.ended


async def test_records_of_an_attempt_that_failed_are_not_the_answers() -> None:
    async def serve_late(script: Script) -> None:
        request = await script.hear(TaskRequest)
        await script.offer(request)
        stale = script.answer.raw(b"stale")
        await script.offer(request, attempt=1)
        await script.say(stale)
        await script.reply()
        await script.data(word("fresh"), stop())
        await script.finish()

    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(serve_late, script)
        answer = await client.ask("Q", model="m")

    assert answer.text == "fresh"


async def test_another_node_after_a_stream_began_is_refused() -> None:
    async def serve_twice(script: Script) -> None:
        request = await script.hear(TaskRequest)
        await script.offer(request)
        await script.reply()
        await script.data(word("a"))
        await script.say(script.make_offer(request, attempt=1))
        await script.hear(TaskCancel)

    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(serve_twice, script)
        async with client.run(JOB) as run:
            with pytest.raises(RemoteProtocolError):
                [_ async for _ in run]


async def test_a_whole_answer_that_broke_off_is_taken_from_another_node() -> None:
    whole = msgspec.structs.replace(JOB, stream=False)

    async def serve_twice(script: Script) -> None:
        request = await script.hear(TaskRequest)
        await script.offer(request)
        await script.reply()
        await script.data(word("half"))
        await script.offer(request, attempt=1)
        await script.reply()
        await script.data(word("a"))
        await script.data(word("b"), stop())
        await script.finish()

    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(serve_twice, script)
        async with client.run(whole) as run:
            await run.begin()
            steps = [choices async for choices in run]

    assert run.attempts == 2
    assert [len(choices) for choices in steps] == [3]


async def test_leaving_before_an_offer_cancels_by_ref() -> None:
    async with scripted() as (client, script):
        async with client.run(JOB):
            request = await script.hear(TaskRequest)
        assert (await script.hear(TaskCancel)).ref == request.ref


async def test_a_long_request_goes_in_several_records() -> None:
    long = Job(kind="chat", model="m", body={"messages": ["x" * 200_000]})
    counted: list[int] = []

    async def count(script: Script, client: Client) -> None:
        request = await script.hear(TaskRequest)
        await script.say(script.make_offer(request))
        script.answer = script.node.open(await script.hear(TaskAssign))
        seen = 0
        while not (await script.hear(TaskRecord)).fin:
            seen += 1
        counted.append(seen + 1)
        await script.reply()
        await script.data(stop())
        await script.finish()

    async with scripted() as (client, script), anyio.create_task_group() as tasks:
        tasks.start_soon(count, script, client)
        async with client.run(long) as run:
            async for _ in run:
                pass

    assert counted == [4]
