from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from clubai.agent.backends.base import Piece
from clubai.coordinator.assigner import Assigner
from clubai.coordinator.driver import Driver
from clubai.core.commands import RecordStanding
from clubai.core.coordinator import CoordinatorMachine
from clubai.core.limits import CoordinatorLimits
from clubai.crypto.identity import Identity
from clubai.errors import BackendError, StorageError, TaskFailed, TaskRejected
from clubai.model import FailCode, NodeId
from clubai.protocol.messages import Goodbye, TaskAssign, TaskCancel, TaskRecord
from clubai.reputation.events import Change, StandingEvent
from clubai.storage import MemoryStore
from clubai.storage.base import TaskRow
from support.memory_club import BOB, memory_club
from support.raw_peers import RawNode
from support.scripted_backend import ScriptedBackend, say, word


class Breaking(MemoryStore):
    """A store whose disk is full while `full`."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False
        self.rows: list[TaskRow] = []
        self.order: list[str] = []

    async def append_tasks_and_standing(
        self, tasks: Sequence[TaskRow], events: Sequence[StandingEvent]
    ) -> None:
        if self.full:
            raise StorageError("club.db", "the disk is full")
        if tasks:
            self.order.append("stored")
        self.rows += tasks
        await super().append_tasks_and_standing(tasks, events)


async def test_facts_are_stored_before_the_answer_ends(tmp_path: Path) -> None:
    store = Breaking()
    async with memory_club(tmp_path, store=store) as club, club.client() as client:
        await club.add("attic")

        async with client.stream("Q", model="m") as stream:
            async for _ in stream:
                pass
            store.order.append("answered")

        assert store.order == ["stored", "answered"]
        assert store.rows[0].completion_tokens == 2


async def test_while_the_disk_is_full_answers_go_on_and_no_fact_is_lost(
    tmp_path: Path,
) -> None:
    store = Breaking()
    async with memory_club(tmp_path, store=store) as club, club.client() as client:
        await club.add("attic")
        store.full = True
        assert (await client.ask("Q", model="m")).text == "hello"
        assert not club.coordinator.driver.storing
        await client.ask("Q", model="m")
        store.full = False
        await client.ask("Q", model="m")

        assert club.coordinator.driver.storing
        assert len(store.rows) == 3


async def test_when_too_much_waits_for_the_disk_no_work_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clubai.coordinator.driver.UNSTORED_EVENTS", 0)
    store = Breaking()
    async with memory_club(tmp_path, store=store) as club, club.client() as client:
        await club.add("attic", owner=BOB)
        store.full = True
        await client.ask("Q", model="m")
        with pytest.raises(TaskRejected, match="database cannot be written"):
            await client.ask("Q", model="m")
        store.full = False
        await club.add("cellar", owner=BOB)
        driver = club.coordinator.driver
        while not driver.storing:
            await driver.changed.wait()
        assert (await client.ask("Q", model="m")).text == "hello"
        kept = await store.standing_events()

    assert [event.seq for event in kept] == list(range(len(kept)))
    assert [event.change for event in kept].count(Change.COMPLETED) == 2


async def test_unstored_facts_are_stored_at_the_end(tmp_path: Path) -> None:
    store = Breaking()
    async with memory_club(tmp_path, store=store) as club, club.client() as client:
        await club.add("attic")
        store.full = True
        await client.ask("Q", model="m")
        store.full = False

    assert len(store.rows) == 1


async def test_what_is_being_stored_is_stored_though_the_driver_is_stopped() -> None:
    begun, go_on = anyio.Event(), anyio.Event()

    class Slow(Breaking):
        async def append_tasks_and_standing(
            self, tasks: Sequence[TaskRow], events: Sequence[StandingEvent]
        ) -> None:
            begun.set()
            await go_on.wait()
            await super().append_tasks_and_standing(tasks, events)

    told: list[StandingEvent] = []
    store = Slow()
    driver = Driver(
        CoordinatorMachine(),
        store,
        assigner=Assigner(
            Identity.generate(),
            checkpoint=lambda: b"",
            own_sig=lambda _: b"",
            wall_ms=lambda: 0,
        ),
        clock=lambda: 0.0,
        stood=told.extend,
    )
    came = StandingEvent(
        seq=1, at=0.0, node=NodeId(bytes(32)), member=BOB.id, change=Change.JOINED
    )
    driver._unsent = [RecordStanding(events=(came,))]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(driver.run)
        await begun.wait()
        tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await anyio.wait_all_tasks_blocked()
            go_on.set()
    await driver.flush()

    assert told == await store.standing_events() == [came]


async def test_a_silent_node_is_lost_and_its_work_done_elsewhere(
    tmp_path: Path,
) -> None:
    limits = CoordinatorLimits(suspect_after_s=0.1, lost_after_s=0.2)
    async with (
        memory_club(tmp_path, limits=limits, heartbeat_s=0.02) as club,
        club.client() as client,
        anyio.create_task_group() as tasks,
    ):
        silent = RawNode(club.connect_raw(node=True))
        await silent.register("silent")
        answers = []

        async def ask() -> None:
            answers.append(await client.ask("Q", model="m"))

        tasks.start_soon(ask)
        assert isinstance(await silent.hear(), TaskAssign)
        await club.add("second", ScriptedBackend(say("rescued")))
        while isinstance(said := await silent.hear(), TaskRecord):
            pass
        assert isinstance(said, TaskCancel | Goodbye)

    assert (answers[0].text, answers[0].attempts) == ("rescued", 2)


@pytest.mark.parametrize(
    "code", [FailCode.BACKEND, FailCode.TRUNCATED, FailCode.EMPTY, FailCode.BUSY]
)
async def test_a_nodes_failure_before_the_first_token_is_tried_elsewhere(
    code: FailCode, tmp_path: Path
) -> None:
    failures = [BackendError(code, "broken")]

    def answer(body: dict[str, Any]) -> Sequence[Piece | BackendError | anyio.Event]:
        return [failures.pop()] if failures else say("fine")(body)

    async with memory_club(tmp_path) as club, club.client() as client:
        nodes = [ScriptedBackend(answer), ScriptedBackend(answer)]
        await club.add("one", nodes[0])
        await club.add("other", nodes[1])

        found = await client.ask("Q", model="m")

        assert (found.text, found.attempts) == ("fine", 2)
        assert [len(node.asked) for node in nodes] == [1, 1]
        assert len(club.coordinator.driver.relay) == 0


async def test_no_route_outlives_its_task(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club, club.client() as client:
        broken = BackendError(FailCode.BACKEND, "broken")
        await club.add("bad", ScriptedBackend(lambda _: [broken]))
        for _ in range(3):
            with pytest.raises(TaskFailed):
                await client.ask("Q", model="m", wait_s=0.1)
        await club.add("slow", ScriptedBackend(lambda _: [word("a"), anyio.Event()]))
        async with client.stream("Q", model="m") as stream:
            await anext(stream)
        await club.coordinator.driver.wait_idle()

        assert len(club.coordinator.driver.relay) == 0


async def test_a_node_runs_no_more_than_its_slots(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club, club.client() as client:
        backend = ScriptedBackend(slots=3)
        await club.add("attic", backend)

        async with anyio.create_task_group() as tasks:
            for _ in range(40):
                tasks.start_soon(lambda: client.ask("Q", model="m"))

        assert len(backend.asked) == 40
        assert backend.most_running <= 3
