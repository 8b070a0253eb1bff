"""What must hold between events, whatever happened: checked by the tests.

Everything here looks at all nodes and all tasks; nothing calls it in earnest.
"""

from __future__ import annotations

from clubai.core.nodes import Node
from clubai.core.pools import Shelf
from clubai.core.registry import Registry
from clubai.core.scheduling import eligible
from clubai.core.table import TaskTable
from clubai.core.tasks import Task
from clubai.core.waiting import FairQueue
from clubai.errors import InvariantError
from clubai.model import NodeId, node_nickname


def check(registry: Registry, tasks: TaskTable, queue: FairQueue) -> None:
    """Check that nodes, tasks and queue agree.

    Raises:
        InvariantError: the first thing found that does not hold.
    """
    for task in tasks.live.values():
        _check_task(task, registry)
    for node in registry.nodes.values():
        _check_node(node, tasks)
    _check_counts(registry, tasks, queue)
    _check_shelves(registry)
    _check_owners(registry)
    _check_waiting(registry, tasks)


def _check_task(task: Task, registry: Registry) -> None:
    _must(task.state not in ("done", "failed"), "an ended task is live", task)
    _must(task.waiting != task.leased, "a task waits and runs, or neither", task)
    if task.leased:
        node = registry.nodes.get(task.nodes[-1])
        held = node is not None and node.leases.get(task.request.task) == task.attempt
        _must(held, "a leased task is not held by its node", task)


def _check_node(node: Node, tasks: TaskTable) -> None:
    for task_id in node.leases:
        task = tasks.live.get(task_id)
        _must(
            task is not None and task.leased and task.nodes[-1] == node.id,
            f"node {node_nickname(node.id)} holds a task that is not its own",
            task,
        )


def _check_counts(registry: Registry, tasks: TaskTable, queue: FairQueue) -> None:
    nodes = registry.nodes.values()
    leased = sum(task.leased for task in tasks.live.values())
    waiting = [task for task in tasks.live.values() if task.waiting]
    counts = (
        ("leases", registry.slots_used, leased),
        ("slots", registry.slots, sum(node.slots for node in nodes)),
        ("alive", registry.alive, sum(not node.silent for node in nodes)),
        ("waiting", len(queue), len(waiting)),
        ("task deadlines", len(tasks.deadlines), len(tasks.live)),
        (
            "node deadlines",
            len(registry.deadlines),
            len(registry.nodes) + len(registry.lost),
        ),
    )
    for name, counted, true in counts:
        _must(counted == true, f"{name}: {counted} counted, {true} are there")
    for task in waiting:
        _must(task in queue.in_order(task.request.model), "it waits in no queue", task)


def _check_owners(registry: Registry) -> None:
    offering: dict[str, dict[str, dict[str, dict[NodeId, None]]]] = {}
    for node in registry.nodes.values():
        for name, place in node.places.items():
            owners = offering.setdefault(name, {}).setdefault(place.quantization, {})
            owners.setdefault(node.owner, {})[node.id] = None
    for pool in registry.pools.values():
        _must(
            pool.owners == offering.get(pool.name, {}),
            f"the owners of {pool.name!r} are others than those of its nodes",
        )


def _check_shelves(registry: Registry) -> None:
    standing: dict[Shelf, list[Node]] = {}
    for node in registry.nodes.values():
        for place in node.places.values():
            standing.setdefault(place.shelf, []).append(node)
    for pool in registry.pools.values():
        for shelf in pool.shelves.values():
            nodes = standing.pop(shelf, [])
            serving = [node for node in nodes if node.serving]
            free = [node.id for node in serving if node.free]
            idle = [key[3] for key in shelf.idle]
            found = (
                shelf.members == len(nodes)
                and shelf.serving == len(serving)
                and shelf.silent == sum(node.silent for node in serving)
                and shelf.slots == sum(node.slots for node in serving)
                and shelf.free == sum(node.free for node in serving)
                and sorted(idle) == sorted(free)
                and shelf.idle == sorted(shelf.idle)
            )
            _must(found, f"a shelf of {pool.name!r} miscounts {shelf.shape}")
    _must(not standing, "nodes stand on shelves that no pool knows")


def _check_waiting(registry: Registry, tasks: TaskTable) -> None:
    """No task waits while a warm node that it could use has a free slot."""
    for task in tasks.live.values():
        for node in registry.nodes.values():
            place = eligible(task, node) if task.waiting else None
            _must(
                place is None or not place.shelf.shape.warm,
                f"a task waits though node {node_nickname(node.id)} is free",
                task,
            )


def _must(holds: bool, what: str, task: Task | None = None) -> None:
    if not holds:
        raise InvariantError(what, task.lines() if task else ())
