from __future__ import annotations

from clubai.agent.backends.detect import detect
from support.fakes.base import MODEL
from support.fakes.localai import COLD, FakeLocalAI


async def test_what_is_in_memory_is_warm() -> None:
    async with FakeLocalAI().open() as fake:
        info = await (await detect(fake.url)).look()

        assert {m.name: m.warm for m in info.models} == {MODEL: True, COLD: False}
        assert info.slots == 1


async def test_without_a_word_about_memory_everything_is_warm() -> None:
    async with FakeLocalAI().open() as fake:
        backend = await detect(fake.url)
        del fake.routes["GET", "/api/ps"]

        assert all(model.warm for model in (await backend.look()).models)
