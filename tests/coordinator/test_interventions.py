from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from clubai.coordinator.grants import Grants, Member
from clubai.coordinator.interventions import Interventions
from clubai.errors import (
    ConfigError,
    NotFound,
    PermissionDenied,
    RateLimited,
    TaskFailed,
    TooLate,
)
from clubai.model import FailCode, TaskSnapshot, node_nickname, node_text
from clubai.storage.access import AuditRow
from support.memory_club import ALICE, BOB, MemoryClub, MemoryNode, memory_club
from support.scripted_backend import ScriptedBackend, say, word

SECRET = "the word that nobody else may see"


class Busy:
    """A club in which Bob's task is being answered by the node `attic`, for ever."""

    def __init__(self, club: MemoryClub, node: MemoryNode) -> None:
        self.club = club
        self.node = node
        self.failure: TaskFailed | None = None
        self.over = anyio.Event()
        coordinator = club.coordinator
        self.acts = Interventions(
            coordinator.driver,
            audit=coordinator.accounts.audit,
            find=lambda name: coordinator.standings.find(name).node,
            name=coordinator.roster.name,
        )

    @property
    def task(self) -> TaskSnapshot:
        [task] = self.club.coordinator.driver.machine.tasks()
        return task

    @property
    def points(self) -> list[int]:
        return [each.points for each in self.club.coordinator.standings.all(ALICE)]

    async def ask(self) -> None:
        try:
            async with self.club.client(BOB) as client:
                await client.ask(SECRET, model="m")
        except TaskFailed as error:
            self.failure = error
        self.over.set()

    async def log(self) -> list[AuditRow]:
        return await self.club.coordinator.store.audit(limit=9)


@asynccontextmanager
async def busy(data: Path) -> AsyncIterator[Busy]:
    async with memory_club(data) as club:
        backend = ScriptedBackend(lambda _: [word(SECRET), anyio.Event()])
        scene = Busy(club, await club.add("attic", backend))
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(scene.ask)
                driver = club.coordinator.driver
                while not (tasks_now := driver.machine.tasks()) or (
                    tasks_now[0].state != "running"
                ):
                    await driver.changed.wait()
                yield scene
                if scene.task.state == "failed":
                    await scene.over.wait()
                tasks.cancel_scope.cancel()


async def test_an_operator_ends_a_task_and_nobody_loses_by_it(tmp_path: Path) -> None:
    async with busy(tmp_path) as scene:
        before = scene.points
        after = await scene.acts.cancel(ALICE, scene.task.id)
        await scene.node.backend.stopped.wait()
        await scene.over.wait()

        assert after == scene.task
        assert (after.state, after.member) == ("failed", BOB.id)
        assert after.reason == "cancelled: cancelled by an operator"
        assert scene.failure is not None
        assert scene.failure.code == FailCode.CANCELLED
        assert "cancelled by an operator" in str(scene.failure)
        assert scene.points == before
        [node] = scene.club.coordinator.driver.machine.nodes()
        assert (node.slots_used, node.tasks_failed) == (0, 0)
        [line] = await scene.log()
        assert (line.actor, line.action) == (ALICE.id, "task.cancelled")
        assert (line.object, line.detail) == (after.id, f"asked by {BOB.id}")


async def test_who_asked_ends_their_own(tmp_path: Path) -> None:
    async with busy(tmp_path) as scene:
        looking = Grants(scopes=("read",), login=False)
        bob = Member(BOB.id, BOB.name, "member", looking)
        with pytest.raises(PermissionDenied, match="scope chat"):
            await scene.acts.cancel(bob, scene.task.id)
        after = await scene.acts.cancel(BOB, scene.task.id)

        assert after.reason == "cancelled: cancelled by the member who asked"
        assert [line.actor for line in await scene.log()] == [BOB.id]


async def test_a_task_ends_once(tmp_path: Path) -> None:
    async with busy(tmp_path) as scene:
        await scene.acts.cancel(ALICE, scene.task.id)
        with pytest.raises(TooLate, match="failed"):
            await scene.acts.cancel(ALICE, scene.task.id)

        assert len(await scene.log()) == 1


async def test_a_task_that_ended_meanwhile_is_not_said_to_be_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with busy(tmp_path) as scene:
        driver, other = scene.club.coordinator.driver, scene.acts
        settle = driver.settle

        async def late(event: object) -> bool:
            monkeypatch.setattr(driver, "settle", settle)
            await other.cancel(BOB, scene.task.id)
            return await settle(event)  # type: ignore[arg-type]

        monkeypatch.setattr(driver, "settle", late)
        with pytest.raises(TooLate):
            await scene.acts.cancel(ALICE, scene.task.id)

        assert [line.actor for line in await scene.log()] == [BOB.id]


@pytest.mark.parametrize("task", ["", "zz", "ab" * 16, "ab" * 15, "\x1b[1m"])
async def test_an_unknown_task_is_not_there(tmp_path: Path, task: str) -> None:
    async with memory_club(tmp_path) as club:
        acts = Busy(club, MemoryNode("attic", ScriptedBackend(), ALICE)).acts
        with pytest.raises(NotFound, match="clubai tasks"):
            acts.task(ALICE, task)
        with pytest.raises(NotFound):
            await acts.cancel(ALICE, task)


