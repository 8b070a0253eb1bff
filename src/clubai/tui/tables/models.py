"""The table of models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from clubai.model import Kind, ModelSnapshot, NodeSnapshot, TaskSnapshot, Value
from clubai.tui.grid import Column, Grid
from clubai.tui.look import Cell, Look, count, duration, rate
from clubai.tui.picture import RECENT_S, Picture

_BAR: Final = 6
_UP: Final = ("alive", "suspect", "paused", "draining")


class ModelRow(Value, frozen=True, kw_only=True):
    """One model, and how it was used lately."""

    name: str
    nodes: int
    """Nodes that serve it now."""
    warm: int
    slots: int
    slots_free: int
    context: int
    """0: not known."""
    kinds: tuple[Kind, ...]
    tokens_per_second: float
    """The mean of what its nodes measured; 0: none did."""
    requests: int
    """In the last ten minutes, of those that are remembered."""
    waiting: int
    first_token_ms: float
    """95th percentile, of those that ended in the last ten minutes; 0: none did."""


def models_grid() -> Grid[ModelRow]:
    """The models, by name."""
    return Grid(MODELS, key=lambda row: row.name, sort="Model")


def model_rows(picture: Picture, now: float) -> list[ModelRow]:
    """All models that a node offers or a task waits for."""
    asked: dict[str, list[TaskSnapshot]] = {}
    for task in _recent(picture, now):
        asked.setdefault(task.model, []).append(task)
    known = {model.name: model for model in picture.mirror.models}
    wanted = [
        task.model for task in picture.mirror.live.values() if task.model not in known
    ]
    known |= {name: _missing(name) for name in wanted}
    measured = _measured(picture.mirror.nodes.values())
    return [
        _row(picture, model, measured.get(name, ()), asked.get(name, ()))
        for name, model in known.items()
    ]


def nodes_with(picture: Picture, model: str) -> list[NodeSnapshot]:
    """The nodes that offer a model, also those that are not up."""
    return [
        node
        for node in picture.mirror.nodes.values()
        if any(offer.name == model for offer in node.models)
    ]


def tasks_of(picture: Picture, model: str) -> list[TaskSnapshot]:
    """The remembered tasks for a model, live and ended."""
    return [task for task in picture.tasks if task.model == model]


def _recent(picture: Picture, now: float) -> Iterable[TaskSnapshot]:
    mirror, since = picture.mirror, now - RECENT_S
    yield from mirror.live.values()
    for task in mirror.ended.values():
        if task.ended_at >= since:
            yield task


def _measured(nodes: Iterable[NodeSnapshot]) -> dict[str, list[float]]:
    """By model, what nodes that are up measured: of the model, else of themselves."""
    speeds: dict[str, list[float]] = {}
    for node in nodes:
        for offer in node.models if node.state in _UP else ():
            speed = offer.tokens_per_second or node.tokens_per_second
            if speed > 0:
                speeds.setdefault(offer.name, []).append(speed)
    return speeds


def _missing(name: str) -> ModelSnapshot:
    return ModelSnapshot(
        name=name, nodes=0, warm=0, slots=0, slots_free=0, context=0, kinds=()
    )


def _row(
    picture: Picture,
    model: ModelSnapshot,
    speeds: Iterable[float],
    tasks: Iterable[TaskSnapshot],
) -> ModelRow:
    measured, asked = list(speeds), list(tasks)
    return ModelRow(
        name=model.name,
        nodes=model.nodes,
        warm=model.warm,
        slots=model.slots,
        slots_free=model.slots_free,
        context=model.context,
        kinds=model.kinds,
        tokens_per_second=sum(measured) / len(measured) if measured else 0.0,
        requests=len(asked),
        waiting=sum(task.state == "queued" for task in asked),
        first_token_ms=picture.latency(asked).p95,
    )


def _nodes(row: ModelRow, _look: Look) -> Cell:
    if not row.nodes:
        return Cell("none up", "bad")
    return Cell(f"{row.warm}+{row.nodes - row.warm}", "" if row.warm else "warn")


def _slots(row: ModelRow, look: Look) -> Cell:
    bar = look.bar(row.slots_free, row.slots, _BAR)
    text = f"{bar} {row.slots_free}/{row.slots}"
    if row.slots and not row.slots_free:
        return Cell(f"{bar} full", "warn")
    return Cell(text, "good" if row.slots_free else "muted")


def _waiting(row: ModelRow, _look: Look) -> Cell:
    return Cell(str(row.waiting), "warn" if row.waiting else "muted")


MODELS: Final[tuple[Column[ModelRow], ...]] = (
    Column(
        name="Model",
        width=16,
        grow=True,
        cell=lambda row, _: Cell(row.name),
        sort=lambda row: row.name.lower(),
        says="Its name, as tasks ask for it.",
    ),
    Column(
        name="Nodes",
        width=7,
        cell=_nodes,
        sort=lambda row: (row.nodes, row.warm),
        falling=True,
        says="Nodes that serve it: with it in memory, + those that load it first.",
    ),
    Column(
        name="Free",
        width=_BAR + 6,
        cell=_slots,
        sort=lambda row: row.slots_free,
        falling=True,
        says="Slots that are free, of those of its nodes.",
    ),
    Column(
        name="Waiting",
        rank=2,
        width=8,
        right=True,
        cell=_waiting,
        sort=lambda row: row.waiting,
        falling=True,
        says="Tasks for it that wait for a node.",
    ),
    Column(
        name="Tok/s",
        rank=1,
        width=6,
        right=True,
        cell=lambda row, _: Cell(rate(row.tokens_per_second)),
        sort=lambda row: row.tokens_per_second,
        falling=True,
        says="Tokens a second of one task: the mean of what its nodes measured with "
        "it, or over their recent tasks.",
    ),
    Column(
        name="10 min",
        rank=3,
        width=7,
        right=True,
        cell=lambda row, _: Cell(count(row.requests)),
        sort=lambda row: row.requests,
        falling=True,
        says="Tasks for it that live, or ended in the last ten minutes.",
    ),
    Column(
        name="1st p95",
        rank=4,
        width=8,
        right=True,
        cell=lambda row, _: Cell(duration(row.first_token_ms)),
        sort=lambda row: row.first_token_ms,
        falling=True,
        says="By when 95 of 100 of its answers had begun, in the last ten minutes.",
    ),
    Column(
        name="Context",
        rank=5,
        width=8,
        right=True,
        cell=lambda row, _: Cell(str(row.context) if row.context else "-"),
        sort=lambda row: row.context,
        falling=True,
        says="The most tokens that a task for it may hold, on any node.",
    ),
    Column(
        name="Kinds",
        rank=6,
        width=26,
        cell=lambda row, _: Cell(", ".join(row.kinds) or "-"),
        sort=lambda row: row.kinds,
        says="What it can be asked for.",
    ),
)
