from __future__ import annotations

import tracemalloc

import pytest

from clubai.core import registry as registry_module
from clubai.core.commands import CancelAttempt, DropNode, FailTask, OfferTask
from clubai.core.coordinator import CoordinatorMachine
from clubai.core.events import NodeReported
from clubai.core.limits import CoordinatorLimits
from clubai.core.registry import MAX_EMPTY_POOLS, MAX_LOST_SHOWN, MAX_SHELVES, Registry
from support.scene import (
    START,
    Scene,
    all_of,
    joined,
    node_id,
    offer,
    only,
    task_id,
)


def test_a_silent_node_is_suspect_and_gets_no_work() -> None:
    scene = Scene()
    scene.join("a")
    scene.told["a"].silent = True
    scene.wait(24.9)
    assert scene.node("a").state == "alive"
    scene.wait(0.6)

    assert scene.node("a").state == "suspect"
    assert not all_of(OfferTask, scene.ask("t"))


def test_a_node_that_stays_silent_is_dropped_and_shown_as_lost() -> None:
    scene = Scene()
    scene.join("a")
    scene.told["a"].silent = True
    scene.wait(44.9)
    assert not all_of(DropNode, scene.commands)
    commands = scene.wait(0.6)

    assert only(DropNode, commands).node == node_id("a")
    assert scene.node("a").state == "lost"
    assert scene.machine.models() == ()


def test_a_lost_node_is_shown_for_a_while_only() -> None:
    scene = Scene(show_lost_s=100.0)
    scene.join("a")
    scene.told.clear()
    scene.wait(50.0)
    assert scene.node("a").state == "lost"
    scene.wait(100.0)

    assert scene.machine.nodes() == ()
    assert scene.machine.next_deadline() is None


def test_a_heartbeat_makes_a_suspect_node_take_waiting_work() -> None:
    scene = Scene()
    scene.join("a")
    scene.told["a"].silent = True
    scene.wait(30.0)
    scene.ask("t")
    commands = scene.report("a", silent=False)

    assert only(OfferTask, commands).node == node_id("a")
    assert scene.node("a").state == "alive"


def test_a_lost_node_that_comes_back_is_one_node() -> None:
    scene = Scene()
    scene.join("a")
    scene.told["a"].silent = True
    scene.wait(60.0)
    scene.join("a")

    assert [node.state for node in scene.machine.nodes()] == ["alive"]


@pytest.mark.parametrize("state", ["paused", "draining"])
def test_a_node_that_wants_none_keeps_what_it_has(state: str) -> None:
    scene = Scene()
    scene.join("a", slots=2)
    scene.ask("t")
    scene.accept("a", "t")
    commands = scene.report("a", **{state: True})

    assert commands == []
    assert scene.node("a").state == state
    assert scene.model().nodes == 0
    assert not all_of(OfferTask, scene.ask("u"))
    assert scene.finish("a", "t")


@pytest.mark.parametrize(("drain", "state"), [(False, "paused"), (True, "draining")])
def test_a_node_that_its_owner_holds_keeps_what_it_has(drain: bool, state: str) -> None:
    scene = Scene()
    scene.join("a", slots=2)
    scene.ask("t")
    scene.accept("a", "t")
    commands = scene.hold("a", drain=drain)

    assert commands == []
    assert scene.node("a").state == state
    assert scene.model().nodes == 0
    assert not all_of(OfferTask, scene.ask("u"))
    scene.wait(60.0)
    assert scene.finish("a", "t")


def test_what_the_owner_said_outlives_the_connection_and_the_nodes_own_word() -> None:
    scene = Scene()
    scene.hold("a")
    scene.join("a")
    assert scene.node("a").state == "paused"
    scene.report("a", paused=True)
    scene.report("a", paused=False)
    assert scene.node("a").state == "paused"
    scene.leave("a")
    scene.join("a")
    scene.hold("a", drain=True)
    assert scene.node("a").state == "draining"

    scene.hold("a", paused=False)

    assert scene.node("a").state == "alive"
    scene.leave("a")
    scene.join("a")
    assert scene.node("a").state == "alive"


