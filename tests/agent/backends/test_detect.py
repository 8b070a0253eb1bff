from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest

from clubai.agent.backends.detect import detect
from clubai.agent.backends.llamacpp import LlamaCppBackend
from clubai.agent.backends.lmstudio import LMStudioBackend
from clubai.agent.backends.localai import LocalAIBackend
from clubai.agent.backends.ollama import OllamaBackend
from clubai.agent.backends.openai import OpenAIBackend
from clubai.agent.backends.vllm import VLLMBackend
from clubai.errors import BackendError, ConfigError
from clubai.model import FailCode
from support.answers import ask
from support.fakes.base import FakeServer
from support.fakes.llamacpp import FakeLlamaCpp, FakeRouter
from support.fakes.lmstudio import FakeLMStudio
from support.fakes.localai import FakeLocalAI
from support.fakes.ollama import FakeOllama
from support.fakes.vllm import FakeVLLM
from support.http_server import Request, Response

NOBODY = "http://127.0.0.1:1"

KINDS: list[tuple[Callable[[], FakeServer], type[OpenAIBackend], str]] = [
    (FakeServer, OpenAIBackend, ""),
    (FakeLMStudio, LMStudioBackend, "api v1"),
    (lambda: FakeLMStudio(api=0), LMStudioBackend, "api v0"),
    (FakeOllama, OllamaBackend, "0.14.2"),
    (FakeLlamaCpp, LlamaCppBackend, "b7000-abc"),
    (FakeRouter, LlamaCppBackend, "router"),
    (FakeVLLM, VLLMBackend, "0.11.0"),
    (FakeLocalAI, LocalAIBackend, "v3.5.0 (abc)"),
]


@pytest.mark.parametrize(("make", "expected", "version"), KINDS)
async def test_every_server_is_known_by_what_it_answers(
    make: Callable[[], FakeServer], expected: type[OpenAIBackend], version: str
) -> None:
    async with make().open() as fake:
        backend = await detect(fake.url)
        info = await backend.look()

        assert type(backend) is expected
        assert (info.kind, info.version, info.url) == (fake.kind, version, fake.url)


@pytest.mark.parametrize(("make", "expected", "version"), KINDS)
async def test_detection_only_gets(
    make: Callable[[], FakeServer], expected: type[OpenAIBackend], version: str
) -> None:
    async with make().open() as fake:
        await detect(fake.url)

        assert {request.method for request in fake.server.requests} == {"GET"}


@pytest.mark.parametrize("form", ["{}", "{}/", "{}/v1", "{}/v1/"])
async def test_an_address_with_and_without_v1(form: str) -> None:
    async with FakeServer().open() as fake:
        backend = await detect(form.format(fake.url))

        assert (await ask(backend)).text == "The answer."


async def test_an_address_without_a_scheme() -> None:
    async with FakeServer().open() as fake:
        backend = await detect(fake.url.removeprefix("http://"))

        assert (await backend.look()).url == fake.url


async def test_only_the_given_address_is_asked() -> None:
    async with FakeServer().open() as fake:
        env = {"CLUBAI_BACKEND_URL": fake.url}
        port = int(fake.url.rpartition(":")[2])

        with pytest.raises(BackendError, match=NOBODY) as caught:
            await detect(NOBODY, env=env, ports=(port,))

        assert caught.value.code is FailCode.BACKEND
        assert fake.server.requests == []


@pytest.mark.parametrize(
    "variable",
    [
        "CLUBAI_BACKEND_URL",
        "OPENAI_BASE_URL",
        "OLLAMA_HOST",
        "LMSTUDIO_HOST",
        "LMSTUDIO_URL",
    ],
)
async def test_the_variables_name_an_address(variable: str) -> None:
    async with FakeServer().open() as fake, FakeServer().open() as scanned:
        port = int(scanned.url.rpartition(":")[2])
        backend = await detect(env={variable: f"{fake.url}/v1"}, ports=(port,))

        assert (await backend.look()).url == fake.url
        assert scanned.server.requests == []


async def test_the_variables_are_asked_in_order_until_one_answers() -> None:
    async with FakeServer().open() as first, FakeOllama().open() as second:
        env = {
            "OLLAMA_HOST": second.url,
            "CLUBAI_BACKEND_URL": NOBODY,
            "OPENAI_BASE_URL": first.url,
        }
        backend = await detect(env=env)

        assert (await backend.look()).url == first.url
        assert second.server.requests == []


