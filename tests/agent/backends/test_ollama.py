from __future__ import annotations

import pytest

from clubai.agent.backends.base import BackendInfo
from clubai.agent.backends.detect import detect
from clubai.errors import BackendError
from clubai.model import FailCode, ModelOffer
from support.fakes.base import Script
from support.fakes.ollama import COLD, COLD_SET, EMBEDDER, WARM, FakeOllama
from support.http_server import json_response


def by_name(info: BackendInfo) -> dict[str, ModelOffer]:
    return {model.name: model for model in info.models}


async def test_what_is_in_memory_is_warm_with_the_context_it_runs_with() -> None:
    async with FakeOllama().open() as fake:
        info = await (await detect(fake.url)).look()
        models = by_name(info)

        assert (models[WARM].warm, models[WARM].context) == (True, 8192)
        assert models[WARM].quantization == "Q4_0"
        assert not models[COLD].warm


async def test_a_cold_models_context_is_not_the_one_it_was_trained_for() -> None:
    async with FakeOllama().open() as fake:
        models = by_name(await (await detect(fake.url)).look())

        assert models[COLD].context == 4096
        assert models[COLD_SET].context == 16384, "num_ctx in the model's file"


async def test_capabilities_say_what_can_be_asked() -> None:
    async with FakeOllama().open() as fake:
        models = by_name(await (await detect(fake.url)).look())

        assert models[EMBEDDER].kinds == ("embedding",)
        assert models[WARM].kinds == ("chat", "completion")


async def test_a_models_file_is_read_once() -> None:
    async with FakeOllama().open() as fake:
        backend = await detect(fake.url)
        await backend.look()
        fake.loaded = [{"name": COLD, "model": COLD, "context_length": 2048}]
        models = by_name(await backend.look())

        assert len(fake.asked("/api/show")) == 4
        assert (models[WARM].warm, models[COLD].warm) == (False, True)
        assert models[COLD].context == 2048


async def test_a_model_that_vanishes_while_looking_is_offered_cautiously() -> None:
    async with FakeOllama().open() as fake:
        fake.fixed("POST", "/api/show", {"error": "model not found"}, 404)
        models = by_name(await (await detect(fake.url)).look())

        assert models[COLD].context == 4096
        assert models[EMBEDDER].kinds == ("embedding",), "by its name"


async def test_a_full_queue_is_busy() -> None:
    async with FakeOllama().open() as fake:
        backend = await detect(fake.url)
        said = "server busy, please try again.  maximum pending requests exceeded"
        fake.script = Script(refuse=json_response({"error": said}, 503))

        with pytest.raises(BackendError) as caught:
            async with backend.run("chat", WARM, {"messages": []}):
                pass

        assert caught.value.code is FailCode.BUSY