def test_a_node_that_is_let_go_on_takes_waiting_work() -> None:
    scene = Scene()
    scene.join("a")
    scene.join("b")
    scene.ask("t")
    scene.hold("b")
    scene.ask("u")

    assert only(OfferTask, scene.hold("b", paused=False)).node == node_id("b")
    assert scene.hold("b", paused=False) == []


def test_a_cold_node_steps_in_for_a_held_one() -> None:
    scene = Scene()
    scene.join("warm")
    scene.join("cold", offer(warm=False))
    scene.ask("t")
    scene.accept("warm", "t")
    assert not all_of(OfferTask, scene.ask("u"))

    assert only(OfferTask, scene.hold("warm")).node == node_id("cold")


def test_a_resumed_node_takes_waiting_work() -> None:
    scene = Scene()
    scene.join("a")
    scene.join("b")
    scene.ask("t")
    scene.report("b", paused=True)
    scene.ask("u")

    assert only(OfferTask, scene.report("b", paused=False)).node == node_id("b")


def test_more_slots_take_waiting_work() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    scene.ask("u")
    scene.ask("v")
    commands = scene.report("a", slots=3)

    assert [c.task for c in all_of(OfferTask, commands)] == [task_id("u"), task_id("v")]


def test_fewer_slots_take_nothing_away() -> None:
    scene = Scene()
    scene.join("a", slots=2)
    scene.ask("t")
    scene.ask("u")
    commands = scene.report("a", slots=1)
    scene.ask("v")

    assert commands == []
    assert scene.node("a").slots_used == 2
    assert not all_of(OfferTask, scene.finish("a", "t"))
    assert only(OfferTask, scene.finish("a", "u")).task == task_id("v")


def test_a_model_that_becomes_known_takes_waiting_work_at_once() -> None:
    scene = Scene()
    scene.join("a", offer("llama"))
    scene.join("b", offer("other"))
    scene.ask("t")
    scene.ask("u")
    commands = scene.report("b", models=(offer("other"), offer("llama")))

    assert only(OfferTask, commands).node == node_id("b")


def test_a_model_that_is_withdrawn_is_asked_for_no_more() -> None:
    scene = Scene()
    scene.join("a", offer("llama"), offer("other"))
    scene.report("a", models=(offer("other"),))

    assert [model.name for model in scene.machine.models()] == ["other"]
    assert not all_of(OfferTask, scene.ask("t"))


def test_what_runs_ends_well_though_its_model_is_withdrawn() -> None:
    scene = Scene()
    scene.join("a")
    scene.ask("t")
    scene.report("a", models=(offer("other"),))
    scene.finish("a", "t")

    assert scene.task("t").state == "done"
    assert scene.node("a").tasks_done == 1


def test_a_task_whose_model_is_forgotten_while_it_waits_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry_module, "MAX_EMPTY_POOLS", 1)
    scene = Scene()
    scene.join("a", offer("llama"), offer("other"))
    scene.ask("t")
    scene.accept("a", "t")
    scene.ask("u")
    scene.report("a", models=(offer("third"),))
    failure = only(FailTask, scene.wait(6.0))

    assert (failure.task, failure.code) == (task_id("u"), "unknown_model")


def test_the_measured_speed_outlives_a_change_of_the_offer() -> None:
    scene = Scene()
    scene.join("fast")
    scene.join("slow", offer(context=2048))
    scene.join("mid", offer(tokens_per_second=20.0))
    for name, seconds in (("fast", 1.0), ("slow", 50.0)):
        scene.ask(name, pinned=(node_id(name),))
        scene.run(name, name, seconds, 100)
    scene.report("fast", paused=True)
    scene.report("slow", models=(offer(context=4096),))

    assert only(OfferTask, scene.ask("t")).node == node_id("mid")


def test_a_node_that_joins_again_begins_anew() -> None:
    scene = Scene()
    scene.join("a")
    scene.join("b", slots=2)
    scene.ask("t", pinned=(node_id("a"), node_id("b")))
    first = only(OfferTask, scene.commands).node
    name = "a" if first == node_id("a") else "b"
    commands = scene.join(name)

    assert only(OfferTask, commands).node != first
    assert not all_of(CancelAttempt, commands)
    assert scene.node(name).slots_used == 0


