from __future__ import annotations

from clubai.agent.backends.base import BackendInfo
from clubai.agent.backends.detect import detect
from clubai.model import ModelOffer
from support.answers import ask
from support.fakes.base import MODEL
from support.fakes.lmstudio import COLD, EMBEDDER, FakeLMStudio, instance


def by_name(info: BackendInfo) -> dict[str, ModelOffer]:
    return {model.name: model for model in info.models}


async def test_loaded_models_are_warm_with_their_own_context() -> None:
    async with FakeLMStudio().open() as fake:
        info = await (await detect(fake.url)).look()

        assert by_name(info)[MODEL] == ModelOffer(
            name=MODEL, context=8192, warm=True, quantization="Q4_K_M"
        )


async def test_models_on_disk_are_cold_with_a_cautious_context() -> None:
    async with FakeLMStudio().open() as fake:
        cold = by_name(await (await detect(fake.url)).look())[COLD]

        assert not cold.warm
        assert cold.context == 4096


async def test_without_loading_on_demand_only_loaded_models_are_offered() -> None:
    for api in (0, 1):
        async with FakeLMStudio(api=api, on_demand=False).open() as fake:
            info = await (await detect(fake.url)).look()

            assert set(by_name(info)) == {MODEL, EMBEDDER}


async def test_embedding_models_embed() -> None:
    for api in (0, 1):
        async with FakeLMStudio(api=api).open() as fake:
            info = await (await detect(fake.url)).look()

            assert by_name(info)[EMBEDDER].kinds == ("embedding",)
            assert by_name(info)[MODEL].kinds == ("chat", "completion")


async def test_the_slots_are_those_of_the_widest_loaded_model() -> None:
    async with FakeLMStudio().open() as fake:
        backend = await detect(fake.url)
        assert (await backend.look()).slots == 4

        fake.native[0]["loaded_instances"] = [instance(MODEL, 8192, 6)]
        fake.fixed("GET", "/api/v1/models", {"models": fake.native})
        assert (await backend.look()).slots == 6


async def test_an_instance_is_asked_by_its_own_name() -> None:
    async with FakeLMStudio().open() as fake:
        backend = await detect(fake.url)
        await backend.look()
        await ask(backend)

        sent = fake.asked("/v1/chat/completions")[-1].json()
        assert sent["model"] == f"{MODEL}:2"


async def test_what_is_unloaded_becomes_cold_at_the_next_look() -> None:
    async with FakeLMStudio().open() as fake:
        backend = await detect(fake.url)
        await backend.look()
        fake.native[0]["loaded_instances"] = []
        fake.fixed("GET", "/api/v1/models", {"models": fake.native})
        info = await backend.look()
        await ask(backend)

        assert not by_name(info)[MODEL].warm
        sent = fake.asked("/v1/chat/completions")[-1].json()
        assert sent["model"] == MODEL


async def test_version_0_tells_context_and_state_but_no_slots() -> None:
    async with FakeLMStudio(api=0).open() as fake:
        info = await (await detect(fake.url)).look()
        models = by_name(info)

        assert info.slots == 1
        assert (models[MODEL].warm, models[MODEL].context) == (True, 8192)
        assert (models[COLD].warm, models[COLD].context) == (False, 4096)


async def test_a_server_without_models_is_still_lm_studio() -> None:
    async with FakeLMStudio().open() as fake:
        fake.fixed("GET", "/api/v1/models", {"models": []})
        info = await (await detect(fake.url)).look()

        assert (info.kind, info.models) == ("lmstudio", ())
