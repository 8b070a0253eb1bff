from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from clubai.client.modes.progress import Progress
from clubai.errors import PlanError, TaskFailed
from support.divided_club import backend, broken, divided_club
from support.memory_club import BOB
from support.scripted_backend import ScriptedBackend, say

RIGHT = "The capital of France is Paris, a city on the Seine."
OTHER_WORDS = "Paris, a city on the Seine, is the capital of France."
WRONG = "I'm sorry, but I can't help with that request."
QUESTION = "What is the capital of France? Describe it."


def asked(backends: list[ScriptedBackend]) -> int:
    return sum(len(each.asked) for each in backends)


async def test_two_that_agree_are_enough(tmp_path: Path) -> None:
    nodes = [backend(RIGHT), backend(OTHER_WORDS), backend(RIGHT)]
    async with divided_club(tmp_path, nodes) as (_, club):
        answer = await club.ask(QUESTION, mode="consensus")

    assert answer.text in (RIGHT, OTHER_WORDS)
    assert asked(nodes) == 2
    agreement = answer.agreement
    assert agreement is not None
    assert (agreement.quorum, agreement.agreed, agreement.answers) == (True, 2, 2)
    assert agreement.owners == 2
    assert agreement.candidates == ()
    assert [part.state for part in answer.parts] == ["done", "done", "left out"]
    assert answer.usage.completion_tokens == 4
    assert answer.mode == "consensus"
    assert answer.note == ""


@pytest.mark.parametrize("bad", [0, 1, 2])
async def test_one_more_is_asked_when_two_disagree(tmp_path: Path, bad: int) -> None:
    nodes = [backend(WRONG if n == bad else RIGHT) for n in range(3)]
    async with divided_club(tmp_path, nodes) as (_, club):
        answer = await club.ask(QUESTION, mode="consensus")
        wrong = {node.id: node.name for node in answer.nodes}

    assert answer.text == RIGHT
    agreement = answer.agreement
    assert agreement is not None
    assert agreement.quorum
    if asked(nodes) == 3:
        assert [wrong[node] for node in agreement.dissent] == [f"n{bad}"]


async def test_the_odd_one_out_is_marked_and_loses_nothing(tmp_path: Path) -> None:
    texts = iter([WRONG, RIGHT, RIGHT])
    nodes = [backend(lambda body: say(next(texts))(body)) for _ in range(3)]
    async with divided_club(tmp_path, nodes) as (club, client):
        answer = await client.ask(QUESTION, mode="consensus")
        assert answer.agreement is not None
        with anyio.fail_after(10):
            while not any(each.marks for each in club.coordinator.standings.all(BOB)):
                await club.coordinator.driver.changed.wait()
        stands = club.coordinator.standings.all(BOB)

    assert [each.id for each in stands if each.marks] == list(answer.agreement.dissent)
    assert [each.points for each in stands] == [100, 100, 100]


async def test_no_quorum_is_said_with_the_candidates(tmp_path: Path) -> None:
    texts = ["Red apples grow on trees.", WRONG, "Seventeen ships sailed north."]
    nodes = [backend(text) for text in texts]
    async with divided_club(tmp_path, nodes) as (_, club):
        answer = await club.ask("Write something.", mode="consensus")

    agreement = answer.agreement
    assert agreement is not None
    assert not agreement.quorum
    assert sorted(text for _, text in agreement.candidates) == sorted(texts)
    assert answer.text in texts


async def test_two_bad_ones_that_agree_do_not_outvote_three_of_five(
    tmp_path: Path,
) -> None:
    nodes = [backend(WRONG), backend(WRONG), *(backend(RIGHT) for _ in range(3))]
    async with divided_club(tmp_path, nodes) as (_, club):
        answer = await club.ask(QUESTION, mode="consensus", replicas=5)

    assert answer.text == RIGHT
    assert answer.agreement is not None
    assert answer.agreement.agreed == 3


async def test_numbers_are_compared_as_numbers(tmp_path: Path) -> None:
    nodes = [backend("It has 8 legs."), backend("8"), backend("The answer is 6.")]
    async with divided_club(tmp_path, nodes) as (_, club):
        answer = await club.ask(
            "How many legs has a spider? Answer with a number.", mode="consensus"
        )

    assert answer.agreement is not None
    assert answer.agreement.compared == "number"
    assert answer.agreement.quorum
    assert "8" in answer.text


async def test_owners_are_spread_before_nodes(tmp_path: Path) -> None:
    nodes = [backend(RIGHT) for _ in range(4)]
    owners = ["ann", "ann", "bob", "ann"]
    async with divided_club(tmp_path, nodes, owners=owners) as (_, club):
        answer = await club.ask(QUESTION, mode="consensus", replicas=2, most_replicas=2)

    names = {owners[int(node.name[1])] for node in answer.nodes}
    assert names == {"ann", "bob"}
    assert answer.note == ""


