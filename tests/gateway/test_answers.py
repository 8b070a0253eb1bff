from __future__ import annotations

from typing import Any

import anyio
import msgspec
import pytest
from starlette.applications import Starlette

from clubai.errors import (
    ConnectionLost,
    InvariantError,
    RemoteProtocolError,
    TaskFailed,
    TaskRejected,
)
from clubai.gateway import GatewayLimits, gateway_routes
from clubai.model import FailCode, Usage
from clubai.protocol.records import Choice
from support.asgi_driver import Response, open_call, request
from support.fake_client import (
    NODE,
    TASK,
    FakeClient,
    FakeSource,
    Step,
    delta,
    hello,
    model,
)

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**CHAT, "stream": True}
PATH = "/v1/chat/completions"
TOOL = {
    "index": 0,
    "id": "c",
    "type": "function",
    "function": {"name": "f", "arguments": "{}"},
}


def app_of(client: FakeClient, **limits: Any) -> Starlette:
    return Starlette(
        routes=gateway_routes(FakeSource(client), limits=GatewayLimits(**limits))
    )


async def ask(client: FakeClient, json: Any, path: str = PATH) -> Response:
    return await request(app_of(client), "POST", path, json)


async def test_a_whole_answer() -> None:
    client = FakeClient(usage_json=b'{"prompt_tokens":7,"details":{"cached":5}}')

    response = await ask(client, CHAT)

    assert response.status == 200
    body = response.json()
    assert body["id"] == f"chatcmpl-{TASK}"
    assert body["object"] == "chat.completion"
    assert body["model"] == "m"
    assert body["created"] > 1_700_000_000
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello there"},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert body["usage"] == {
        "prompt_tokens": 7,
        "completion_tokens": 3,
        "total_tokens": 10,
        "details": {"cached": 5},
    }


async def test_an_answer_says_who_could_read_it() -> None:
    client = FakeClient(readable_by="node")
    for path, json in ((PATH, CHAT), (PATH, STREAM), ("/inference", {"prompt": "q"})):
        headers = (await ask(client, {"model": "m", **json}, path)).headers

        assert headers["x-clubai-readable-by"] == "node"


async def test_an_answer_says_where_it_comes_from() -> None:
    for json in (CHAT, STREAM):
        headers = (await ask(FakeClient(), json)).headers

        assert headers["x-request-id"] == TASK
        assert headers["x-clubai-task"] == TASK
        assert headers["x-clubai-node"] == NODE
        assert headers["x-clubai-attempts"] == "1"
        assert headers["x-clubai-readable-by"] == "coordinator and node"
        assert headers["openai-processing-ms"].isdigit()


async def test_a_whole_answer_is_asked_for_whole_and_a_stream_as_one() -> None:
    for json, stream in ((CHAT, False), (STREAM, True)):
        client = FakeClient()
        await ask(client, json)

        assert client.job.stream is stream


async def test_the_job_has_what_was_asked() -> None:
    client = FakeClient()

    await ask(
        client,
        {
            **CHAT,
            "max_completion_tokens": 9,
            "tools": [TOOL],
            "clubai": {"wait_s": 2, "deadline_s": 3},
        },
    )

    job = client.job
    assert (job.kind, job.model, job.mode) == ("chat", "m", "single")
    assert (job.max_tokens, job.prompt_tokens) == (9, 1)
    assert (job.wait_s, job.deadline_s) == (2.0, 3.0)
    assert job.body == {
        "messages": CHAT["messages"],
        "tools": [TOOL],
        "max_tokens": 9,
        "max_completion_tokens": 9,
    }


async def test_the_gateways_times_hold_when_none_are_asked() -> None:
    client = FakeClient()
    app = app_of(client, wait_s=5, deadline_s=6, longest_s=7)

    await request(app, "POST", PATH, CHAT)
    too_long = await request(app, "POST", PATH, {**CHAT, "clubai": {"deadline_s": 7.5}})

    assert (client.job.wait_s, client.job.deadline_s) == (5, 6)
    assert too_long.status == 400
    assert too_long.json()["error"]["param"] == "clubai.deadline_s"


