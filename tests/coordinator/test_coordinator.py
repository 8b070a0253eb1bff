from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from clubai.coordinator.config import CoordinatorConfig
from clubai.coordinator.coordinator import Coordinator, timeline
from clubai.errors import ConnectionLost, TaskRejected
from clubai.model import FailCode
from clubai.storage import MemoryStore, open_store
from support.memory_club import ALICE, memory_club
from support.scripted_backend import ScriptedBackend, say, word


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ({"host": "192.0.2.7"}, True),
        ({"host": "192.0.2.7", "origins": ("club.example",)}, False),
        ({"host": "127.0.0.1"}, False),
    ],
    ids=str,
)
async def test_a_coordinator_for_others_that_names_no_address_says_so(
    settings: dict[str, Any],
    warned: bool,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = CoordinatorConfig(data=tmp_path, **settings)
    async with Coordinator.open(config, store=MemoryStore()):
        pass

    assert ("CLUBAI_ORIGINS" in caplog.text) == warned


async def test_what_happened_is_there_after_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'club.db'}"
    async with (
        open_store(url) as store,
        memory_club(tmp_path, store=store) as club,
        club.client() as client,
    ):
        await club.add("attic")
        await client.ask("Q", model="m")

    async with open_store(url) as store, memory_club(tmp_path, store=store) as club:
        assert club.coordinator.feed.stats().tasks_ever == 1
        (task,) = await store.tasks(limit=10)
        assert (task.state, task.member, task.completion_tokens) == (
            "done",
            ALICE.id,
            2,
        )
        await club.add("attic")


async def test_an_answer_under_way_may_end_when_the_coordinator_stops(
    tmp_path: Path,
) -> None:
    hold = anyio.Event()
    texts = []
    async with memory_club(tmp_path, shutdown_s=5.0) as club:
        await club.add("attic", ScriptedBackend(lambda _: [hold, *say("made it")({})]))

        async def ask() -> None:
            async with club.client() as client:
                texts.append((await client.ask("Q", model="m")).text)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            while club.coordinator.driver.machine.idle:
                await club.coordinator.driver.changed.wait()
            tasks.start_soon(club.coordinator.close)
            while not club.coordinator.driver.refuse_new:
                await anyio.lowlevel.checkpoint()
            hold.set()

    assert texts == ["made it"]


async def test_when_stopping_new_requests_are_refused_and_all_are_told(
    tmp_path: Path,
) -> None:
    never = anyio.Event()
    async with memory_club(tmp_path, shutdown_s=0.2) as club:
        await club.add("attic", ScriptedBackend(lambda _: [word("a"), never]))
        async with club.client() as client, anyio.create_task_group() as tasks:

            async def read() -> None:
                async with client.stream("Q", model="m") as stream:
                    await anext(stream)
                    started.set()
                    with pytest.raises(ConnectionLost, match="stopping"):
                        await anext(stream)

            started = anyio.Event()
            tasks.start_soon(read)
            await started.wait()
            tasks.start_soon(club.coordinator.close)
            while not club.coordinator.driver.refuse_new:
                await anyio.lowlevel.checkpoint()
            with pytest.raises(TaskRejected) as caught:
                await client.ask("Q", model="m")
            assert caught.value.code == FailCode.RESTARTING


async def test_the_timeline_never_goes_back() -> None:
    now = timeline()
    times = [now() for _ in range(100)]

    assert times == sorted(times)
