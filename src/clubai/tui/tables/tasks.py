"""The table of tasks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from clubai.model import TaskSnapshot
from clubai.tui.grid import Column, Grid, age_column
from clubai.tui.look import Cell, Look, count, duration, rate, state_cell
from clubai.tui.timeline import ENDED

ID_SHOWN: Final = 8
"""Characters of a task's id that a person compares."""
_STATES: Final = ("queued", "offered", "running", "replying", "done", "failed")

Which = Literal["all", "live", "failed"]
WHICH: Final[tuple[Which, ...]] = ("all", "live", "failed")
"""Which tasks are shown, in the order of the key that changes it."""


def tasks_grid(*, without: str = "", sort: str = "") -> Grid[TaskSnapshot]:
    """The tasks, in the order in which they are given, or sorted by a column.

    `without`: a column that is the same in all of them.
    """
    columns = [column for column in TASKS if column.name != without]
    return Grid(columns, key=lambda task: task.id, sort=sort)


def of_which(tasks: Iterable[TaskSnapshot], which: Which) -> list[TaskSnapshot]:
    """Those of the tasks that are to be shown."""
    if which == "live":
        return [task for task in tasks if task.state not in ENDED]
    if which == "failed":
        return [task for task in tasks if task.state == "failed"]
    return list(tasks)


def tokens_per_second(task: TaskSnapshot) -> float:
    """Of an answer that ended, from its first token on; 0: not known."""
    ms = task.total_ms - task.first_token_ms
    if task.state not in ENDED or ms <= 0 or not task.first_token_ms:
        return 0.0
    return task.completion_tokens * 1000 / ms


def waited_ms(task: TaskSnapshot, now: float) -> float:
    """How long it waited for a node, or waits until now."""
    if task.state == "queued":
        return max((now - task.created_at) * 1000, 0.0)
    return float(task.queued_ms)


def node_of(task: TaskSnapshot) -> str:
    """The name of its node, or its id; empty while none is chosen."""
    return task.node_name or task.node


def _waited(task: TaskSnapshot, look: Look) -> Cell:
    waits = task.state == "queued"
    return Cell(duration(waited_ms(task, look.now)), "warn" if waits else "")


def _reason(task: TaskSnapshot, _look: Look) -> Cell:
    return Cell(task.reason or "-", "bad" if task.state == "failed" else "muted")


TASKS: Final[tuple[Column[TaskSnapshot], ...]] = (
    Column(
        name="State",
        width=8,
        cell=lambda task, _: state_cell(task.state),
        sort=lambda task: _STATES.index(task.state),
        says="Queued until a node is chosen, offered until it is taken, running until "
        "the first token, replying until the last; then done or failed.",
    ),
    Column(
        name="Task",
        width=ID_SHOWN,
        cell=lambda task, _: Cell(task.id[:ID_SHOWN]),
        sort=lambda task: task.id,
        says="The first characters of its id; `i` copies all of it.",
    ),
    Column(
        name="Model",
        width=16,
        cell=lambda task, _: Cell(task.model),
        sort=lambda task: task.model,
        says="The model that was asked for.",
    ),
    Column(
        name="Node",
        rank=1,
        width=10,
        cell=lambda task, _: Cell(node_of(task) or "-"),
        sort=node_of,
        says="The node that was chosen last; `-` while none is.",
    ),
    Column(
        name="Mode",
        rank=9,
        width=9,
        cell=lambda task, _: Cell(task.mode),
        sort=lambda task: task.mode,
        says="Alone, or part of a job that asks several nodes.",
    ),
    Column(
        name="Member",
        rank=10,
        width=10,
        cell=lambda task, _: Cell(task.member),
        sort=lambda task: task.member,
        says="Who asked.",
    ),
    Column(
        name="Waited",
        rank=7,
        width=7,
        right=True,
        cell=_waited,
        sort=lambda task: (task.state == "queued", -task.created_at, task.queued_ms),
        falling=True,
        says="How long it was queued, or is; sorted, those that wait still come first.",
    ),
    Column(
        name="First",
        rank=5,
        width=7,
        right=True,
        cell=lambda task, _: Cell(duration(task.first_token_ms)),
        sort=lambda task: task.first_token_ms,
        falling=True,
        says="From the request to the first token of the answer.",
    ),
    Column(
        name="Tok/s",
        rank=4,
        width=6,
        right=True,
        cell=lambda task, _: Cell(rate(tokens_per_second(task))),
        sort=tokens_per_second,
        falling=True,
        says="Tokens a second of the answer, from its first one on; known at its end.",
    ),
    Column(
        name="Tokens",
        rank=6,
        width=6,
        right=True,
        cell=lambda task, _: Cell(count(task.completion_tokens)),
        sort=lambda task: task.completion_tokens,
        falling=True,
        says="Of the answer, as the node counted them.",
    ),
    age_column(lambda task: task.created_at, says="How long ago it was asked.", rank=2),
    Column(
        name="Tries",
        rank=8,
        width=5,
        right=True,
        cell=lambda task, _: Cell(
            str(task.attempts), "warn" if task.attempts > 1 else ""
        ),
        sort=lambda task: task.attempts,
        falling=True,
        says="Nodes that tried, one after the other.",
    ),
    Column(
        name="Reason",
        rank=3,
        width=16,
        grow=True,
        cell=_reason,
        sort=lambda task: task.reason,
        says="Why it waits, or why it failed.",
    ),
)
