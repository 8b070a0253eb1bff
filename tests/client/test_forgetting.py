from __future__ import annotations

import gc
import weakref
from functools import partial

import anyio
import pytest

from clubai.client.forgetting import forgetting


class Prompt:
    """Something that a weak reference can be made to."""


async def waiting(prompt: Prompt) -> None:
    try:
        await anyio.sleep_forever()
    finally:
        with anyio.move_on_after(0):
            await anyio.lowlevel.checkpoint()


async def test_a_cancelled_task_holds_nothing() -> None:
    prompt = Prompt()
    held = weakref.ref(prompt)
    gc.collect()
    gc.disable()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(forgetting, partial(waiting, prompt))
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        del prompt
        await anyio.lowlevel.checkpoint()
        assert held() is None
    finally:
        gc.enable()


async def test_a_failure_keeps_its_traceback() -> None:
    async def fail() -> None:
        raise ValueError("why")

    with pytest.raises(ValueError, match="why") as caught:
        await forgetting(fail)
    assert caught.traceback[-1].name == "fail"
