from __future__ import annotations

from clubai.agent.backends.detect import detect
from clubai.model import ModelOffer
from support.fakes.base import MODEL
from support.fakes.vllm import FakeVLLM


async def test_the_context_is_told_and_the_slots_are_many() -> None:
    async with FakeVLLM().open() as fake:
        info = await (await detect(fake.url)).look()

        assert info.models == (ModelOffer(name=MODEL, context=4096),)
        assert (info.slots, info.most_slots) == (16, 0)


async def test_a_missing_version_is_no_failure() -> None:
    async with FakeVLLM().open() as fake:
        backend = await detect(fake.url)
        del fake.routes["GET", "/version"]

        assert (await backend.look()).version == ""