async def test_a_variable_that_leads_nowhere_is_not_replaced_by_a_search() -> None:
    async with FakeServer().open() as scanned:
        port = int(scanned.url.rpartition(":")[2])

        with pytest.raises(BackendError, match=r"http://127.0.0.1:1 \(LMSTUDIO_URL\)"):
            await detect(env={"LMSTUDIO_URL": NOBODY}, ports=(port,))


async def test_the_first_port_that_answers_is_taken() -> None:
    async with FakeOllama().open() as first, FakeServer().open() as second:
        ports = tuple(int(f.url.rpartition(":")[2]) for f in (first, second))
        backend = await detect(ports=(1, *ports))

        assert (await backend.look()).kind == "ollama"
        assert second.server.requests == []


async def test_a_port_without_models_is_passed_over() -> None:
    async with FakeServer().open() as empty, FakeServer().open() as locked:
        empty.models.clear()
        locked.api_key = "secret"
        ports = tuple(int(f.url.rpartition(":")[2]) for f in (empty, locked))

        with pytest.raises(BackendError) as caught:
            await detect(ports=ports)

        assert f"{empty.url}: it answers, but lists no models" in caught.value.message
        assert f"{locked.url}: it wants an API key" in caught.value.message


async def test_a_named_server_may_have_no_models_yet() -> None:
    async with FakeServer().open() as fake:
        fake.models.clear()

        assert (await (await detect(fake.url)).look()).models == ()


async def test_the_message_says_what_was_tried_and_how_to_start_one() -> None:
    with pytest.raises(BackendError) as caught:
        await detect(ports=(1, 2))

    for word in ("http://127.0.0.1:1:", "http://127.0.0.1:2:", "ollama serve"):
        assert word in caught.value.message


async def test_the_clubs_own_address_is_no_model_server() -> None:
    async with FakeServer().open() as fake:
        fake.models[0]["clubai"] = {"nodes": 3}

        with pytest.raises(BackendError, match="club's own address"):
            await detect(fake.url)


async def test_something_else_is_no_model_server() -> None:
    async def page(_request: Request) -> Response:
        return Response(body=b"<html>It works!</html>", content_type="text/html")

    async with FakeServer().open() as fake:
        fake.routes.clear()
        fake.routes["GET", "/"] = page
        with pytest.raises(BackendError, match="lists no models"):
            await detect(fake.url)


async def test_a_server_that_hangs_on_one_question_is_still_known() -> None:
    async def hang(_request: Request) -> Response:
        await anyio.sleep_forever()
        raise AssertionError

    async with FakeVLLM().open() as fake:
        fake.routes["GET", "/readyz"] = hang

        assert isinstance(await detect(fake.url), VLLMBackend)


async def test_localai_is_not_taken_for_ollama() -> None:
    async with FakeLocalAI().open() as fake:
        paths = {path for _, path in fake.routes}
        assert {"/api/tags", "/api/ps", "/api/version"} <= paths

        assert isinstance(await detect(fake.url), LocalAIBackend)


async def test_llamacpp_is_known_behind_its_key() -> None:
    async with FakeLlamaCpp().open() as fake:
        fake.api_key = "secret"
        backend = await detect(fake.url)

        assert isinstance(backend, LlamaCppBackend)
        with pytest.raises(BackendError, match="API key"):
            await backend.look()


@pytest.mark.parametrize(("make", "expected", "version"), KINDS)
async def test_the_owners_slots_win(
    make: Callable[[], FakeServer], expected: type[OpenAIBackend], version: str
) -> None:
    async with make().open() as fake:
        env = {"OLLAMA_NUM_PARALLEL": "3"}

        assert (await (await detect(fake.url, slots=7, env=env)).look()).slots == 7


async def test_ollamas_slots_are_read_where_they_are_set() -> None:
    async with FakeOllama().open() as fake:
        set_ = await detect(fake.url, env={"OLLAMA_NUM_PARALLEL": "3"})
        odd = await detect(fake.url, env={"OLLAMA_NUM_PARALLEL": "many"})

        assert (await set_.look()).slots == 3
        assert (await odd.look()).slots == 1


async def test_a_kind_that_is_given_is_believed() -> None:
    async with FakeLMStudio(api=0).open() as fake:
        generic = await detect(fake.url, kind="generic")
        native = await detect(fake.url, kind="lmstudio")

        assert type(generic) is OpenAIBackend
        assert (await native.look()).version == "api v0"


async def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="one of llamacpp"):
        await detect(NOBODY, kind="chatgpt")
