"""Applications with a lifespan, without one, and with a broken one."""

from __future__ import annotations

from typing import Any

import anyio

from clubai.transport.lifespan import Lifespan


async def run(app: Any) -> Lifespan:
    lifespan = Lifespan(app)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lifespan.run)
        await lifespan.started()
        await lifespan.stop()
    return lifespan


async def test_an_application_is_told_to_start_and_to_stop() -> None:
    told: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["made"] = "here"
        for _ in range(2):
            kind = (await receive())["type"]
            told.append(kind)
            await send({"type": f"{kind}.complete"})

    lifespan = await run(app)

    assert told == ["lifespan.startup", "lifespan.shutdown"]
    assert lifespan.state == {"made": "here"}


async def test_an_application_without_a_lifespan_is_served_without_one() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"

    assert (await run(app)).failure is None


async def test_an_application_that_takes_it_for_a_request_is_served() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while True:
            await send({"type": "http.response.body"})

    assert (await run(app)).failure is None


async def test_an_application_that_says_that_it_failed_is_believed() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.failed", "message": "no disk"})

    assert str((await run(app)).failure) == "no disk"


async def test_cleaning_up_survives_the_end_of_everything_else() -> None:
    story: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await anyio.sleep(0.01)
        story.append("cleaned up")
        await send({"type": "lifespan.shutdown.complete"})

    lifespan = Lifespan(app)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lifespan.run)
        await lifespan.started()
        tasks.cancel_scope.cancel()
        await lifespan.stop()

    assert story == ["cleaned up"]
