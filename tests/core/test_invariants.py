"""The checks themselves: each kind of disagreement is found."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clubai.core.coordinator import CoordinatorMachine
from clubai.errors import InvariantError
from support.scene import Scene, node_id, task_id


def scene_with_work() -> Scene:
    scene = Scene()
    scene.join("a")
    scene.ask("leased")
    scene.ask("waits")
    return scene


def ended(machine: CoordinatorMachine) -> None:
    machine._tasks.live[task_id("leased")].state = "done"


def unheld(machine: CoordinatorMachine) -> None:
    machine._registry.nodes[node_id("a")].leases.clear()


def foreign(machine: CoordinatorMachine) -> None:
    machine._registry.nodes[node_id("a")].leases[task_id("waits")] = 0


def miscounted(machine: CoordinatorMachine) -> None:
    machine._registry.slots_used += 1


def unsorted_out(machine: CoordinatorMachine) -> None:
    machine._registry.nodes[node_id("a")].places["llama"].shelf.free += 1


def homeless(machine: CoordinatorMachine) -> None:
    machine._registry.pools.clear()


def idle_beside_work(machine: CoordinatorMachine) -> None:
    node = machine._registry.nodes[node_id("a")]
    machine._registry._withdraw(node)
    node.slots = 2
    machine._registry._deposit(node)


def unqueued(machine: CoordinatorMachine) -> None:
    machine._queue.remove(machine._tasks.live[task_id("waits")])


@pytest.mark.parametrize(
    "harm",
    [
        ended,
        unheld,
        foreign,
        miscounted,
        unsorted_out,
        homeless,
        idle_beside_work,
        unqueued,
    ],
)
def test_a_disagreement_is_found(harm: Callable[[CoordinatorMachine], None]) -> None:
    machine = scene_with_work().machine
    machine.validate()
    harm(machine)

    with pytest.raises(InvariantError):
        machine.validate()
