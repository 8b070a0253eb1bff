from __future__ import annotations

import random

from clubai.core.commands import OfferTask
from clubai.core.coordinator import CoordinatorMachine
from clubai.model import task_text
from support.scene import START, Scene, joined, node_id, offer, requested, task_id


def test_an_empty_machine_needs_nothing() -> None:
    machine = CoordinatorMachine()

    assert machine.next_deadline() is None
    assert machine.advance(now=START) == []
    assert machine.idle
    assert machine.nodes() == machine.models() == machine.tasks() == ()


def test_time_never_goes_back() -> None:
    machine = CoordinatorMachine()
    machine.handle(joined("a"), now=START)
    machine.handle(requested("t"), now=START - 500.0)
    machine.advance(now=START - 1000.0)

    assert machine.tasks()[0].created_at == START
    machine.validate()


def test_the_next_deadline_is_the_nearest_of_nodes_and_tasks() -> None:
    scene = Scene()
    scene.join("a")
    assert scene.machine.next_deadline() == START + 25.0
    scene.ask("t")

    assert scene.machine.next_deadline() == START + 15.0


def test_two_machines_told_the_same_say_the_same() -> None:
    scenes = [Scene(), Scene()]
    for scene in scenes:
        for name in "cab":
            scene.join(name, slots=2)
        for number in range(12):
            scene.ask(f"t{number}", member=f"m_{number % 3}")
        scene.fail("a", "t0")
        scene.leave("b")
        scene.wait(120.0)

    assert scenes[0].commands == scenes[1].commands
    assert len(scenes[0].commands) > 40


def test_the_snapshots_show_tasks_newest_first() -> None:
    scene = Scene()
    scene.join("a")
    for name in ("t", "u", "v"):
        scene.ask(name)

    shown = [task.id for task in scene.machine.tasks()]
    assert shown == [task_text(task_id(name)) for name in ("v", "u", "t")]


def test_counts_are_live() -> None:
    scene = Scene()
    scene.join("a", slots=2)
    scene.join("b")
    scene.report("b", paused=True)
    for name in ("t", "u", "v"):
        scene.ask(name)
    stats = scene.machine.stats(
        now=scene.now, started_at=START, members=3, tasks_before=0
    )

    assert (stats.nodes_alive, stats.nodes_known) == (2, 2)
    assert (stats.slots, stats.slots_used) == (3, 2)
    assert (stats.tasks_running, stats.tasks_queued) == (2, 1)
    assert not scene.machine.idle


def test_the_machine_never_offers_a_node_that_is_not_here() -> None:
    scene = Scene()
    for name in "abc":
        scene.join(name)
    scene.leave("a")
    scene.leave("b")
    offers = [c for c in scene.ask("t") if isinstance(c, OfferTask)]

    assert [command.node for command in offers] == [node_id("c")]


def test_nodes_are_drawn_among_those_that_offer_the_model() -> None:
    scene = Scene()
    scene.join("mine", owner="ann")
    scene.join("a", owner="bob")
    scene.join("b", owner="eve")
    scene.join("b8", offer(quantization="Q8_0"), owner="eve")
    scene.join("other", offer("mistral"), owner="eve")
    scene.join("left", owner="bob")
    scene.leave("left")
    rng = random.Random(1)  # noqa: S311 - no secret

    def drawn(model: str, quantization: str, most: int) -> set[str]:
        found = scene.machine.some_nodes(
            model, rng, besides="ann", quantization=quantization, most=most
        )
        return {node.name for node in found}

    assert drawn("llama", "", 9) == {"a", "b", "b8"}
    assert drawn("llama", "Q8_0", 1) == {"b8"}
    assert drawn("none", "", 9) == set()
    scene.report("b8", models=(offer(quantization="Q4_0"),))
    assert drawn("llama", "Q4_0", 1) == {"b8"}


def test_a_node_is_found_while_it_is_here() -> None:
    scene = Scene()
    scene.join("a")
    found = scene.machine.node(node_id("a"))
    assert scene.machine.offers(node_id("a"), "llama")
    assert not scene.machine.offers(node_id("a"), "mistral")
    scene.leave("a")

    assert found is not None
    assert not scene.machine.offers(node_id("a"), "llama")
    assert (found.name, found.state) == ("a", "alive")
    assert scene.machine.node(node_id("a")) is None
