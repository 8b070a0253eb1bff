"""One suite over every kind of server: how an answer streams, fails and is left."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import pytest

from clubai.agent.backends.base import Backend
from clubai.agent.backends.detect import detect
from clubai.agent.backends.http import Http
from clubai.agent.backends.openai import OpenAIBackend
from clubai.errors import BackendError
from clubai.model import FailCode, Kind
from clubai.protocol.records import Choice
from support.answers import ask
from support.fakes.base import MODEL, TOOL_CALL, USAGE, FakeServer, Script, event
from support.fakes.llamacpp import FakeLlamaCpp
from support.fakes.lmstudio import FakeLMStudio
from support.fakes.localai import FakeLocalAI
from support.fakes.ollama import FakeOllama
from support.fakes.vllm import FakeVLLM
from support.http_server import Response, json_response


class FakeOldServer(FakeServer):
    refuses_stream_options = True


FAKES: dict[str, Callable[[], FakeServer]] = {
    "generic": FakeServer,
    "old": FakeOldServer,
    "lmstudio-v1": FakeLMStudio,
    "lmstudio-v0": lambda: FakeLMStudio(api=0),
    "ollama": FakeOllama,
    "llamacpp": FakeLlamaCpp,
    "vllm": FakeVLLM,
    "localai": FakeLocalAI,
}

pytestmark = pytest.mark.parametrize("make", FAKES.values(), ids=FAKES.keys())
Make = Callable[[], FakeServer]
CONTEXT = "context_length_exceeded"


@asynccontextmanager
async def opened(make: Make) -> AsyncIterator[tuple[FakeServer, Backend]]:
    async with make().open() as fake:
        backend = await detect(fake.url)
        fake.server.requests.clear()
        yield fake, backend


async def failure(backend: Backend, kind: Kind = "chat", model: str = MODEL) -> str:
    body = {"messages": [{"role": "user", "content": "x"}], "prompt": "x", "input": "x"}
    with pytest.raises(BackendError) as caught:
        await ask(backend, body, kind=kind, model=model)
    return caught.value.code.value


async def test_a_chat_streams_in_order_and_ends_with_the_usage(make: Make) -> None:
    async with opened(make) as (fake, backend):
        answered = await ask(backend)

        assert answered.text == "The answer."
        assert answered.finish_reasons == ["stop"]
        assert answered.usage is not None
        if not fake.refuses_stream_options:
            assert answered.counts == (7, 3)
            assert json.loads(bytes(answered.usage.raw)) == USAGE


async def test_the_first_step_with_the_role_is_passed_on(make: Make) -> None:
    async with opened(make) as (_, backend):
        first = (await ask(backend)).deltas[0]

        assert first["role"] == "assistant"
        assert not first["content"]


async def test_the_server_is_always_asked_to_stream(make: Make) -> None:
    async with opened(make) as (fake, backend):
        body = {
            "messages": [{"role": "user", "content": "x"}],
            "stream": False,
            "stream_options": {"include_usage": False},
            "model": "something-else",
            "temperature": 0.25,
        }
        await ask(backend, body)

        sent = fake.asked("/v1/chat/completions")[-1].json()
        assert sent["stream"] is True
        assert sent["model"] == MODEL
        assert sent["temperature"] == 0.25
        if not fake.refuses_stream_options:
            assert sent["stream_options"] == {"include_usage": True}
        assert body["stream"] is False, "the caller's body must not change"


async def test_a_completion_streams_text(make: Make) -> None:
    async with opened(make) as (_, backend):
        answered = await ask(backend, {"prompt": "Once"}, kind="completion")

        assert answered.text == "The answer."
        assert answered.deltas == []
        assert answered.finish_reasons == ["stop"]


async def test_tool_calls_and_reasoning_pass_untouched(make: Make) -> None:
    async with opened(make) as (fake, backend):
        reasoning = {"reasoning_content": "Hm.", "reasoning": "Hm!"}
        fake.script = Script(words=(), tools=True, finish="tool_calls")
        calls = await ask(backend)
        fake.script = Script(
            raw=[
                event(fake.chat_chunk(delta=reasoning)),
                event(fake.chat_chunk(finish="stop")),
            ]
        )
        thought = await ask(backend)

        assert {"tool_calls": [TOOL_CALL]} in calls.deltas
        assert calls.finish_reasons == ["tool_calls"]
        assert thought.deltas[0] == reasoning


async def test_a_usage_that_is_not_given_is_estimated(make: Make) -> None:
    async with opened(make) as (fake, backend):
        fake.script = Script(no_usage=True)
        answered = await ask(
            backend, {"messages": [{"role": "user", "content": "9" * 9}]}
        )

        assert answered.counts == (3, 3)
        assert answered.usage is not None
        assert json.loads(bytes(answered.usage.raw))["total_tokens"] == 6


async def test_an_unknown_finish_reason_becomes_stop(make: Make) -> None:
    async with opened(make) as (fake, backend):
        fake.script = Script(finish="eos_token")

        assert (await ask(backend)).finish_reasons == ["stop"]


async def test_a_length_stays_a_length(make: Make) -> None:
    async with opened(make) as (fake, backend):
        fake.script = Script(finish="length")

        assert (await ask(backend)).finish_reasons == ["length"]


async def test_an_abort_is_no_finish(make: Make) -> None:
    async with opened(make) as (fake, backend):
        fake.script = Script(finish="abort")

        assert await failure(backend) == "truncated"


@pytest.mark.parametrize("kind", ["chat", "completion"])
@pytest.mark.parametrize(
    "script",
    [
        Script(cut_after=2),
        Script(end_after=2),
        Script(finish=None),
        Script(end_after=0),
    ],
    ids=["broken off", "ended", "done without finish", "role only"],
)
async def test_an_end_without_a_finish_reason_is_truncated(
    make: Make, script: Script, kind: Kind
) -> None:
    async with opened(make) as (fake, backend):
        fake.script = script

        assert await failure(backend, kind) == "truncated"


async def test_a_connection_that_breaks_after_the_finish_took_nothing(
    make: Make,
) -> None:
    async with opened(make) as (fake, backend):
        for script in (
            Script(cut_at_end=True),
            Script(cut_at_end=True, no_usage=True),
            Script(done=False, no_usage=True),
        ):
            fake.script = script

            assert (await ask(backend)).text == "The answer."


@pytest.mark.parametrize(
    "script",
    [
        Script(raw=[]),
        Script(raw=[b"data: [DONE]\n\n"]),
        Script(raw=[b"data: null\n\n: ping\n\ndata: [DONE]\n\n"]),
        Script(words=(), usage={"prompt_tokens": 9, "completion_tokens": 0}),
        Script(words=("",), no_usage=True),
    ],
    ids=["nothing", "done", "null", "no tokens", "no words"],
)
async def test_an_answer_without_anything_is_empty(make: Make, script: Script) -> None:
    async with opened(make) as (fake, backend):
        fake.script = script

        assert await failure(backend) == "empty"


async def test_an_error_in_the_midst_fails_the_answer(make: Make) -> None:
    async with opened(make) as (fake, backend):
        said = fake.error("the engine died")
        fake.script = Script(error_after=1, error=said)
        seen = b""

        async def read() -> None:
            nonlocal seen
            async with backend.run("chat", MODEL, {"messages": []}) as pieces:
                async for piece in pieces:
                    assert isinstance(piece, Choice)
                    seen += bytes(piece.delta)

        with pytest.raises(BackendError, match="the engine died") as caught:
            await read()

        assert caught.value.code is FailCode.BACKEND
        assert b'"The"' in seen


async def test_a_too_long_prompt_under_status_200_is_told_apart(make: Make) -> None:
    async with opened(make) as (fake, backend):
        said = {"error": {"message": "Context size has been exceeded."}}
        fake.script = Script(error_after=0, error=said)

        assert await failure(backend) == "context_length_exceeded"


async def test_an_error_body_under_status_200_is_a_failure(make: Make) -> None:
    async with opened(make) as (fake, backend):
        fake.script = Script(refuse=json_response({"error": "no such thing"}))

        assert await failure(backend) == "backend"
        assert await failure(backend, "embedding") == "backend"


async def test_a_line_without_end_is_cut_off(make: Make) -> None:
    async with opened(make) as (fake, backend):
        fake.script = Script(raw=[b"data: " + b"x" * 65536] + [b"y" * 65536] * 16)

        assert await failure(backend) == "backend"


async def test_what_cannot_be_read_is_a_failure(make: Make) -> None:
    async with opened(make) as (fake, backend):
        for raw in (b"data: {oops\n\n", b'data: {"choices": 3}\n\n', b"data: []\n\n"):
            fake.script = Script(raw=[raw])

            assert await failure(backend) == "backend"


@pytest.mark.parametrize("steps", [0, 1], ids=["before a step", "after a step"])
async def test_leaving_closes_the_connection(make: Make, steps: int) -> None:
    async with opened(make) as (fake, backend):
        fake.script = Script(hang_after=1)
        async with backend.run("chat", MODEL, {"messages": []}) as pieces:
            for _ in range(steps):
                await anext(pieces)

        await fake.server.client_left()


async def test_cancelling_closes_the_connection(make: Make) -> None:
    async with opened(make) as (fake, backend):
        fake.script = Script(hang_after=1)
        words = anyio.Event()

        async def read() -> None:
            async with backend.run("chat", MODEL, {"messages": []}) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Choice) and b"The" in bytes(piece.delta):
                        words.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            with anyio.fail_after(5):
                await words.wait()
            tasks.cancel_scope.cancel()

        await fake.server.client_left()


async def test_several_requests_run_at_the_same_time(make: Make) -> None:
    async with opened(make) as (_, backend):
        texts: list[str] = []

        async def one() -> None:
            texts.append((await ask(backend)).text)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(one)

        assert texts == ["The answer."] * 5


async def test_an_unknown_model_is_told(make: Make) -> None:
    async with opened(make) as (fake, backend):
        if fake.knows("nobody-has-this"):
            pytest.skip("this server answers to any name")

        assert await failure(backend, model="nobody-has-this") == "unknown_model"


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (400, "temperature must be a number", "bad_request"),
        (422, "temperature must be a number", "bad_request"),
        (400, "this model does not support tools", "unsupported"),
        (400, "This model's maximum context length is 4 tokens", CONTEXT),
        (400, "input exceeds maximum context length", CONTEXT),
        (401, "bad key", "backend"),
        (403, "no", "backend"),
        (413, "too large", "too_big"),
        (429, "slow down", "busy"),
        (500, "out of memory", "backend"),
        (501, "not implemented", "unsupported"),
        (503, "server busy, maximum pending requests exceeded", "busy"),
    ],
)
async def test_refusals_in_the_servers_own_shape(
    make: Make, status: int, message: str, code: str
) -> None:
    async with opened(make) as (fake, backend):
        refusal = json_response(fake.error(message), status)
        fake.script = Script(refuse=refusal)

        assert await failure(backend) == code
        assert await failure(backend, "completion") == code


async def test_a_key_that_is_refused_is_the_owners_to_mend(make: Make) -> None:
    async with opened(make) as (fake, backend):
        fake.api_key = "secret"

        with pytest.raises(BackendError, match="give the agent the API key") as caught:
            await ask(backend)

        assert caught.value.status == 401


async def test_the_key_is_sent(make: Make) -> None:
    async with make().open() as fake:
        fake.api_key = "secret"
        backend = await detect(fake.url, api_key="secret")

        assert (await ask(backend)).text == "The answer."


async def test_a_server_that_is_gone_is_a_failure(make: Make) -> None:
    async with opened(make) as (_, backend):
        pass

    assert await failure(backend) == "backend"
    with pytest.raises(BackendError):
        await backend.look()


async def test_embeddings_come_as_they_are(make: Make) -> None:
    async with opened(make) as (fake, backend):
        if isinstance(fake, FakeLlamaCpp):
            fake.embeds = True
        body = {"input": ["a", "b"], "encoding_format": "float", "stream": True}
        answered = await ask(backend, body, kind="embedding")

        sent = fake.asked("/v1/embeddings")[-1].json()
        assert answered.embeddings is not None
        assert [row["embedding"] for row in answered.embeddings] == [[0.5, -0.5]] * 2
        assert answered.counts == (4, 0)
        assert sent == {
            "input": ["a", "b"],
            "encoding_format": "float",
            "model": sent["model"],
        }


async def test_no_embeddings_are_empty(make: Make) -> None:
    async with opened(make) as (fake, backend):
        fake.fixed("POST", "/v1/embeddings", {"data": [], "usage": {}})

        assert await failure(backend, "embedding") == "empty"


async def test_a_missing_endpoint_is_unsupported(make: Make) -> None:
    async with opened(make) as (fake, backend):
        del fake.routes["POST", "/v1/embeddings"]
        expected = "backend" if fake.kind == "lmstudio" else "unsupported"

        assert await failure(backend, "embedding") == expected


async def test_stream_options_are_dropped_once_for_a_server_that_refuses_them(
    make: Make,
) -> None:
    async with opened(make) as (fake, backend):
        fake.refuses_stream_options = True
        await ask(backend)
        await ask(backend)

        asked = [r.json() for r in fake.asked("/v1/chat/completions")]
        assert ["stream_options" in body for body in asked] == [True, False, False]


async def test_another_refusal_is_not_tried_again(make: Make) -> None:
    async with opened(make) as (fake, backend):
        fake.script = Script(refuse=json_response(fake.error("no"), 400))
        await failure(backend)

        assert len(fake.asked("/v1/chat/completions")) == 1


async def test_silence_is_a_failure(make: Make) -> None:
    async with opened(make) as (fake, _):
        backend = OpenAIBackend(Http(fake.url, read_seconds=0.2))
        fake.script = Script(hang_after=0)

        with pytest.raises(BackendError, match="silent") as caught:
            await ask(backend)

        assert caught.value.code is FailCode.BACKEND


async def test_a_plain_text_refusal_is_read(make: Make) -> None:
    async with opened(make) as (fake, backend):
        refusal = Response(502, b"<html>bad gateway</html>", "text/html")
        fake.script = Script(refuse=refusal)

        with pytest.raises(BackendError, match="bad gateway") as caught:
            await ask(backend)

        assert caught.value.code is FailCode.BACKEND
