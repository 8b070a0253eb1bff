from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import anyio
import pytest

from clubai.checking import Checker, CheckerConfig
from clubai.checking import checker as checker_module
from clubai.client.job import Job
from clubai.coordinator.grants import CLUB
from clubai.core.standing import Owed
from clubai.errors import BackendError
from clubai.model import FailCode, NodeId, node_bytes
from clubai.protocol.messages import CloseCode, Goodbye
from clubai.reputation.facts import CheckKind
from support.divided_club import backend, broken, owner
from support.memory_club import MemoryClub, MemoryNode, memory_club
from support.played_standing import PlayedStanding
from support.scripted_backend import USAGE, ScriptedBackend, say, stop, word

BREAD = "Bread is made of flour, water, salt and yeast. Let it rise, then bake it hot."
OTHER = "A solar panel turns light into electricity; keep it clean and free of shade."


@asynccontextmanager
async def checked_club(
    tmp_path: Path,
    *backends: ScriptedBackend,
    config: CheckerConfig | None = None,
    **settings: object,
) -> AsyncIterator[tuple[MemoryClub, list[MemoryNode], PlayedStanding]]:
    """Nodes of an owner each, and a checker that runs."""
    standing = PlayedStanding()
    async with memory_club(tmp_path, **settings) as club:
        nodes = [
            await club.add(f"n{number}", each, owner=owner(f"o{number}"))
            for number, each in enumerate(backends)
        ]
        checker = Checker(club.coordinator, standing, rng=Random(1), config=config)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(checker.run)
            yield club, nodes, standing
            tasks.cancel_scope.cancel()


async def test_an_honest_node_passes_and_a_cheat_fails(tmp_path: Path) -> None:
    backends = [backend(BREAD), backend(BREAD), backend(BREAD), backend(OTHER)]
    async with checked_club(tmp_path, *backends) as (_, nodes, standing):
        standing.sure = (nodes[1].id, nodes[2].id)
        standing.owe(nodes[0].id)
        standing.owe(nodes[3].id)
        await standing.ended(2)

    results = {fact.node: fact.passed for fact in standing.told}
    assert results == {nodes[0].id: True, nodes[3].id: False}
    assert {fact.kind for fact in standing.told} == {CheckKind.ANSWER_KEY}
    kept = {each.check: each for each in standing.kept}
    for fact in standing.told:
        evidence = kept[fact.check]
        assert (evidence.node, evidence.passed) == (fact.node, fact.passed)
        assert evidence.got in (BREAD, OTHER)
        assert len(evidence.references) == 2


async def test_checks_are_asked_by_the_club_and_marked(tmp_path: Path) -> None:
    async with checked_club(tmp_path, *[backend(BREAD) for _ in range(3)]) as (
        club,
        nodes,
        standing,
    ):
        standing.owe(nodes[0].id)
        await standing.ended()
        tasks = club.coordinator.driver.machine.tasks()

    assert {task.member for task in tasks} == {CLUB.id}
    assert {node_bytes(task.node) for task in tasks} == {node.id for node in nodes}


@pytest.mark.parametrize("bad", ["broken", "gone", "alone"])
async def test_nothing_is_told_of_who_did_not_answer(tmp_path: Path, bad: str) -> None:
    others = [] if bad == "alone" else [backend(BREAD), backend(BREAD)]
    first = backend(broken) if bad == "broken" else backend(BREAD)
    async with checked_club(tmp_path, first, *others) as (_, nodes, standing):
        node = NodeId(bytes(32)) if bad == "gone" else nodes[0].id
        standing.owe(node)
        await standing.ended()

    assert standing.told == standing.kept == []
    ((owed, why),) = standing.drops
    assert owed.node == node
    assert why


async def test_a_node_without_room_is_asked_when_it_has_some(tmp_path: Path) -> None:
    held = anyio.Event()
    slow = ScriptedBackend(lambda _: [held, *say(BREAD)({})], slots=1)
    others = [backend(BREAD), backend(BREAD)]
    async with (
        checked_club(tmp_path, slow, *others) as (club, nodes, standing),
        club.client() as client,
        anyio.create_task_group() as tasks,
    ):
        job = Job(
            kind="chat",
            model="m",
            body={"messages": [{"role": "user", "content": "Q"}]},
            pinned=(nodes[0].id,),
        )

        async def occupy() -> None:
            async with client.run(job) as run:
                await run.read_body()

        tasks.start_soon(occupy)
        with anyio.fail_after(5):
            await slow.started.wait()
        slow.answer = say(BREAD)
        standing.owe(nodes[0].id)
        await anyio.wait_all_tasks_blocked()
        assert standing.told == standing.drops == []
        held.set()
        await standing.ended()

    assert [fact.passed for fact in standing.told] == [True]


async def test_a_node_that_says_that_it_is_busy_is_asked_again(tmp_path: Path) -> None:
    turns = [[BackendError(FailCode.BUSY, "in use")], say(BREAD)({})]
    busy = ScriptedBackend(lambda _: turns.pop(0))
    others = [backend(BREAD), backend(BREAD)]
    config = CheckerConfig(wait_s=0.02, later_s=5)
    async with checked_club(
        tmp_path, busy, *others, config=config, heartbeat_s=0.1
    ) as (_, nodes, standing):
        standing.owe(nodes[0].id)
        await standing.ended()

    assert [fact.passed for fact in standing.told] == [True]
    assert len(busy.asked) == 2