def test_an_offer_made_twice_counts_once() -> None:
    scene = Scene()
    scene.join("a", offer(context=10), offer(context=20), slots=3)

    assert scene.model().slots == 3


def test_model_snapshots_are_made_again_only_after_a_change() -> None:
    scene = Scene()
    scene.join("a")
    before = scene.machine.models()
    scene.report("a")
    assert scene.machine.models() is before
    scene.ask("t")

    assert scene.machine.models() is not before
    assert scene.model().slots_free == 0
    scene.join("b")
    assert scene.model().nodes == 2
    scene.leave("b")
    assert scene.model().nodes == 1


def test_a_heartbeat_is_seen_in_the_snapshot() -> None:
    scene = Scene()
    scene.join("a")
    assert scene.node("a").seen_at == START
    scene.now += 7.0
    scene.report("a")

    assert scene.node("a").seen_at == START + 7.0
    assert scene.node("a").joined_at == START


def test_models_are_listed_by_name() -> None:
    scene = Scene()
    scene.join("a", offer("zephyr"), offer("alpha"))

    assert [model.name for model in scene.machine.models()] == ["alpha", "zephyr"]


def test_what_nodes_claim_to_offer_does_not_pile_up() -> None:
    registry = Registry(CoordinatorLimits())
    node = registry.join(joined("a"), START)
    for number in range(MAX_EMPTY_POOLS + 500):
        report = NodeReported(
            node=node.id,
            models=(offer(f"model-{number}"),),
            slots=1,
            running=(),
            paused=False,
            draining=False,
        )
        registry.report(node, report, START)

    assert len(registry.pools) <= MAX_EMPTY_POOLS + 1


def test_shapes_of_gone_nodes_do_not_pile_up() -> None:
    registry = Registry(CoordinatorLimits())
    registry.join(joined("stays"), START)
    for number in range(MAX_SHELVES + 50):
        event = joined("a", offer(context=1000 + number))
        registry.remove(registry.join(event, START), START)

    assert len(registry.pools["llama"].shelves) <= MAX_SHELVES + 1


def test_only_so_many_lost_nodes_are_shown() -> None:
    registry = Registry(CoordinatorLimits())
    for number in range(MAX_LOST_SHOWN + 10):
        node = registry.join(joined(f"n{number}"), START)
        registry.lose(node, START)

    assert len(registry.node_snapshots()) == MAX_LOST_SHOWN
    assert len(registry.deadlines) == MAX_LOST_SHOWN


def test_ten_thousand_nodes_are_small_and_their_heartbeats_touch_no_index(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = CoordinatorMachine()
    events = [joined(f"n{number}", offer(), slots=2) for number in range(10_000)]
    tracemalloc.start()
    for event in events:
        machine.handle(event, now=START)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used / len(events) < 3000

    touched = 0

    def count(self: Registry, node: object) -> None:
        nonlocal touched
        touched += 1

    monkeypatch.setattr(registry_module.Registry, "_withdraw", count)
    monkeypatch.setattr(registry_module.Registry, "_deposit", count)
    for event in events:
        report = NodeReported(
            node=event.node,
            models=(offer(),),
            slots=2,
            running=(),
            paused=False,
            draining=False,
        )
        assert machine.handle(report, now=START + 15.0) == []

    assert touched == 0
    assert len(machine._registry.deadlines._heap) == len(events)


def test_ten_thousand_nodes_wake_the_driver_at_most_twice_a_second() -> None:
    machine = CoordinatorMachine()
    for number in range(10_000):
        machine.handle(joined(f"n{number}"), now=START + number / 1000)
    wakes = 0
    while (due := machine.next_deadline()) is not None and due < START + 40.0:
        machine.advance(now=due)
        wakes += 1

    assert wakes <= 2 * 15
    stats = machine.stats(now=due or 0, started_at=0, members=0, tasks_before=0)
    assert stats.nodes_alive == 0
