from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import anyio
import pytest
from anyio.abc import TaskGroup

from clubai.checking import Checker, ClubStanding
from clubai.checking.standing import row_of
from clubai.core.limits import CoordinatorLimits
from clubai.core.standing import Owed
from clubai.model import CLUB_ID, NodeId
from clubai.reputation.events import Change
from clubai.reputation.facts import CheckKind
from clubai.verification.review import Evidence, Shown
from support.divided_club import owner
from support.memory_club import ALICE, BOB, MemoryClub, MemoryNode, memory_club
from support.scripted_backend import USAGE, ScriptedBackend, say, stop, word

WORDS = ("river", "stone", "window", "morning", "letter", "garden", "copper", "silver")


def answer_to(text: str) -> str:
    """What every honest node says: words that hang on the question alone."""
    digest = hashlib.sha256(text.encode()).digest()
    return " ".join(WORDS[byte % len(WORDS)] + str(byte) for byte in digest)


def asked(body: dict[str, Any]) -> str:
    return "\n".join(str(message["content"]) for message in body["messages"])


def honest() -> ScriptedBackend:
    return ScriptedBackend(lambda body: say(answer_to(asked(body)))(body))


def liar() -> ScriptedBackend:
    """Answers another question, each time another one."""
    count = iter(range(10_000))
    said = "Nobody could ever know {}, ask me later!"
    return ScriptedBackend(lambda body: say(said.format(next(count)))(body))


@asynccontextmanager
async def checked_club(
    data: Path, backends: Sequence[ScriptedBackend], **limits: float
) -> AsyncIterator[tuple[MemoryClub, list[MemoryNode]]]:
    config = CoordinatorLimits(**limits)
    async with memory_club(data, limits=config, heartbeat_s=0.3) as club:
        nodes = [
            await club.add(f"n{number}", each, owner=owner(f"o{number}"))
            for number, each in enumerate(backends)
        ]
        standing = ClubStanding(club.coordinator)
        checker = Checker(club.coordinator, standing, rng=Random(3))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(checker.run)
            yield club, nodes
            tasks.cancel_scope.cancel()


async def ask_until(club: MemoryClub, node: MemoryNode, change: Change) -> None:
    """Ask, and let the checks end, until a node's standing shows the change."""
    driver = club.coordinator.driver
    with anyio.fail_after(60):
        async with club.client(BOB) as client:
            while not await found(club, node, change):
                barred = club.coordinator.standings.find(node.name).points < 50
                if barred:
                    await driver.changed.wait()
                else:
                    await client.ask(f"What about {uuid4()}?", model="m")
                    await driver.wait_idle()


async def found(club: MemoryClub, node: MemoryNode, change: Change) -> int:
    events = await club.coordinator.store.standing_events(node=node.id)
    return sum(event.change is change for event in events)


async def test_an_honest_node_passes_and_its_points_are_released(
    tmp_path: Path,
) -> None:
    async with checked_club(tmp_path, [honest() for _ in range(3)]) as (club, nodes):
        await ask_until(club, nodes[0], Change.RELEASED)
        stands = {each.name: each for each in club.coordinator.standings.all(BOB)}
        failed = [await found(club, node, Change.FAILED) for node in nodes]

    assert stands["n0"].points > 100
    assert stands["n0"].audits_passed > 0
    assert failed == [0, 0, 0]


async def test_a_node_that_answers_something_else_is_kept_from_work_and_suspended(
    tmp_path: Path,
) -> None:
    backends = [honest(), honest(), honest(), liar()]
    async with checked_club(tmp_path, backends, canary_every_s=0.0) as (club, nodes):
        for node in nodes[:2]:
            await club.coordinator.standings.set_trusted(ALICE, node.name, True)
        await ask_until(club, nodes[3], Change.SUSPENDED)
        events = await club.coordinator.store.standing_events(node=nodes[3].id)
        changes = [event.change for event in events]
        until = changes[: changes.index(Change.SUSPENDED)]
        await club.coordinator.driver.wait_idle()
        before = len(nodes[3].backend.asked)
        async with club.client(BOB) as client:
            for number in range(20):
                answer = await client.ask(f"And {number}?", model="m")
                assert answer.text == answer_to(f"And {number}?")
        stands = {each.name: each for each in club.coordinator.standings.all(BOB)}
        row, *_ = await club.coordinator.store.checks(node=nodes[3].id, limit=1)
        passed = [await found(club, node, Change.INVALID) for node in nodes[:3]]
        after = len(nodes[3].backend.asked)

    assert stands["n3"].state == "suspended"
    assert until.count(Change.CONVICTED) == 3
    assert until.count(Change.FAILED) <= 9, "each of three after three checks at most"
    assert after == before, "no member's task reaches it any more"
    assert not row.passed
    assert row.got not in row.references
    assert passed == [0, 0, 0]


