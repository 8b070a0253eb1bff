from __future__ import annotations

import anyio
import msgspec
import pytest

from clubai.agent.backends.base import BackendInfo
from clubai.agent.lookout import Lookout
from clubai.agent.standing import Standing
from clubai.errors import BackendError
from clubai.model import FailCode
from support.clock import Clock
from support.scripted_backend import ScriptedBackend


class FickleBackend(ScriptedBackend):
    """Answers, or says why not; a look waits for `gate` when there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.error = ""
        self.gate: anyio.Event | None = None
        self.looks = 0
        self.looked = anyio.Event()

    async def look(self) -> BackendInfo:
        self.looks += 1
        self.looked.set()
        info = self.info
        if self.gate is not None:
            await self.gate.wait()
        if self.error:
            raise BackendError(FailCode.BACKEND, self.error)
        return info


class Post:
    """A lookout, with all that it looks at and tells."""

    def __init__(self) -> None:
        self.clock = Clock(1000.0)
        self.backend = FickleBackend()
        self.standing = Standing()
        self.lookout = Lookout(
            self.backend, self.standing, wall_ms=lambda: int(self.clock() * 1000)
        )


async def test_what_a_look_finds_is_told_and_shown() -> None:
    post = Post()
    assert await post.lookout.look()

    view = post.lookout.view(lambda _: 0.0)

    assert (view.kind, view.version, view.slots) == ("scripted", "1", 2)
    assert view.models == post.backend.info.models == post.standing.models
    assert (view.answers, view.looked_at, view.error) == (True, 1000.0, "")


async def test_a_server_that_is_gone_is_shown_with_what_it_last_had() -> None:
    post = Post()
    await post.lookout.first()
    post.backend.error = "connection refused"
    post.clock.forward(5)

    assert not await post.lookout.look()

    view = post.lookout.view(lambda _: 0.0)
    assert (view.answers, view.error) == (False, "connection refused")
    assert view.looked_at == 1005.0
    assert view.models == post.backend.info.models
    assert post.standing.models == ()

    post.backend.error = ""
    assert await post.lookout.look()
    assert post.lookout.view(lambda _: 0.0).answers
    assert post.standing.models == post.backend.info.models


async def test_the_first_look_says_why_there_is_no_server() -> None:
    post = Post()
    post.backend.error = "connection refused"

    with pytest.raises(BackendError, match="refused"):
        await post.lookout.first()


async def test_the_speed_is_the_measured_one_where_there_is_one() -> None:
    post = Post()
    models = tuple(
        msgspec.structs.replace(post.backend.info.models[0], name=name) for name in "mn"
    )
    post.backend.info = msgspec.structs.replace(
        post.backend.info, models=models, most_slots=3
    )
    await post.lookout.first()

    view = post.lookout.view(lambda model: 12.34 if model == "n" else 0.0)

    assert [model.tokens_per_second for model in view.models] == [0.0, 12.3]
    assert view.most_slots == 3


async def test_it_looks_again_when_the_standing_asks() -> None:
    post = Post()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(post.lookout.watch, 3600.0)
        await anyio.wait_all_tasks_blocked()
        assert post.backend.looks == 0

        post.standing.look_again()

        with anyio.fail_after(5):
            await post.backend.looked.wait()
        tasks.cancel_scope.cancel()


async def test_of_two_looks_at_once_the_later_one_counts() -> None:
    post = Post()
    post.backend.gate = slow = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(post.lookout.look)
        await anyio.wait_all_tasks_blocked()
        post.backend.gate = None
        post.backend.info = msgspec.structs.replace(post.backend.info, slots=7)
        tasks.start_soon(post.lookout.look)
        await anyio.wait_all_tasks_blocked()
        slow.set()

    assert post.standing.slots == 7