async def test_a_stream_has_every_step_in_order_and_then_done() -> None:
    response = await ask(FakeClient(), STREAM)

    events = response.events()
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    assert events[-1] == "[DONE]"
    chunks = events[:-1]
    assert [chunk["choices"][0]["delta"] for chunk in chunks] == [
        {"role": "assistant", "content": None},
        {"content": "Hel"},
        {"content": "lo "},
        {"content": "there"},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [
        *[None] * 4,
        "stop",
    ]
    assert {chunk["id"] for chunk in chunks} == {f"chatcmpl-{TASK}"}
    assert not any("usage" in chunk for chunk in chunks)


async def test_usage_is_the_last_chunk_when_it_is_asked_for() -> None:
    json = {**STREAM, "stream_options": {"include_usage": True}}

    *chunks, last, done = (await ask(FakeClient(), json)).events()

    assert done == "[DONE]"
    assert last["choices"] == []
    assert last["usage"] == {
        "prompt_tokens": 7,
        "completion_tokens": 3,
        "total_tokens": 10,
    }
    assert not any("usage" in chunk for chunk in chunks)


async def test_each_record_leaves_when_it_comes() -> None:
    gate = anyio.Event()
    client = FakeClient([[delta(content="a")], gate, [delta("stop")]])

    with anyio.fail_after(5):
        async with open_call(
            app_of(client), "POST", PATH, body=body_of(STREAM)
        ) as call:
            await call.start()
            part, more = await call.part()
            assert b'"content":"a"' in part
            assert more
            gate.set()
            assert b'"finish_reason":"stop"' in (await call.part())[0]


async def test_tool_calls_pass_in_both_forms() -> None:
    def client() -> FakeClient:
        return FakeClient([[delta(tool_calls=[TOOL])], [delta("tool_calls")]])

    streamed = (await ask(client(), STREAM)).events()
    whole = (await ask(client(), CHAT)).json()["choices"][0]

    assert streamed[0]["choices"][0]["delta"] == {"tool_calls": [TOOL]}
    assert streamed[1]["choices"][0]["finish_reason"] == "tool_calls"
    assert whole["finish_reason"] == "tool_calls"
    assert whole["message"]["content"] is None
    (call,) = whole["message"]["tool_calls"]
    assert call == {key: TOOL[key] for key in ("id", "type", "function")}


async def test_completions_in_both_forms() -> None:
    steps: list[Step] = [
        [Choice(text="once")],
        [Choice(text=" more"), Choice(text="", finish_reason="length")],
    ]
    asked = {"model": "m", "prompt": "say"}

    client = FakeClient(steps)
    whole = (await ask(client, asked, "/v1/completions")).json()
    streamed = await ask(
        FakeClient(steps), {**asked, "stream": True}, "/v1/completions"
    )

    assert client.job.kind == "completion"
    assert whole["object"] == "text_completion"
    assert whole["id"] == f"cmpl-{TASK}"
    assert whole["choices"][0]["text"] == "once more"
    texts = [event["choices"][0]["text"] for event in streamed.events()[:-1]]
    assert texts == ["once", " more", ""]


async def test_embeddings_in_both_encodings() -> None:
    body = b'[{"object":"embedding","index":0,"embedding":[1.0,0.5]}]'
    asked = {"model": "m", "input": "x"}

    client = FakeClient([], body=body, usage=Usage(prompt_tokens=2))
    floats = (await ask(client, asked, "/v1/embeddings")).json()
    packed = await ask(
        FakeClient([], body=body),
        {**asked, "encoding_format": "base64"},
        "/v1/embeddings",
    )

    assert client.job.kind == "embedding"
    assert not client.job.stream
    assert floats["data"][0]["embedding"] == [1.0, 0.5]
    assert floats["usage"] == {"prompt_tokens": 2, "total_tokens": 2}
    assert packed.json()["data"][0]["embedding"] == "AACAPwAAAD8="
    assert packed.headers["x-clubai-task"] == TASK


@pytest.mark.parametrize("json", [CHAT, STREAM])
async def test_a_refusal_before_the_answer_is_a_status(json: Any) -> None:
    client = FakeClient(
        before=[TaskRejected(FailCode.NO_CAPACITY, "no node is free", retry_after=3)]
    )

    response = await ask(client, json)

    assert response.status == 503
    assert response.headers["content-type"] == "application/json"
    assert response.headers["retry-after"] == "3"
    assert response.headers["x-should-retry"] == "true"
    assert response.json()["error"] == {
        "message": "no node is free",
        "type": "overloaded",
        "param": None,
        "code": "no_capacity",
    }


@pytest.mark.parametrize("json", [CHAT, STREAM])
async def test_a_failure_before_the_answer_is_a_status_and_not_retried(
    json: Any,
) -> None:
    failed = TaskFailed(FailCode.NODE_LOST, "gone", task=TASK, attempts=3)

    response = await ask(FakeClient(before=[failed]), json)

    assert response.status == 502
    assert response.headers["x-should-retry"] == "false"
    assert response.headers["x-clubai-task"] == TASK
    assert response.headers["x-clubai-attempts"] == "3"
    assert response.headers["x-request-id"] == TASK


async def test_a_failure_in_a_stream_is_an_event_without_done() -> None:
    steps: list[Step] = [
        [delta(content="a")],
        TaskFailed(FailCode.NODE_LOST, "the node went away", attempts=1),
    ]

    response = await ask(FakeClient(steps), STREAM)

    first, last = response.events()
    assert first["choices"][0]["delta"] == {"content": "a"}
    assert last["error"]["code"] == "node_lost"
    assert last["error"]["message"] == "the node went away"


async def test_a_failure_in_a_whole_answer_is_a_status() -> None:
    steps: list[Step] = [[delta(content="a")], TaskFailed(FailCode.BACKEND, "x")]

    assert (await ask(FakeClient(steps), CHAT)).status == 502


@pytest.mark.parametrize(
    "steps",
    [[], [[delta(content="a")]], [[delta("error", content="a")]]],
    ids=["empty", "truncated", "broken off"],
)
async def test_an_answer_that_is_not_whole_never_ends_well(steps: list[Step]) -> None:
    whole = await ask(FakeClient(steps), CHAT)
    events = (await ask(FakeClient(steps), STREAM)).events()

    assert whole.status == 502
    assert "error" in events[-1]
    assert "[DONE]" not in events


async def test_a_node_that_sends_rubbish_fails_the_task_and_is_cancelled() -> None:
    client = FakeClient([[delta(content="a")], [Choice(delta=raw(b"[1]"))], *hello()])

    events = (await ask(client, STREAM)).events()

    assert events[-1]["error"]["code"] == "backend"
    assert client.runs[0].left_early


async def test_a_lost_coordinator_is_retried_only_before_a_node_was_offered() -> None:
    before = await ask(FakeClient(before=[ConnectionLost("x")]), CHAT)
    after = await ask(FakeClient([ConnectionLost("x")]), CHAT)

    assert (before.status, after.status) == (503, 503)
    assert before.headers["x-should-retry"] == "true"
    assert after.headers["x-should-retry"] == "false"


async def test_a_broken_record_is_the_clubs_failure() -> None:
    response = await ask(FakeClient([RemoteProtocolError(4002, "x")]), CHAT)

    assert response.status == 502


async def test_an_unknown_model_is_answered_with_those_there_are() -> None:
    refused = TaskRejected(FailCode.UNKNOWN_MODEL, "no such model")
    client = FakeClient(before=[refused], models=(model("b"), model("a")))

    response = await ask(client, {**CHAT, "model": "zzz"})

    assert response.status == 404
    error = response.json()["error"]
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert "'zzz'" in error["message"]
    assert error["message"].endswith("there are: a, b")


async def test_many_models_are_not_all_named() -> None:
    refused = TaskRejected(FailCode.UNKNOWN_MODEL, "no such model")
    models = tuple(model(f"m{number:02}") for number in range(23))

    response = await ask(FakeClient(before=[refused], models=models), CHAT)

    assert response.json()["error"]["message"].endswith("m19 and 3 more")


async def test_an_unknown_model_stays_one_when_the_models_cannot_be_had() -> None:
    refused = TaskRejected(FailCode.UNKNOWN_MODEL, "no such model")

    response = await ask(FakeClient(before=[refused], models=ConnectionLost("x")), CHAT)

    assert response.status == 404
    assert response.json()["error"]["message"] == "no such model"


async def test_no_models_at_all_is_said() -> None:
    refused = TaskRejected(FailCode.UNKNOWN_MODEL, "no such model")

    response = await ask(FakeClient(before=[refused]), CHAT)

    assert "no node is connected" in response.json()["error"]["message"]


@pytest.mark.parametrize("json", [CHAT, STREAM])
@pytest.mark.parametrize("place", ["before", "steps"])
async def test_a_reader_that_leaves_cancels_the_run(json: Any, place: str) -> None:
    never = anyio.Event()
    waiting: list[Step] = [never]
    client = FakeClient(before=waiting) if place == "before" else FakeClient(waiting)

    with anyio.fail_after(5):
        async with open_call(app_of(client), "POST", PATH, body=body_of(json)) as call:
            if place == "steps" and json is STREAM:
                await call.start()
            call.disconnect()
            await client.left.wait()
            await call.ended.wait()

    assert client.runs[0].left_early
    assert call.error is None


async def test_a_reader_that_leaves_while_a_send_is_stuck_cancels_the_run() -> None:
    client = FakeClient([[delta(content="a")], [delta("stop")]])

    with anyio.fail_after(5):
        async with open_call(
            app_of(client), "POST", PATH, body=body_of(STREAM)
        ) as call:
            await call.start()
            call.disconnect()
            await client.left.wait()
            await call.ended.wait()

    assert client.runs[0].left_early


async def test_a_wait_is_pinged_and_a_later_refusal_is_an_event() -> None:
    gate = anyio.Event()
    refused = TaskRejected(FailCode.QUEUE_TIMEOUT, "nobody was free")
    client = FakeClient(before=[gate, refused])
    app = app_of(client, ping_s=0.001)

    with anyio.fail_after(5):
        async with open_call(app, "POST", PATH, body=body_of(STREAM)) as call:
            status, headers = await call.start()
            assert await call.part() == (b": ping\n\n", True)
            gate.set()
            part, more = await call.part()
            while part == b": ping\n\n":
                part, more = await call.part()

    assert status == 200
    assert len(headers["x-request-id"]) == 32
    assert part.startswith(b'data: {"error":{"message":"nobody was free"')
    assert not more


async def test_an_answer_after_a_ping_goes_on_as_usual() -> None:
    gate = anyio.Event()
    client = FakeClient(before=[gate])
    app = app_of(client, ping_s=0.001)

    with anyio.fail_after(5):
        async with open_call(app, "POST", PATH, body=body_of(STREAM)) as call:
            await call.start()
            await call.part()
            gate.set()
            body, more = b"", True
            while more:
                part, more = await call.part()
                body += part

    assert body.count(b"data: ") == 6
    assert body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("json", [CHAT, STREAM])
@pytest.mark.parametrize("error", [InvariantError("secret"), KeyError("secret")])
async def test_a_bug_is_an_envelope_without_its_reason(
    json: Any, error: Exception
) -> None:
    async with open_call(
        app_of(FakeClient(before=[error])), "POST", PATH, body=body_of(json)
    ) as call:
        response = await call.response()
        await call.ended.wait()

    assert response.status == 500
    assert response.json()["error"]["code"] == "internal"
    assert b"secret" not in response.body
    assert call.error is error


async def test_a_bug_in_a_stream_is_an_event() -> None:
    error = KeyError("secret")
    client = FakeClient([[delta(content="a")], error])

    async with open_call(app_of(client), "POST", PATH, body=body_of(STREAM)) as call:
        response = await call.response()
        await call.ended.wait()

    assert response.events()[-1]["error"]["code"] == "internal"
    assert b"secret" not in response.body
    assert call.error is error


def body_of(json: Any) -> bytes:
    return msgspec.json.encode(json)


def raw(data: bytes) -> msgspec.Raw:
    return msgspec.Raw(data)