async def test_a_node_that_always_says_that_it_was_cut_is_convicted(
    tmp_path: Path,
) -> None:
    """Its words are those of an honest one, as far as they go."""
    cut = ScriptedBackend(
        lambda body: [
            word(" ".join(answer_to(asked(body)).split()[:20])),
            stop("length"),
            USAGE,
        ]
    )
    async with checked_club(tmp_path, [honest(), honest(), cut]) as (club, nodes):
        for node in nodes[:2]:
            await club.coordinator.standings.set_trusted(ALICE, node.name, True)
        await ask_until(club, nodes[2], Change.CONVICTED)
        events = await club.coordinator.store.standing_events(node=nodes[2].id)
        others = [await found(club, node, Change.FAILED) for node in nodes[:2]]

    changes = [event.change for event in events]
    until = events[: changes.index(Change.CONVICTED)]
    failed = [event for event in until if event.change is Change.FAILED]
    assert len(failed) == 3
    assert {event.why for event in failed} == {
        "cut off 3 times in a row where others were not"
    }
    assert Change.PASSED not in {event.change for event in events}
    assert others == [0, 0]


async def test_an_audit_that_was_unclear_is_owed_again_and_others_are_not(
    tmp_path: Path,
) -> None:
    async with memory_club(tmp_path) as club:
        standing = ClubStanding(club.coordinator)
        owed = Owed(node=NodeId(bytes(32)), model="m")
        standing.dropped(owed, "it is gone")
        standing.dropped(owed, "it was cut", unclear=True)
        again = await standing.next_owed()
        standing.dropped(again, "it was cut", unclear=True)
        none = club.coordinator.driver.machine.standing.take_owed()

    assert (again.node, again.again) == (owed.node, True)
    assert none is None


async def test_each_audit_wakes_one_of_those_who_wait(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        owing = club.coordinator.driver.machine.standing
        standing = ClubStanding(club.coordinator)
        audits = [Owed(node=NodeId(bytes([n]) * 32), model="m") for n in range(4)]
        taken: list[Owed] = []

        async def work(tasks: TaskGroup) -> None:
            taken.append(await standing.next_owed())
            tasks.start_soon(work, tasks)

        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(work, tasks)
                await anyio.wait_all_tasks_blocked()
                owing.owe_again(audits[0])
                await anyio.wait_all_tasks_blocked()
                assert [each.node for each in taken] == [audits[0].node]
                for audit in audits[1:]:
                    owing.owe_again(audit)
                await anyio.wait_all_tasks_blocked()
                assert len(taken) == 4
                tasks.cancel_scope.cancel()


async def test_who_waits_no_more_leaves_the_audit_to_the_next(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        standing = ClubStanding(club.coordinator)
        owed = Owed(node=NodeId(bytes(32)), model="m")
        with anyio.move_on_after(0.01):
            await standing.next_owed()
        taken: list[Owed] = []

        async def take() -> None:
            taken.append(await standing.next_owed())

        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(take)
                await anyio.wait_all_tasks_blocked()
                standing.dropped(owed, "it was cut", unclear=True)

    assert [each.node for each in taken] == [owed.node]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_who_is_cancelled_as_it_is_woken_wakes_the_next(tmp_path: Path) -> None:
    import asyncio

    async with memory_club(tmp_path) as club:
        standing = ClubStanding(club.coordinator)
        first, second = (asyncio.ensure_future(standing.next_owed()) for _ in range(2))
        await anyio.wait_all_tasks_blocked()
        standing.dropped(
            Owed(node=NodeId(bytes(32)), model="m"), "it was cut", unclear=True
        )
        first.cancel()

        async with asyncio.timeout(10):
            assert (await second).node == bytes(32)


async def test_checks_are_the_clubs_own_and_counted_as_such(tmp_path: Path) -> None:
    async with checked_club(tmp_path, [honest() for _ in range(3)]) as (club, nodes):
        await ask_until(club, nodes[0], Change.PASSED)
        rows = await club.coordinator.store.tasks(limit=1000)
        share = club.coordinator.verified.share(1)

    checks = [row for row in rows if row.member == CLUB_ID]
    assert checks
    assert 0 < share.share < 1


def test_a_row_has_the_texts_of_the_references() -> None:
    evidence = Evidence(
        check="c1",
        at=5.0,
        node=NodeId(bytes(32)),
        model="m",
        kind=CheckKind.ANSWER_KEY,
        prompt="Q",
        expected="",
        got="A",
        passed=False,
        why="unlike",
        references=(Shown(node=NodeId(bytes(32)), text="B"),),
    )

    row = row_of(evidence)

    assert (row.id, row.kind, row.references) == ("c1", "answer_key", ("B",))
