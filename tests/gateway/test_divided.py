from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from starlette.applications import Starlette

from clubai.client import Client
from clubai.client.job import Job
from clubai.client.modes import context
from clubai.client.run import Run
from clubai.errors import ConnectionLost
from clubai.gateway import gateway_routes
from support.asgi_driver import Response, open_call, request
from support.divided_club import backend, broken, divided_club
from support.fake_client import FakeSource
from support.scripted_backend import ScriptedBackend

RIGHT = "The capital of France is Paris, a city on the Seine."
WRONG = "I'm sorry, but I can't help with that request."
CHAT: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
    "clubai": {"mode": "consensus"},
}
PATH = "/v1/chat/completions"


def app_of(club: Client) -> Starlette:
    return Starlette(routes=gateway_routes(FakeSource(club)))


async def ask(
    tmp_path: Path,
    nodes: Sequence[ScriptedBackend],
    body: dict[str, Any],
    path: str = PATH,
) -> Response:
    async with divided_club(tmp_path, nodes) as (_, club):
        app = app_of(club)
        return await request(app, "POST", path, body)


def events(response: Response) -> list[Any]:
    lines = response.body.decode().split("\n\n")
    assert lines[-2] == "data: [DONE]"
    return [msgspec.json.decode(line.removeprefix("data: ")) for line in lines[:-2]]


async def test_an_answer_has_its_provenance_beside_it(tmp_path: Path) -> None:
    response = await ask(tmp_path, [backend(RIGHT) for _ in range(3)], CHAT)

    assert response.status == 200
    body = response.json()
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["message"] == {"role": "assistant", "content": RIGHT}
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "total_tokens": 14,
    }
    club = body["clubai"]
    assert club["mode"] == "consensus"
    assert club["agreement"]["agreed"] == club["agreement"]["answers"] == 2
    assert [part["state"] for part in club["parts"]] == ["done", "done", "left out"]
    assert club["readable_by"] == "node"
    assert response.headers["x-clubai-consensus"] == "2/2"
    assert response.headers["x-clubai-attempts"] == "2"
    assert body["id"] == f"chatcmpl-{response.headers['x-request-id']}"


async def test_a_stream_ends_in_the_verdict(tmp_path: Path) -> None:
    nodes = [backend(RIGHT), backend(WRONG), backend(RIGHT)]
    asked = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
    got = events(await ask(tmp_path, nodes, asked))

    text = "".join(
        choice["delta"].get("content", "") for each in got for choice in each["choices"]
    )
    assert text == RIGHT
    progress = [
        each["clubai"]["progress"]
        for each in got
        if "progress" in each.get("clubai", {})
    ]
    assert {each["kind"] for each in progress} == {"replica"}
    ended = [each for each in progress if each["state"] != "asked"]
    assert [each["done"] for each in ended] == list(range(1, len(ended) + 1))
    assert ended[-1]["done"] == ended[-1]["steps"] == 3
    assert "".join(each["provisional"] for each in progress) in (RIGHT, WRONG)
    last = [each for each in got if "agreement" in each.get("clubai", {})]
    assert last[0]["clubai"]["agreement"]["quorum"]
    assert got[-1]["usage"]["completion_tokens"] in (4, 6)


async def test_no_word_of_progress_is_lost_at_the_end(tmp_path: Path) -> None:
    nodes = [backend(RIGHT) for _ in range(3)]
    got = events(await ask(tmp_path, nodes, {**CHAT, "stream": True}))

    told = [each["clubai"].get("progress") for each in got if "clubai" in each]
    states = [each["state"] for each in told if each and not each["provisional"]]
    assert states.count("done") == 2
    assert states[-1] == "left out"