async def test_a_node_that_stays_busy_is_given_up(tmp_path: Path) -> None:
    busy = ScriptedBackend(lambda _: [BackendError(FailCode.BUSY, "in use")])
    others = [backend(BREAD), backend(BREAD)]
    config = CheckerConfig(wait_s=0.05, later_s=0.02)
    async with checked_club(tmp_path, busy, *others, config=config) as (
        _,
        nodes,
        standing,
    ):
        standing.owe(nodes[0].id)
        await standing.ended()

    assert standing.told == []
    assert "in use" in standing.drops[0][1] or "busy" in standing.drops[0][1]


async def test_over_their_share_only_new_nodes_are_checked(tmp_path: Path) -> None:
    config = CheckerConfig(checks_share=0.0)
    async with checked_club(
        tmp_path, *[backend(BREAD) for _ in range(4)], config=config
    ) as (_, nodes, standing):
        standing.new = frozenset({nodes[1].id})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("clubai.checking.budget.FREE_TOKENS", 0)
            standing.owe(nodes[0].id)
            standing.owe(nodes[1].id)
            await standing.ended(2)

    assert [fact.node for fact in standing.told] == [nodes[1].id]
    assert "share" in standing.drops[0][1]


async def test_so_many_are_checked_at_once_and_no_more(tmp_path: Path) -> None:
    held = anyio.Event()
    slow = ScriptedBackend(lambda _: [held, *say(BREAD)({})], slots=9)
    others = [backend(BREAD, slots=9), backend(BREAD, slots=9)]
    config = CheckerConfig(at_once=2)
    async with checked_club(tmp_path, slow, *others, config=config) as (
        _,
        nodes,
        standing,
    ):
        for _ in range(5):
            standing.owe(nodes[0].id)
        with anyio.fail_after(5):
            await slow.started.wait()
        await anyio.wait_all_tasks_blocked()
        assert slow.running <= 2
        held.set()
        await standing.ended(5)

    assert slow.most_running <= 2


async def test_a_store_that_breaks_ends_one_check_and_not_all(tmp_path: Path) -> None:
    async with checked_club(tmp_path, *[backend(BREAD) for _ in range(3)]) as (
        _,
        nodes,
        standing,
    ):
        standing.broken = True
        standing.owe(nodes[0].id)
        await standing.ended()
        standing.broken = False
        standing.owe(nodes[0].id)
        await standing.ended(2)

    assert len(standing.drops) == len(standing.told) == 1


async def test_a_connection_that_is_lost_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clubai.checking.checker.AGAIN_SECONDS", 0)
    async with checked_club(tmp_path, *[backend(BREAD) for _ in range(3)]) as (
        club,
        nodes,
        standing,
    ):
        await anyio.wait_all_tasks_blocked()
        driver = club.coordinator.driver
        (before,) = driver.clients
        bye = Goodbye(code=CloseCode.GOING_AWAY, reason="a test")
        driver.clients[before].end(bye)
        with anyio.fail_after(10):
            while not standing.told:  # what was under way is owed again
                standing.owe(nodes[0].id)
                await standing.ended(len(standing.drops) + 1)
        assert before not in driver.clients

    assert [fact.passed for fact in standing.told] == [True]


async def test_who_is_doubted_judges_nobody(tmp_path: Path) -> None:
    async with checked_club(
        tmp_path, *[backend(BREAD), backend(OTHER), backend(OTHER)]
    ) as (_, nodes, standing):
        standing.bad = frozenset({nodes[1].id})
        standing.owe(nodes[0].id)
        await standing.ended()

    assert standing.told == []


async def test_an_audit_that_could_not_be_compared_is_said_to_be_unclear(
    tmp_path: Path,
) -> None:
    cut = ScriptedBackend(lambda _: [word(BREAD), stop("length"), USAGE])
    backends = [cut, backend(BREAD), backend(BREAD)]
    async with checked_club(tmp_path, *backends) as (_, nodes, standing):
        standing.owe(nodes[0].id)
        await standing.ended()
        assert standing.unclear == 1
        standing.owe(NodeId(bytes(32)))
        await standing.ended(2)

    assert standing.unclear == 1
    assert standing.told == []


async def test_an_audit_looks_at_a_part_of_the_club(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[NodeId] = set()

    def doubted(self: PlayedStanding, node: NodeId) -> bool:
        seen.add(node)
        return False

    monkeypatch.setattr(checker_module, "MOST_OTHERS", 3)
    monkeypatch.setattr(PlayedStanding, "doubted", doubted)
    backends = [backend(BREAD) for _ in range(12)]
    async with checked_club(tmp_path, *backends) as (club, nodes, standing):
        standing.sure = tuple(node.id for node in nodes[1:])
        standing.owe(nodes[0].id)
        await standing.ended()

        checker = Checker(club.coordinator, standing, rng=Random(1))
        scene = checker._scene(Owed(node=nodes[0].id, model="m"))

    assert scene is not None
    assert scene.trusted == frozenset(standing.sure), "not only those it looks at"
    assert [fact.passed for fact in standing.told] == [True]
    assert 3 <= len(seen) <= 1 + 3 + 3, "itself, other owners' and trusted ones"
    assert nodes[0].id in seen
