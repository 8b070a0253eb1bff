from __future__ import annotations

from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette

from clubai.errors import TaskFailed, TaskRejected
from clubai.gateway import gateway_routes
from clubai.gateway.native import choose_model, parse_inference
from clubai.model import FailCode
from clubai.protocol.openai import FieldError, Request
from support.asgi_driver import Response, request
from support.fake_client import NODE, TASK, FakeClient, FakeSource, delta, model


def parse(**fields: Any) -> Request:
    return parse_inference(msgspec.json.encode(fields))


async def ask(client: FakeClient, **fields: Any) -> Response:
    app = Starlette(routes=gateway_routes(FakeSource(client)))
    return await request(app, "POST", "/inference", fields)


def test_a_prompt_is_a_users_message_after_the_systems() -> None:
    assert parse(prompt="hi").body == {"messages": [{"role": "user", "content": "hi"}]}
    assert parse(prompt="hi", system="be brief").body["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "hi"},
    ]


def test_messages_are_kept() -> None:
    messages = [{"role": "user", "content": "hi"}]

    assert parse(messages=messages).body == {"messages": messages}
    assert len(parse(messages=messages, system="x").body["messages"]) == 2


def test_options_are_for_the_models_server() -> None:
    request = parse(prompt="x", options={"max_tokens": 5, "temperature": 0})

    assert request.max_tokens == 5
    assert request.body["temperature"] == 0


def test_times_and_model_are_said_beside_the_prompt() -> None:
    request = parse(prompt="x", model="m", wait_s=1, deadline_s=2, stream=True)

    assert (request.model, request.wait_s, request.deadline_s) == ("m", 1, 2)
    assert request.stream
    assert parse(prompt="x").model == ""


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "prompt"),
        ({"prompt": "x", "messages": []}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"messages": []}, "messages"),
        ({"messages": "x", "system": "y"}, "messages"),
        ({"prompt": "x", "system": 5}, "system"),
        ({"prompt": "x", "model": ""}, "model"),
        ({"prompt": "x", "model": 5}, "model"),
        ({"prompt": "x", "mode": "loud"}, "mode"),
        ({"prompt": "x", "mode": "consensus", "replicas": 1}, "replicas"),
        ({"prompt": "x", "nodes": 3}, "nodes"),
        ({"prompt": "x", "stream": 1}, "stream"),
        ({"prompt": "x", "wait_s": "1"}, "wait_s"),
        ({"prompt": "x", "deadline_s": -1}, "deadline_s"),
        ({"prompt": "x", "options": 5}, "options"),
        ({"prompt": "x", "options": {"messages": []}}, "options.messages"),
        ({"prompt": "x", "options": {"n": 2}}, "options.n"),
        ({"prompt": "x", "temperature": 0}, "temperature"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(FieldError) as caught:
        parse(**fields)

    assert caught.value.field == field


def test_the_model_with_the_most_free_slots_is_chosen() -> None:
    models = (
        model("a", slots_free=1),
        model("embedder", slots_free=9, kinds=("embedding",)),
        model("c", slots_free=3, warm=1),
        model("b", slots_free=3, warm=1),
        model("d", slots_free=3, warm=0),
    )

    assert choose_model(models) == "b"


def test_without_a_chat_model_there_is_no_capacity() -> None:
    with pytest.raises(TaskRejected) as caught:
        choose_model((model("embedder", kinds=("embedding",)),))

    assert caught.value.code is FailCode.NO_CAPACITY


async def test_an_answer_has_its_provenance() -> None:
    client = FakeClient(models=(model("m", slots_free=2), model("n", slots_free=1)))

    response = await ask(client, prompt="hi", options={"max_tokens": 9})

    assert response.status == 200
    assert response.json() == {
        "answer": "Hello there",
        "mode": "single",
        "model": "m",
        "nodes": [{"id": NODE, "name": "kitchen"}],
        "attempts": 1,
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        "timings": {"queued_ms": 1, "first_token_ms": 2, "total_ms": 3},
        "readable_by": "coordinator and node",
        "task": TASK,
        "finish_reason": "stop",
    }
    assert response.headers["x-clubai-node"] == NODE
    assert client.job.model == "m"
    assert client.job.max_tokens == 9
    assert not client.job.stream


async def test_an_answer_without_text_is_empty() -> None:
    client = FakeClient([[delta("tool_calls", tool_calls=[{"id": "a"}])]])

    response = await ask(client, prompt="hi", model="m")

    assert response.json()["answer"] == ""
    assert response.json()["finish_reason"] == "tool_calls"


async def test_a_stream_is_texts_and_then_the_whole() -> None:
    client = FakeClient()

    events = (await ask(client, prompt="hi", model="m", stream=True)).events()

    assert events[:2] == [{"text": "Hel"}, {"text": "lo there"}]
    assert events[2]["answer"] == "Hello there"
    assert events[2]["task"] == TASK
    assert events[3:] == ["[DONE]"]
    assert client.job.stream


async def test_a_failure_in_a_stream_is_an_event() -> None:
    client = FakeClient([[delta(content="a")], TaskFailed(FailCode.NODE_LOST, "x")])

    events = (await ask(client, prompt="hi", model="m", stream=True)).events()

    assert events[0] == {"text": "a"}
    assert events[1]["error"]["code"] == "node_lost"
    assert len(events) == 2


async def test_rubbish_for_text_fails_the_task() -> None:
    client = FakeClient([[delta(content={"not": "text"})], [delta("stop")]])

    for stream in (False, True):
        response = await ask(client, prompt="hi", model="m", stream=stream)
        assert b'"backend"' in response.body
        assert b'"answer"' not in response.body


async def test_without_nodes_there_is_no_capacity() -> None:
    response = await ask(FakeClient(), prompt="hi")

    assert response.status == 503
    assert response.headers["retry-after"] == "5"
    assert response.json()["error"]["code"] == "no_capacity"
