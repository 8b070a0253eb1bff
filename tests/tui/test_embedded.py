from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from clubai.agent import BackendConfig
from clubai.club import Club, open_club
from clubai.errors import ClubAIError, ConfigError
from clubai.protocol.feed import ClubEvent, FeedSnapshot
from clubai.tui.embedded import embedded
from support.thread_backend import parrot


async def test_a_club_in_a_thread_is_followed_and_asked_like_any_other(
    tmp_path: Path,
) -> None:
    with parrot() as backend:
        chosen = BackendConfig(url=backend.url)
        open_it = partial(open_club, agents=1, data=tmp_path, backend=chosen)
        with embedded(open_it) as source:
            assert (source.mode, source.url) == ("embedded", "this machine")
            seen: list[str] = []
            async with aclosing(source.items()) as items:
                first = await anext(items)
                async with source.client() as client:
                    answer = await client.ask("hello")
                async for item in items:
                    if isinstance(item, ClubEvent) and item.task is not None:
                        seen.append(item.what)
                        if item.what == "done":
                            break
            told = await source.call("GET", "/api/me")
            members = await source.call("GET", "/api/members")
            url = source.url

    assert isinstance(first, FeedSnapshot)
    assert (first.role, len(first.nodes)) == ("operator", 1)
    assert answer.text == "You said: hello "
    assert seen[-1] == "done"
    assert told["role"] == "operator"
    assert [each["name"] for each in members["members"]] == ["operator", "guest"]
    assert url.startswith("http://127.0.0.1:")
    assert not any(thread.name.startswith("clubai") for thread in threading.enumerate())


async def test_a_club_that_cannot_be_started_says_why() -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[Club]:
        raise ConfigError("data", "/nowhere", "name another directory")
        yield

    with embedded(broken) as source:
        with pytest.raises(ConfigError, match="name another directory"):
            await anext(source.items())
        with pytest.raises(ConfigError):
            await source.call("GET", "/api/me")


async def test_any_other_error_of_its_start_is_told_by_its_name() -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[Club]:
        raise OSError(98, "address in use")
        yield

    with embedded(broken) as source:
        for _ in range(2):
            with pytest.raises(ClubAIError, match=r"OSError: .*address in use"):
                await anext(source.items())
        assert source.url == "this machine"
        with pytest.raises(ClubAIError, match="address in use"):
            source.client()


async def test_who_waits_may_go_away_while_it_starts() -> None:
    go_on = threading.Event()

    @asynccontextmanager
    async def slow() -> AsyncIterator[Club]:
        await to_thread.run_sync(go_on.wait)
        raise ConfigError("data", "/nowhere", "name another directory")
        yield

    with embedded(slow) as source:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(source.attached)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        assert source.url == "this machine"
        go_on.set()
        with pytest.raises(ConfigError, match="name another directory"):
            await source.attached()


async def test_it_is_left_while_it_starts() -> None:
    entered = threading.Event()
    ended = threading.Event()

    @asynccontextmanager
    async def slow() -> AsyncIterator[Club]:
        entered.set()
        try:
            await anyio.sleep_forever()
            yield
        finally:
            ended.set()

    with embedded(slow) as source:
        assert entered.wait(10)
        with pytest.raises(ClubAIError, match="still starting"):
            source.client()

    assert ended.is_set()


async def test_the_end_of_the_club_ends_the_feed_with_its_reason(
    tmp_path: Path,
) -> None:
    stop = threading.Event()

    with embedded(partial(_ending, tmp_path, stop)) as source:
        async with aclosing(source.items()) as items:
            assert isinstance(await anext(items), FeedSnapshot)
            stop.set()
            with pytest.raises(ClubAIError, match=r"has ended: .*disk is full"):
                [item async for item in items]


@asynccontextmanager
async def _ending(data: Path, stop: threading.Event) -> AsyncIterator[Club]:
    opened = open_club(agents=0, data=data)
    async with anyio.create_task_group() as tasks, opened as club:

        async def fail() -> None:
            await to_thread.run_sync(stop.wait)
            raise ClubAIError("the disk is full")

        tasks.start_soon(fail)
        yield club
