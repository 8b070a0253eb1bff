"""A node's slots as lanes: the task that each works on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from clubai.model import NodeSnapshot, TaskSnapshot, Value
from clubai.tui.grid import Column, Grid
from clubai.tui.look import Cell, Look, duration, state_cell
from clubai.tui.tables.tasks import ID_SHOWN

MOST_LANES: Final = 256
"""Shown of a node that says it has more slots."""


class Lane(Value, frozen=True, kw_only=True):
    """One slot of a node."""

    number: int
    """From 1."""
    busy: bool
    task: TaskSnapshot | None = None
    """None while it is free, or for a task that whoever looks may not see."""


def lanes(
    node: NodeSnapshot, tasks: Iterable[TaskSnapshot], before: Mapping[str, int]
) -> list[Lane]:
    """Each slot of a node.

    A task keeps the lane that it had `before`, by its id. A node that works on more
    than its slots has as many lanes.
    """
    taken: dict[int, TaskSnapshot] = {}
    homeless = []
    for task in sorted(tasks, key=lambda task: (task.created_at, task.id)):
        lane = before.get(task.id, 0)
        if lane and lane not in taken:
            taken[lane] = task
        else:
            homeless.append(task)
    free = (number for number in range(1, MOST_LANES + 1) if number not in taken)
    taken |= dict(zip(free, homeless, strict=False))
    unseen = max(node.slots_used - len(taken), 0)
    slots = min(max(node.slots, *taken, 0), MOST_LANES) if taken else node.slots
    found = []
    for number in range(1, min(slots, MOST_LANES) + 1):
        task_there = taken.get(number)
        busy = task_there is not None or unseen > 0
        unseen -= busy and task_there is None
        found.append(Lane(number=number, busy=busy, task=task_there))
    return found


def lanes_grid() -> Grid[Lane]:
    """The lanes, in their order."""
    return Grid(LANES, key=lambda lane: str(lane.number))


def _state(lane: Lane) -> str:
    if lane.task is not None:
        return lane.task.state
    return "in use" if lane.busy else "free"


def _for(lane: Lane, look: Look) -> Cell:
    if lane.task is None:
        return Cell("-", "muted")
    return Cell(duration((look.now - lane.task.created_at) * 1000))


def _model(lane: Lane, _look: Look) -> Cell:
    if lane.task is not None:
        return Cell(lane.task.model)
    return Cell("a task that is not shown" if lane.busy else "-", "muted")


LANES: Final[tuple[Column[Lane], ...]] = (
    Column(
        name="Slot",
        width=5,
        right=True,
        cell=lambda lane, _: Cell(str(lane.number)),
        sort=lambda lane: lane.number,
        says="Its number; a task stays in one.",
    ),
    Column(
        name="State",
        width=8,
        cell=lambda lane, _: state_cell(_state(lane)),
        sort=_state,
        says="Free, in use, or what its task does.",
    ),
    Column(
        name="Task",
        width=ID_SHOWN,
        cell=lambda lane, _: Cell(lane.task.id[:ID_SHOWN] if lane.task else "-"),
        sort=lambda lane: lane.task.id if lane.task else "",
        says="What it works on. Enter opens it.",
    ),
    Column(
        name="Model",
        width=16,
        grow=True,
        cell=_model,
        sort=lambda lane: lane.task.model if lane.task else "",
        says="The model that answers.",
    ),
    Column(
        name="First",
        rank=1,
        width=7,
        right=True,
        cell=lambda lane, _: Cell(
            duration(lane.task.first_token_ms if lane.task else 0)
        ),
        sort=lambda lane: lane.task.first_token_ms if lane.task else 0,
        says="From the request to the first token.",
    ),
    Column(
        name="For",
        width=8,
        right=True,
        cell=_for,
        sort=lambda lane: -lane.task.created_at if lane.task else 0.0,
        says="Since the request.",
    ),
    Column(
        name="Member",
        rank=2,
        width=12,
        cell=lambda lane, _: Cell(lane.task.member if lane.task else "-"),
        sort=lambda lane: lane.task.member if lane.task else "",
        says="Who asked.",
    ),
)
