"""The table of nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from clubai.model import NICKNAME_LENGTH, NodeSnapshot, TaskSnapshot
from clubai.tui.grid import Column, Grid
from clubai.tui.look import Cell, Look, duration, rate, state_cell
from clubai.tui.picture import RECENT_S, quantile

_STATES: Final = ("lost", "suspect", "draining", "paused", "alive")
_BAR: Final = 6


def nodes_grid(first_tokens: Mapping[str, float] | None = None) -> Grid[NodeSnapshot]:
    """The nodes, by name; `first_tokens` is looked at whenever one is drawn."""
    columns = NODES if first_tokens is None else nodes_columns(first_tokens)
    return Grid(columns, key=lambda node: node.id, sort="Node")


def first_tokens_of(tasks: Iterable[TaskSnapshot], now: float) -> dict[str, float]:
    """By node, how soon its answers began: the 95th percentile, in milliseconds.

    Of the tasks that ended in the last ten minutes, in one pass over all of them.
    """
    by_node: dict[str, list[float]] = {}
    for task in tasks:
        if task.first_token_ms > 0 and task.ended_at >= now - RECENT_S:
            by_node.setdefault(task.node, []).append(task.first_token_ms)
    return {node: quantile(sorted(ms), 0.95) for node, ms in by_node.items()}


def node_name(node: NodeSnapshot) -> str:
    """Its name; the first characters of its id when it has none."""
    return node.name or node.id[:NICKNAME_LENGTH]


def _slots(node: NodeSnapshot, look: Look) -> Cell:
    bar = look.bar(node.slots_used, node.slots, _BAR)
    full = node.slots_used >= node.slots
    return Cell(f"{bar} {node.slots_used}/{node.slots}", "warn" if full else "")


def _models(node: NodeSnapshot, _look: Look) -> Cell:
    first = ", ".join(model.name for model in node.models[:2])
    more = f" +{len(node.models) - 2}" if len(node.models) > 2 else ""
    return Cell(first + more)


def _points(node: NodeSnapshot, _look: Look) -> Cell:
    standing = node.standing
    if standing is None:
        return Cell("-", "muted")
    held = f" +{standing.held}" if standing.held else ""
    if standing.suspended:
        return Cell(f"{standing.points}{held} out", "bad")
    return Cell(f"{standing.points}{held}", "good" if standing.trusted else "")


def nodes_columns(
    first_tokens: Mapping[str, float],
) -> tuple[Column[NodeSnapshot], ...]:
    """The columns; `first_tokens`: milliseconds by the node's id, always the newest."""
    return (
        Column(
            name="State",
            width=8,
            cell=lambda node, _: state_cell(node.state),
            sort=lambda node: _STATES.index(node.state),
            says="What its heartbeats say: alive, suspect or lost; paused or draining "
            "by its owner or an operator.",
        ),
        Column(
            name="Node",
            width=12,
            grow=True,
            cell=lambda node, _: Cell(node_name(node)),
            sort=lambda node: node_name(node).lower(),
            says="Its name, which its owner chose.",
        ),
        Column(
            name="Owner",
            rank=6,
            width=10,
            cell=lambda node, _: Cell(node.owner or "-"),
            sort=lambda node: node.owner,
            says="The member who lends it.",
        ),
        Column(
            name="Models",
            rank=2,
            width=24,
            cell=_models,
            sort=lambda node: [model.name for model in node.models],
            says="What it can run; the number of those that have no room.",
        ),
        Column(
            name="Slots",
            width=_BAR + 6,
            cell=_slots,
            sort=lambda node: node.slots_used,
            falling=True,
            says="Tasks that it works on, of those that it takes at once.",
        ),
        Column(
            name="Tok/s",
            rank=1,
            width=6,
            right=True,
            cell=lambda node, _: Cell(rate(node.tokens_per_second)),
            sort=lambda node: node.tokens_per_second,
            falling=True,
            says="Tokens a second of one task, over its recent ones: what the "
            "scheduler reckons with.",
        ),
        Column(
            name="First p95",
            rank=3,
            width=9,
            right=True,
            cell=lambda node, _: Cell(duration(first_tokens.get(node.id, 0))),
            sort=lambda node: first_tokens.get(node.id, 0),
            falling=True,
            says="How soon 19 in 20 answers began, of its tasks that ended in the "
            "last ten minutes.",
        ),
        Column(
            name="Points",
            width=11,
            right=True,
            cell=_points,
            sort=lambda node: node.standing.points if node.standing else 0,
            falling=True,
            says="Reputation; after the + what is held until an audit is passed; `out` "
            "while it is suspended. Green: a reference.",
        ),
        Column(
            name="Done",
            rank=5,
            width=6,
            right=True,
            cell=lambda node, _: Cell(str(node.tasks_done)),
            sort=lambda node: node.tasks_done,
            falling=True,
            says="Tasks that it ended well since the coordinator started.",
        ),
        Column(
            name="Failed",
            rank=7,
            width=6,
            right=True,
            cell=lambda node, _: Cell(
                str(node.tasks_failed), "bad" if node.tasks_failed else ""
            ),
            sort=lambda node: node.tasks_failed,
            falling=True,
            says="Tasks that it did not.",
        ),
        Column(
            name="Backend",
            rank=8,
            width=10,
            cell=lambda node, _: Cell(node.backend),
            sort=lambda node: node.backend,
            says="The model server behind it.",
        ),
        Column(
            name="Version",
            rank=9,
            width=9,
            cell=lambda node, _: Cell(node.version.rpartition(" ")[2] or "-"),
            sort=lambda node: node.version,
            says="Of its agent.",
        ),
        Column(
            name="Seen",
            rank=4,
            width=7,
            right=True,
            cell=lambda node, look: Cell(look.age(node.seen_at)),
            sort=lambda node: -node.seen_at,
            says="How long ago it was heard.",
        ),
    )


NODES: Final = nodes_columns({})
"""The columns without the times to the first token."""
