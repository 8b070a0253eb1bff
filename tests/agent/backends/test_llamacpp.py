"""Against the fake; `test_embedded.py` runs the real server."""

from __future__ import annotations

import anyio
import pytest

from clubai.agent.backends import llamacpp
from clubai.agent.backends.detect import detect
from clubai.errors import BackendError
from clubai.model import FailCode, ModelOffer
from support.fakes.base import MODEL
from support.fakes.llamacpp import FakeLlamaCpp, FakeRouter
from support.http_server import Request, Response


async def test_the_context_is_that_of_one_slot() -> None:
    async with FakeLlamaCpp().open() as fake:
        info = await (await detect(fake.url)).look()

        assert (info.slots, info.most_slots) == (2, 2)
        assert info.models == (
            ModelOffer(name=MODEL, context=2048, quantization="Q4_1"),
        )


async def test_the_context_is_never_more_than_the_model_was_trained_for() -> None:
    async with FakeLlamaCpp().open() as fake:
        fake.props["default_generation_settings"] = {"n_ctx": 999_999}
        info = await (await detect(fake.url)).look()

        assert info.models[0].context == 8192


async def test_embeddings_are_offered_where_the_server_was_started_for_them() -> None:
    for embeds in (True, False):
        async with FakeLlamaCpp(embeds=embeds).open() as fake:
            backend = await detect(fake.url)
            first = await backend.look()
            await backend.look()

            assert ("embedding" in first.models[0].kinds) is embeds
            assert len(fake.asked("/v1/embeddings")) == 1, "asked once"


async def test_a_busy_server_is_asked_again_for_embeddings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def hang(_request: Request) -> Response:
        await anyio.sleep_forever()
        raise AssertionError

    monkeypatch.setattr(llamacpp, "PROBE_SECONDS", 0.05)
    async with FakeLlamaCpp(embeds=True).open() as fake:
        working = fake.routes["POST", "/v1/embeddings"]
        fake.routes["POST", "/v1/embeddings"] = hang
        backend = await detect(fake.url)
        busy = await backend.look()
        fake.routes["POST", "/v1/embeddings"] = working
        idle = await backend.look()

        assert "embedding" not in busy.models[0].kinds
        assert "embedding" in idle.models[0].kinds


@pytest.mark.parametrize(
    "path", ["/home/somebody/models/tiny-chat.gguf", "C:\\models\\tiny-chat.gguf"]
)
async def test_a_models_path_stays_on_its_machine(path: str) -> None:
    async with FakeLlamaCpp(name=path).open() as fake:
        info = await (await detect(fake.url)).look()

        assert info.models[0].name == MODEL


async def test_a_router_has_warm_and_cold_models() -> None:
    async with FakeRouter().open() as fake:
        info = await (await detect(fake.url)).look()

        assert [(m.name, m.warm) for m in info.models] == [
            (MODEL, True),
            ("other", False),
        ]
        assert info.slots == 2
        queries = {request.query for request in fake.asked("/props")}
        assert f"model={MODEL}&autoload=false" in queries


async def test_a_server_that_is_loading_is_busy() -> None:
    async with FakeLlamaCpp().open() as fake:
        backend = await detect(fake.url)
        loading = {"code": 503, "message": "Loading model", "type": "unavailable_error"}
        fake.fixed("GET", "/v1/models", {"error": loading}, 503)

        with pytest.raises(BackendError, match="Loading model") as caught:
            await backend.look()

        assert caught.value.code is FailCode.BUSY