async def test_nodes_of_one_owner_are_said_to_be_that(tmp_path: Path) -> None:
    nodes = [backend(RIGHT) for _ in range(3)]
    async with divided_club(tmp_path, nodes, owners=["ann"] * 3) as (_, club):
        answer = await club.ask(QUESTION, mode="consensus")

    assert answer.note == "these nodes have one owner"
    assert answer.agreement is not None
    assert answer.agreement.owners == 1
    assert len({node.id for node in answer.nodes}) == 2


async def test_one_node_cannot_agree_with_itself(tmp_path: Path) -> None:
    async with divided_club(tmp_path, [backend(RIGHT)]) as (_, club):
        with pytest.raises(PlanError, match="needs two nodes"):
            await club.ask(QUESTION, mode="consensus")


async def test_another_quantisation_is_not_asked(tmp_path: Path) -> None:
    nodes = [
        backend(RIGHT, quantization="Q4"),
        backend(RIGHT, quantization="Q4"),
        backend(RIGHT, quantization="Q8"),
    ]
    async with divided_club(tmp_path, nodes) as (_, club):
        answer = await club.ask(QUESTION, mode="consensus")

    assert len(nodes[2].asked) == 0
    assert answer.note == "only 2 nodes can be asked"


async def test_any_quantisation_is_asked_when_that_is_wanted(tmp_path: Path) -> None:
    nodes = [backend(RIGHT, quantization="Q4"), backend(RIGHT, quantization="Q8")]
    async with divided_club(tmp_path, nodes) as (_, club):
        answer = await club.ask(QUESTION, mode="consensus", replicas=2, mixed=True)

    assert answer.agreement is not None
    assert answer.agreement.agreed == 2


async def test_a_node_that_fails_is_replaced(tmp_path: Path) -> None:
    nodes = [backend(broken), backend(RIGHT), backend(RIGHT)]
    async with divided_club(tmp_path, nodes) as (_, club):
        answer = await club.ask(QUESTION, mode="consensus")

    assert answer.text == RIGHT
    assert answer.agreement is not None
    assert answer.agreement.agreed == 2


async def test_when_all_fail_that_is_the_end(tmp_path: Path) -> None:
    nodes = [backend(broken) for _ in range(3)]
    async with divided_club(tmp_path, nodes) as (_, club):
        with pytest.raises(TaskFailed, match="it broke"):
            await club.ask(QUESTION, mode="consensus")


async def test_chance_is_taken_out_unless_it_is_asked_for(tmp_path: Path) -> None:
    nodes = [backend(RIGHT) for _ in range(2)]
    async with divided_club(tmp_path, nodes) as (_, club):
        await club.ask(QUESTION, mode="consensus", replicas=2)
        await club.ask(QUESTION, mode="consensus", replicas=2, temperature=0.7)

    bodies = [body for each in nodes for _, _, body in each.asked]
    assert sorted((body["temperature"], body.get("seed")) for body in bodies) == [
        (0, 0),
        (0, 0),
        (0.7, 0),
        (0.7, 0),
    ]


async def test_the_first_answer_is_told_while_it_may_still_be_outvoted(
    tmp_path: Path,
) -> None:
    told: list[Progress] = []
    nodes = [backend(RIGHT) for _ in range(3)]
    async with divided_club(tmp_path, nodes) as (_, club):
        await club.ask(QUESTION, mode="consensus", on_progress=told.append)

    assert "".join(each.provisional for each in told) == RIGHT
    assert (told[-1].done, told[-1].steps) == (3, 3)


async def test_cancelling_stops_every_replica(tmp_path: Path) -> None:
    never = anyio.Event()

    def wait(_body: dict[str, Any]) -> list[anyio.Event]:
        return [never]

    nodes = [backend(wait), backend(wait)]
    async with divided_club(tmp_path, nodes) as (_, club):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: club.ask(QUESTION, mode="consensus"))
            for each in nodes:
                await each.started.wait()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(5):
            for each in nodes:
                await each.stopped.wait()


async def test_a_plan_shows_who_may_be_asked(tmp_path: Path) -> None:
    async with divided_club(tmp_path, [backend(RIGHT) for _ in range(3)]) as (_, club):
        plan = await club.plan(QUESTION, mode="consensus", max_tokens=20)

    assert [step.perhaps for step in plan.steps] == [False, False, True]
    assert plan.bounds.completion_tokens == 60
    assert plan.bounds.requests == 3


@pytest.mark.parametrize(
    ("ceilings", "why"),
    [
        ({"max_parts": 2}, "up to 3 requests"),
        ({"budget_tokens": 30, "part_tokens": 20}, "up to 60 tokens"),
    ],
)
async def test_ceilings_are_kept_before_anything_is_asked(
    tmp_path: Path, ceilings: dict[str, int], why: str
) -> None:
    nodes = [backend(RIGHT) for _ in range(3)]
    async with divided_club(tmp_path, nodes) as (_, club):
        with pytest.raises(PlanError, match=why):
            await club.ask(QUESTION, mode="consensus", **ceilings)
    assert asked(nodes) == 0
