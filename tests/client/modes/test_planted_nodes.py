"""Consensus with planted nodes: whatever they send, and in whatever place they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, cycle, islice
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest

from clubai.client import Answer, Client
from clubai.client.modes.nodes import offering
from clubai.comparing import Comparator, choose_comparator
from clubai.model import node_text
from comparing.cheats import CHEATS, Scene
from comparing.planted import KINDS, Planted
from support.divided_club import backend, divided_club
from support.memory_club import MemoryClub
from support.scripted_backend import ScriptedBackend, say


class Setting(NamedTuple):
    nodes: int
    orders: int
    """In how many of the places that they can have the bad nodes are, for each cheat;
    the next one has the next places."""
    bad: tuple[int, ...]
    """As what each bad node cheats: two that collude are the same."""


SETTINGS = {
    "one of three": Setting(3, 3, (0,)),
    "two of five, each for itself": Setting(5, 1, (0, 1)),
    "two of five, colluding": Setting(5, 1, (0, 0)),
}


class Case(NamedTuple):
    planted: Planted
    cheat: str
    texts: tuple[str, ...]
    """What each node answers, by its place among those that are asked."""
    bad: tuple[int, ...]
    """The places of those that cheat."""


def cases(kind: str, setting: Setting) -> Iterator[Case]:
    prompts = KINDS[kind]
    orders = cycle(combinations(range(setting.nodes), len(setting.bad)))
    spare = cycle(range(len(prompts[0].honest)))
    for place, planted in enumerate(prompts):
        other = prompts[(place + 1) % len(prompts)]
        for cheat, cheated in CHEATS.items():
            bad = [cheated(Scene(planted, other, node)) for node in setting.bad]
            for places in islice(orders, setting.orders):
                first = next(spare)
                honest = [*planted.honest[first:], *planted.honest[:first]]
                texts = [
                    bad[places.index(node)] if node in places else honest[node]
                    for node in range(setting.nodes)
                ]
                yield Case(planted, cheat, tuple(texts), places)


async def in_turn(
    club: MemoryClub, client: Client, nodes: Sequence[ScriptedBackend]
) -> list[ScriptedBackend]:
    """The nodes in the order in which the next job asks them, all of them free."""
    driver = club.coordinator.driver
    while any(seen.slots_used for seen in (await client.snapshot()).nodes):
        await driver.changed.wait()
    snapshot = await client.snapshot()
    names = {node.id: node.name for node in snapshot.nodes}
    offered = [names[node_text(each.node)] for each in offering(snapshot.nodes, "m")]
    return [nodes[int(name.removeprefix("n"))] for name in offered]


def compared_as(kind: str, planted: Planted) -> str:
    """`auto`, but where nothing in the prompt says that each letter counts."""
    return kind if planted.prompt.startswith("Repeat exactly") else "auto"


def is_honest(answer: Answer, kind: str, planted: Planted) -> bool:
    if kind == "text":
        return answer.text in planted.honest
    comparator = (
        choose_comparator(planted.prompt, answers=planted.honest)
        if compared_as(kind, planted) == "auto"
        else Comparator(kind="exact")
    )
    return comparator.extract(answer.text) == comparator.extract(planted.honest[0])


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("kind", KINDS)
async def test_the_honest_answer_wins(tmp_path: Path, kind: str, setting: str) -> None:
    size = SETTINGS[setting].nodes
    nodes = [backend("unused") for _ in range(size)]
    lost = []
    cheated = total = 0
    async with divided_club(tmp_path, nodes) as (club, client):
        for case in cases(kind, SETTINGS[setting]):
            for node, text in zip(
                await in_turn(club, client, nodes), case.texts, strict=True
            ):
                node.asked.clear()
                node.answer = say(text)
            with anyio.fail_after(20):
                answer = await client.ask(
                    case.planted.prompt,
                    mode="consensus",
                    replicas=size,
                    compare=compared_as(kind, case.planted),
                )
            total += 1
            agreement = answer.agreement
            assert agreement is not None
            if not (agreement.quorum and is_honest(answer, kind, case.planted)):
                lost.append((case, answer.text, agreement))
            asked = sum(len(node.asked) for node in nodes)
            assert asked == agreement.answers
            if agreement.answers > agreement.agreed:
                cheated += 1
    assert not lost
    # those that cheat are among the first that are asked, in nearly all orders
    assert cheated >= total // 2


FARM = "A farmer sells 12 boxes of 24 eggs. How many is that? Answer with a number."
SOLD = "The farmer sells 288 eggs."
NO_NUMBER = "The farmer sells many eggs."


@pytest.mark.parametrize(("size", "bad"), [(3, 1), (5, 2)])
async def test_answers_without_a_value_do_not_have_all_compared_as_texts(
    tmp_path: Path, size: int, bad: int
) -> None:
    """As texts they agree with the honest ones, and might stand for them."""
    nodes = [backend("unused") for _ in range(size)]
    async with divided_club(tmp_path, nodes) as (club, client):
        for places in combinations(range(size), bad):
            for place, node in enumerate(await in_turn(club, client, nodes)):
                node.answer = say(NO_NUMBER if place in places else SOLD)
            answer = await client.ask(FARM, mode="consensus", replicas=size)
            assert answer.text == SOLD
            assert answer.agreement is not None
            assert answer.agreement.compared == "number"
            assert answer.agreement.agreed == size - bad


async def test_a_prompt_that_only_seems_to_ask_for_a_number_is_compared_as_text(
    tmp_path: Path,
) -> None:
    nodes = [backend("Many, and all of them are sold.") for _ in range(3)]
    async with divided_club(tmp_path, nodes) as (_, client):
        answer = await client.ask(FARM, mode="consensus")

    assert answer.agreement is not None
    assert answer.agreement.compared == "text"
    assert answer.agreement.quorum