async def test_anothers_task_is_as_unknown_as_none(tmp_path: Path) -> None:
    carol = Member(BOB.id[:-1] + "c", "carol", "moderator")  # type: ignore[arg-type]
    async with busy(tmp_path) as scene:
        with pytest.raises(NotFound):
            scene.acts.task(carol, scene.task.id)
        with pytest.raises(NotFound):
            await scene.acts.cancel(carol, scene.task.id)

        assert scene.task.state == "running"
        assert await scene.log() == []


async def test_a_story_has_times_and_no_content(tmp_path: Path) -> None:
    async with busy(tmp_path) as scene:
        await scene.acts.cancel(ALICE, scene.task.id)
        told = scene.acts.task(BOB, scene.task.id)

        assert told == scene.acts.task(ALICE, scene.task.id)
        assert told.task == scene.task
        steps = [line.what.partition(":")[0] for line in told.story]
        assert steps == ["requested", "offered", "running", "failed"]
        times = [line.at for line in told.story]
        assert times == sorted(times)
        assert (times[0], times[-1]) == (told.task.created_at, told.task.ended_at)
        assert SECRET not in repr(told)
        asking = Member(BOB.id, "bob", "member", Grants(scopes=("chat",), login=False))
        with pytest.raises(PermissionDenied, match="scope read"):
            scene.acts.task(asking, told.task.id)


async def test_a_kicked_node_is_told_why_and_its_task_goes_elsewhere(
    tmp_path: Path,
) -> None:
    async with busy(tmp_path) as scene:
        before = scene.points
        cellar = await scene.club.add("cellar", ScriptedBackend(say("hello")))
        named = await scene.acts.kick(ALICE, "attic", " it hangs ")
        await scene.node.ended.wait()

        nickname = node_nickname(scene.node.id)
        assert (named.node, named.nickname) == (node_text(scene.node.id), nickname)
        assert named.name == "attic"
        machine = scene.club.coordinator.driver.machine
        assert [node.id for node in machine.nodes()] == [node_text(cellar.id)]
        assert before == [100]
        assert scene.points == [100, 100]
        [line] = await scene.log()
        assert (line.actor, line.action) == (ALICE.id, "node.kicked")
        assert (line.object, line.detail) == (nickname, "it hangs")

        await scene.club.add("attic", ScriptedBackend(), again=scene.node)
        assert {node.name for node in machine.nodes()} == {"attic", "cellar"}


async def test_a_node_that_is_away_cannot_be_kicked(tmp_path: Path) -> None:
    async with busy(tmp_path) as scene:
        await scene.acts.kick(ALICE, "attic")
        with pytest.raises(TooLate, match="not connected"):
            await scene.acts.kick(ALICE, "attic")
        with pytest.raises(ConfigError, match="lists the nodes"):
            await scene.acts.kick(ALICE, "cellar")

        assert len(await scene.log()) == 1


async def test_a_remark_is_in_the_audit_log(tmp_path: Path) -> None:
    async with busy(tmp_path) as scene:
        named = await scene.acts.note(ALICE, node_text(scene.node.id)[:8], " hums ")

        assert named.name == "attic"
        [line] = await scene.log()
        assert (line.actor, line.action) == (ALICE.id, "node.noted")
        assert (line.object, line.detail) == (named.nickname, "hums")


@pytest.mark.parametrize("text", ["", "  ", "a\nb", "\x1b[1m", "x" * 201])
async def test_a_remark_is_one_printable_line(tmp_path: Path, text: str) -> None:
    async with busy(tmp_path) as scene:
        with pytest.raises(ConfigError) as refused:
            await scene.acts.note(ALICE, "attic", text)
        assert refused.value.field == "text"
        if text.strip():
            with pytest.raises(ConfigError) as refused:
                await scene.acts.kick(ALICE, "attic", text)
            assert refused.value.field == "why"

        assert await scene.log() == []
        assert len(scene.club.coordinator.driver.machine.nodes()) == 1


async def test_only_operators_do_things_to_nodes(tmp_path: Path) -> None:
    key = Grants(login=False)
    async with busy(tmp_path) as scene:
        for asker in (BOB, Member(ALICE.id, "alice", "operator", key)):
            with pytest.raises(PermissionDenied):
                await scene.acts.kick(asker, "attic")
            with pytest.raises(PermissionDenied):
                await scene.acts.note(asker, "attic", "x")

        assert await scene.log() == []


async def test_an_overrun_coordinator_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with busy(tmp_path) as scene:
        driver = scene.club.coordinator.driver
        monkeypatch.setattr(driver, "post", lambda event: False)
        with pytest.raises(RateLimited):
            await scene.acts.kick(ALICE, "attic")
        with pytest.raises(RateLimited):
            await scene.acts.cancel(ALICE, scene.task.id)

        assert await scene.log() == []


async def test_what_was_done_is_written_down_though_nobody_waits(
    tmp_path: Path,
) -> None:
    async with busy(tmp_path) as scene:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await scene.acts.kick(ALICE, "attic")

        assert [line.action for line in await scene.log()] == ["node.kicked"]
