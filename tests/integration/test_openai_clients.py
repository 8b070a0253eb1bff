"""Real clients over a real socket, a whole club behind it, a recorded model server.

The server's shapes were recorded, not taken from a server that runs: what a model
answers is not looked at here, but what reaches the client and what the server was
asked.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from clubai.agent import BackendConfig
from clubai.club import Club, open_club
from support.fakes.base import MODEL, TOOL_CALL, FakeServer, Script
from support.http_server import json_response

openai = pytest.importorskip("openai", reason="the package openai is not installed")

# Under trio the openai package leaves generators of its own to the collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)

EMBEDDER = "tiny-embedder"
SAID = "The answer."
HI: Any = [{"role": "user", "content": "hi"}]
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather somewhere.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]


@asynccontextmanager
async def opened(data: Path) -> AsyncIterator[tuple[Club, FakeServer]]:
    async with FakeServer().open() as fake:
        fake.models.append({"id": EMBEDDER, "object": "model"})
        backend = BackendConfig(kind="generic", url=fake.url)
        async with open_club(agents=1, data=data, backend=backend) as club:
            fake.server.requests.clear()
            with anyio.fail_after(60):
                yield club, fake


def client_of(club: Club, **changes: Any) -> Any:
    settings = {"base_url": club.openai_url, "api_key": club.api_key, "max_retries": 0}
    return openai.AsyncOpenAI(**{**settings, **changes})


async def test_chat(tmp_path: Path) -> None:
    async with opened(tmp_path) as (club, fake), client_of(club) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model=MODEL, messages=HI, max_completion_tokens=5, seed=7
        )

    answer = raw.parse()
    (asked,) = (request.json() for request in fake.asked("/v1/chat/completions"))
    assert answer.choices[0].message.content == SAID
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == 10
    assert answer.id == f"chatcmpl-{answer._request_id}"
    assert raw.headers["x-clubai-task"] == answer._request_id
    assert raw.headers["x-clubai-attempts"] == "1"
    assert len(raw.headers["x-clubai-node"]) == 52
    assert asked["messages"] == HI
    assert asked["seed"] == 7


async def test_stream_with_usage(tmp_path: Path) -> None:
    async with opened(tmp_path) as (club, _), client_of(club) as client:
        chunks = [
            chunk
            async for chunk in await client.chat.completions.create(
                model=MODEL,
                messages=HI,
                stream=True,
                stream_options={"include_usage": True},
            )
        ]

    *steps, last = chunks
    text = "".join(step.choices[0].delta.content or "" for step in steps)
    assert text == SAID
    assert steps[-1].choices[0].finish_reason == "stop"
    assert all(step.usage is None for step in steps)
    assert last.choices == []
    assert last.usage.completion_tokens == 3


async def test_completions(tmp_path: Path) -> None:
    async with opened(tmp_path) as (club, _), client_of(club) as client:
        answer = await client.completions.create(model=MODEL, prompt="say")

    assert answer.choices[0].text == SAID


async def test_embeddings(tmp_path: Path) -> None:
    async with opened(tmp_path) as (club, _), client_of(club) as client:
        packed = await client.embeddings.create(model=EMBEDDER, input=["a", "b"])
        floats = await client.embeddings.create(
            model=EMBEDDER, input="a", encoding_format="float"
        )

    assert [row.embedding for row in packed.data] == [[0.5, -0.5], [0.5, -0.5]]
    assert floats.data[0].embedding == [0.5, -0.5]
    assert floats.usage.prompt_tokens == 4


async def test_models(tmp_path: Path) -> None:
    async with opened(tmp_path) as (club, _), client_of(club) as client:
        listed = [model async for model in client.models.list()]
        one = await client.models.retrieve(MODEL)
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("nobody/has-it")

    assert {model.id for model in listed} == {MODEL, EMBEDDER}
    assert one.id == MODEL
    assert one.clubai["nodes"] == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_tools_pass_through(tmp_path: Path, stream: bool) -> None:
    script = Script(words=(), tools=True, finish="tool_calls")
    async with opened(tmp_path) as (club, fake), client_of(club) as client:
        fake.script = script
        asked = {"model": MODEL, "messages": HI, "tools": TOOLS, "tool_choice": "auto"}
        if stream:
            async with client.chat.completions.stream(**asked) as events:
                answer = await events.get_final_completion()
        else:
            answer = await client.chat.completions.create(**asked)

    (request,) = fake.asked("/v1/chat/completions")
    (call,) = answer.choices[0].message.tool_calls
    assert answer.choices[0].finish_reason == "tool_calls"
    assert call.id == TOOL_CALL["id"]
    assert call.function.name == "weather"
    assert call.function.arguments == '{"city":"Paris"}'
    assert request.json()["tools"] == TOOLS
    assert request.json()["tool_choice"] == "auto"


async def test_errors_are_the_clients_own(tmp_path: Path) -> None:
    async with opened(tmp_path) as (club, _), client_of(club) as client:
        create = client.chat.completions.create
        with pytest.raises(openai.NotFoundError, match=MODEL) as unknown:
            await create(model="nobody/has-it", messages=HI)
        with pytest.raises(openai.BadRequestError) as empty:
            await create(model=MODEL, messages=[])
        with pytest.raises(openai.BadRequestError, match="'loud'") as mode:
            await create(
                model=MODEL, messages=HI, extra_body={"clubai": {"mode": "loud"}}
            )
        async with client_of(club, api_key="sk-wrong") as stranger:
            with pytest.raises(openai.AuthenticationError):
                await stranger.models.list()

    assert unknown.value.code == "model_not_found"
    assert empty.value.param == "messages"
    assert mode.value.param == "clubai.mode"


async def test_a_prompt_that_is_too_long_is_a_bad_request(tmp_path: Path) -> None:
    error = {
        "code": 400,
        "message": "request (10030 tokens) exceeds the available context size",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 10030,
        "n_ctx": 2048,
    }
    async with opened(tmp_path) as (club, fake), client_of(club) as client:
        fake.script = Script(refuse=json_response({"error": error}, 400))
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model=MODEL, messages=HI)

    assert caught.value.code == "context_length_exceeded"


async def test_a_stream_that_breaks_off_raises(tmp_path: Path) -> None:
    got: list[Any] = []

    async def read(stream: Any) -> None:
        async for chunk in stream:
            got.append(chunk)  # noqa: PERF401 - kept when the stream raises

    async with opened(tmp_path) as (club, fake), client_of(club) as client:
        fake.script = Script(cut_after=2)
        stream = await client.chat.completions.create(
            model=MODEL, messages=HI, stream=True
        )
        with pytest.raises(openai.APIError) as caught:
            await read(stream)

    assert got
    assert caught.value.body["type"] == "server_error"


async def test_leaving_a_stream_stops_the_model_server(tmp_path: Path) -> None:
    async with opened(tmp_path) as (club, fake), client_of(club) as client:
        fake.script = Script(hang_after=1)
        async with await client.chat.completions.create(
            model=MODEL, messages=HI, stream=True
        ) as stream:
            await anext(aiter(stream))
        await fake.server.client_left()


async def test_the_blocking_client(tmp_path: Path) -> None:
    async with opened(tmp_path) as (club, _):

        def ask() -> str:
            with openai.OpenAI(
                base_url=club.openai_url, api_key=club.api_key, max_retries=0
            ) as client:
                stream = client.chat.completions.create(
                    model=MODEL, messages=HI, stream=True
                )
                return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

        assert await anyio.to_thread.run_sync(ask) == SAID


async def test_the_llm_command(tmp_path: Path) -> None:
    pytest.importorskip("llm", reason="the package llm is not installed")
    home = tmp_path / "home"
    home.mkdir()
    async with opened(tmp_path / "club") as (club, fake):
        (home / "extra-openai-models.yaml").write_text(
            f"- model_id: club\n  model_name: {MODEL}\n  api_base: {club.openai_url}\n"
            "  api_key_name: club\n"
        )
        ran = await anyio.run_process(
            [sys.executable, "-m", "llm", "-m", "club", "--key", club.api_key, "hi"],
            env={**os.environ, "LLM_USER_PATH": str(home), "HOME": str(home)},
            stdin=-3,
        )

    (request,) = fake.asked("/v1/chat/completions")
    assert ran.stdout.decode().strip() == SAID
    assert request.json()["messages"] == HI


@pytest.mark.filterwarnings("ignore")
async def test_langchain(tmp_path: Path) -> None:
    langchain = pytest.importorskip(
        "langchain_openai", reason="the package langchain-openai is not installed"
    )
    async with opened(tmp_path) as (club, fake):
        chat = langchain.ChatOpenAI(
            base_url=club.openai_url,
            api_key=club.api_key,
            model=MODEL,
            max_tokens=9,
            max_retries=0,
        )
        whole = await anyio.to_thread.run_sync(chat.invoke, "hi")
        pieces = await anyio.to_thread.run_sync(lambda: list(chat.stream("hi")))

    first, _ = fake.asked("/v1/chat/completions")
    assert whole.content == SAID
    assert whole.usage_metadata["total_tokens"] == 10
    assert "".join(piece.content for piece in pieces) == SAID
    assert first.json()["max_tokens"] == 9
