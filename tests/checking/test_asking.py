from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from clubai.checking.asking import Reply, Unanswered, ask_node
from clubai.coordinator.grants import CLUB
from clubai.model import NodeId
from support.divided_club import backend, broken, owner
from support.memory_club import MemoryClub, memory_club
from support.scripted_backend import ScriptedBackend

BODY = {"messages": [{"role": "user", "content": "Q"}], "max_tokens": 64}


async def ask(
    club: MemoryClub, node: NodeId, seed: int = 1, wait_s: float = 5
) -> Reply | Unanswered:
    async with club.client(CLUB) as client:
        return await ask_node(
            client, node, "m", BODY, Random(seed), wait_s=wait_s, deadline_s=5
        )


async def test_the_node_that_is_meant_answers_and_no_other(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        await club.add("other", backend("wrong"), owner=owner("b"))
        meant = await club.add("meant", backend("right"), owner=owner("a"))

        for seed in range(5):
            assert await ask(club, meant.id, seed) == Reply(
                meant.id, "right", "stop", 7
            )


async def test_it_looks_like_a_members_request(tmp_path: Path) -> None:
    """The node gets what was asked and nothing beside it: not that it is a check."""
    played = ScriptedBackend()
    async with memory_club(tmp_path) as club:
        node = await club.add("n", played, owner=owner("a"))
        async with club.client(owner("b")) as client:
            await client.ask("Q", model="m", max_tokens=64)
        for seed in range(4):
            await ask(club, node.id, seed)

    assert all(asked == played.asked[0] for asked in played.asked)
    assert len(played.asked) == 5


async def test_a_node_that_is_gone_is_not_waited_for(tmp_path: Path) -> None:
    async with memory_club(tmp_path) as club:
        await club.add("n", backend("right"))

        found = await ask(club, NodeId(bytes(32)))

    assert isinstance(found, Unanswered)
    assert not found.later


@pytest.mark.parametrize("seed", range(3))
async def test_a_node_that_breaks_has_not_answered(tmp_path: Path, seed: int) -> None:
    async with memory_club(tmp_path) as club:
        node = await club.add("n", backend(broken))

        found = await ask(club, node.id, seed)

    assert isinstance(found, Unanswered)
    assert not found.later