async def test_the_native_form_has_it_too(tmp_path: Path) -> None:
    asked = {"prompt": "What is it?", "mode": "consensus", "replicas": 2}
    response = await ask(
        tmp_path, [backend(RIGHT) for _ in range(2)], asked, "/inference"
    )

    body = response.json()
    assert body["answer"] == RIGHT
    assert body["mode"] == "consensus"
    assert body["agreement"]["quorum"]
    streamed = events(
        await ask(
            tmp_path / "again",
            [backend(RIGHT) for _ in range(2)],
            {**asked, "stream": True},
            "/inference",
        )
    )
    assert streamed[-2] == {"text": RIGHT}
    assert streamed[-1]["agreement"]["quorum"]


@pytest.mark.parametrize("stream", [True, False])
async def test_what_cannot_be_divided_is_refused_at_once(
    tmp_path: Path, stream: bool
) -> None:
    response = await ask(tmp_path, [backend(RIGHT)], {**CHAT, "stream": stream})

    assert response.status == 400
    error = response.json()["error"]
    assert error["code"] == "cannot_be_divided"
    assert "needs two nodes" in error["message"]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_document_is_split_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    split = context.passages
    documents = []

    def counting(given: Any, **sizes: Any) -> Any:
        documents.append(given)
        return split(given, **sizes)

    monkeypatch.setattr(context, "passages", counting)
    asked = {**CHAT, "stream": stream, "clubai": {"mode": "context"}}
    response = await ask(tmp_path, [backend(RIGHT)], asked)

    assert response.status == 200
    assert len(documents) == 1


@pytest.mark.parametrize("stream", [True, False])
async def test_without_the_model_those_that_there_are_are_named(
    tmp_path: Path, stream: bool
) -> None:
    asked = {**CHAT, "stream": stream, "model": "x"}
    response = await ask(tmp_path, [backend(RIGHT)], asked)

    assert response.status == 404
    error = response.json()["error"]
    assert error["code"] == "model_not_found"
    assert error["message"] == "no node offers the model 'x'; there are: m"


@pytest.mark.parametrize("offered", [True, False])
async def test_a_lost_coordinator_is_retried_only_before_a_part_was_offered(
    tmp_path: Path, offered: bool
) -> None:
    async with divided_club(tmp_path, [backend(RIGHT), backend(RIGHT)]) as (_, club):
        run = club.run

        @asynccontextmanager
        async def cut_off(job: Job) -> AsyncIterator[Run]:
            if offered:
                async with run(job) as running:
                    yield running
            raise ConnectionLost("cut off")

        club.run = cut_off  # type: ignore[assignment,method-assign]
        response = await request(app_of(club), "POST", PATH, CHAT)

    assert response.status == 503
    assert response.json()["error"]["code"] == "coordinator_unreachable"
    assert response.headers["x-should-retry"] == ("false" if offered else "true")


async def test_a_failure_in_a_stream_is_an_event(tmp_path: Path) -> None:
    nodes = [backend(broken), backend(broken)]
    response = await ask(tmp_path, nodes, {**CHAT, "stream": True})

    assert response.status == 200
    assert "[DONE]" not in response.body.decode()
    last = msgspec.json.decode(
        response.body.decode().split("\n\n")[-2].removeprefix("data: ")
    )
    assert last["error"]["code"] == "backend"
    assert b'"state":"failed"' in response.body


async def test_a_failure_of_all_is_an_error(tmp_path: Path) -> None:
    response = await ask(tmp_path, [backend(broken), backend(broken)], CHAT)

    assert response.status == 502
    assert response.json()["error"]["code"] == "backend"


@pytest.mark.parametrize("stream", [True, False])
async def test_whoever_leaves_stops_every_part(tmp_path: Path, stream: bool) -> None:
    never = anyio.Event()
    nodes = [backend(lambda _: [never]) for _ in range(2)]
    async with divided_club(tmp_path, nodes) as (_, club):
        app = app_of(club)
        asked = msgspec.json.encode({**CHAT, "stream": stream})
        async with open_call(app, "POST", PATH, body=asked) as call:
            if stream:
                await call.start()
            for each in nodes:
                await each.started.wait()
            call.disconnect()
        with anyio.fail_after(5):
            for each in nodes:
                await each.stopped.wait()
