"""What needs a look: found in the picture, worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from clubai.model import NodeSnapshot, TaskSnapshot, Value
from clubai.tui.acts.roles import may_do, may_see
from clubai.tui.grid import Column, Grid
from clubai.tui.look import Cell, Look, Tone, ago
from clubai.tui.picture import RECENT_S, Picture
from clubai.tui.tables.nodes import node_name

Level = Literal["alarm", "warning", "note"]
Opens = Literal["node", "nodes", "task", "tasks", "model", "review", "events"]

WAITS_LONG_S: Final = 30.0
"""A task that waits for longer is told of."""
LOST_SHOWN_S: Final = 3600.0
"""A node that is lost for longer is a note: it is not coming back by itself."""
_LEVELS: Final = ("alarm", "warning", "note")
_TONES: Final[dict[Level, Tone]] = {"alarm": "bad", "warning": "warn", "note": "accent"}


class Alert(Value, frozen=True, kw_only=True):
    """One thing that needs a look, and what Enter opens."""

    key: str
    level: Level
    what: str
    why: str
    at: float
    """Since when; 0: not known."""
    opens: Opens
    target: str = ""
    """Of a node or a task the id, of a model the name, of a review the number; of tasks
    the filter of their table."""


def alerts_grid() -> Grid[Alert]:
    """The alerts, worst first."""
    return Grid(ALERTS, key=lambda alert: alert.key)


def alerts(picture: Picture, look: Look, here: float) -> list[Alert]:
    """All of them; `here`: this machine's time, by which gaps are told."""
    found = [
        *_nodes(picture, look),
        *_full_models(picture),
        *_waiting(picture, look),
        *_failures(picture, look),
        *_reviews(picture),
        *_gaps(picture, look, here),
    ]
    return sorted(found, key=lambda alert: (_LEVELS.index(alert.level), -alert.at))


def _nodes(picture: Picture, look: Look) -> Iterator[Alert]:
    stats = picture.stats
    if stats is not None and not stats.nodes_alive:
        yield Alert(
            key="no-nodes",
            level="alarm",
            what="no node is up",
            why="nothing can be answered until one comes",
            at=0.0,
            opens="nodes",
        )
    for node in picture.mirror.nodes.values():
        if node.state in ("lost", "suspect"):
            yield _silent(node, look)
        if node.standing is not None and node.standing.suspended:
            yield _suspended(picture, node)


def _silent(node: NodeSnapshot, look: Look) -> Alert:
    long = look.now - node.seen_at
    heard = f"not heard for {ago(long)}"
    level: Level
    if node.state == "suspect":
        level, why = "warning", f"{heard}; it gets nothing new"
    elif long > LOST_SHOWN_S:
        level, why = "note", f"{heard}; restart its agent if it should come back"
    else:
        level, why = "alarm", f"{heard}; its tasks were given to others"
    return Alert(
        key=f"{node.state}:{node.id}",
        level=level,
        what=f"{node_name(node)} {node.state}",
        why=why,
        at=node.seen_at,
        opens="node",
        target=node.id,
    )


def _suspended(picture: Picture, node: NodeSnapshot) -> Alert:
    change = next(
        (
            one
            for one in picture.changes_of(node.id)
            if one.change.change == "suspended"
        ),
        None,
    )
    return Alert(
        key=f"suspended:{node.id}",
        level="warning",
        what=f"{node_name(node)} suspended",
        why=(change.change.why if change else "") or "it gets no tasks from members",
        at=change.at if change else 0.0,
        opens="node",
        target=node.id,
    )


def _full_models(picture: Picture) -> Iterator[Alert]:
    waiting: dict[str, list[TaskSnapshot]] = {}
    for task in _queued(picture):
        waiting.setdefault(task.model, []).append(task)
    offered = {model.name: model for model in picture.mirror.models}
    for name, tasks in waiting.items():
        model = offered.get(name)
        if model is not None and model.slots_free:
            continue
        if model is None or not model.slots:
            why = f"{_tasks(len(tasks))} and no node that is up has it"
        else:
            why = f"{_tasks(len(tasks))}, all {model.slots} slots are in use"
        yield Alert(
            key=f"full:{name}",
            level="alarm" if model is None or not model.slots else "warning",
            what=f"{name} full" if model and model.slots else f"{name} missing",
            why=why,
            at=min(task.created_at for task in tasks),
            opens="model" if model is not None else "tasks",
            target=name if model is not None else "queued",
        )


def _waiting(picture: Picture, look: Look) -> Iterator[Alert]:
    late: dict[tuple[str, str], list[TaskSnapshot]] = {}
    for task in _queued(picture):
        if look.now - task.created_at > WAITS_LONG_S:
            late.setdefault((task.model, task.reason), []).append(task)
    for (model, reason), tasks in late.items():
        oldest = min(task.created_at for task in tasks)
        yield Alert(
            key=f"waits:{model}:{reason}",
            level="warning",
            what=f"{_tasks(len(tasks))} for {ago(look.now - oldest)}",
            why=f"{reason or 'no reason is known'} ({model})",
            at=oldest,
            opens="task" if len(tasks) == 1 else "tasks",
            target=tasks[0].id if len(tasks) == 1 else "queued",
        )


def _failures(picture: Picture, look: Look) -> Iterator[Alert]:
    failed: dict[str, list[TaskSnapshot]] = {}
    for task in picture.mirror.ended.values():
        if task.state == "failed" and task.ended_at >= look.now - RECENT_S:
            failed.setdefault(_code(task.reason), []).append(task)
    for code, tasks in failed.items():
        last = max(tasks, key=lambda task: task.ended_at)
        where = f" (last on {last.node_name or last.node[:8]})" if last.node else ""
        yield Alert(
            key=f"failed:{code}",
            level="warning",
            what=f"{len(tasks)} failed",
            why=f"{last.reason or 'no reason is known'}{where}",
            at=last.ended_at,
            opens="task" if len(tasks) == 1 else "tasks",
            target=last.id if len(tasks) == 1 else "failed",
        )


def _reviews(picture: Picture) -> Iterator[Alert]:
    ended = set()
    for event in reversed(picture.events):
        change = event.standing
        if event.kind != "review" or change is None:
            continue
        if event.what == "ended":
            ended.add(change.cause)
        elif f"review:{change.number}" not in ended:
            why = change.why or "no reason is known"
            if may_do(picture.role, "uphold"):
                why += "; `clubai review` ends it"
            seen = may_see(picture.role, "reviews")
            yield Alert(
                key=f"review:{change.number}",
                level="warning",
                what=f"review of {change.name}",
                why=why,
                at=event.at,
                opens="review" if seen else "node",
                target=str(change.number) if seen else change.node,
            )


def _gaps(picture: Picture, look: Look, here: float) -> Iterator[Alert]:
    if picture.gaps and here - picture.gaps[-1][0] < RECENT_S:
        at, why = picture.gaps[-1]
        yield Alert(
            key="gap",
            level="note",
            what="events were missed",
            why=f"{why}; Events and the points of the last hour lack them",
            at=look.now - (here - at),
            opens="events",
        )


def _queued(picture: Picture) -> Iterable[TaskSnapshot]:
    return (task for task in picture.mirror.live.values() if task.state == "queued")


def _tasks(many: int) -> str:
    return "1 task waits" if many == 1 else f"{many} tasks wait"


def _code(reason: str) -> str:
    """What alike failures share: the code before the colon, or all of the reason."""
    code, colon, _ = reason.partition(":")
    return code if colon and " " not in code else reason


ALERTS: Final[tuple[Column[Alert], ...]] = (
    Column(
        name="Level",
        width=8,
        cell=lambda alert, _: Cell(alert.level, _TONES[alert.level]),
        sort=lambda alert: _LEVELS.index(alert.level),
        says="An alarm stops work, a warning slows it or will, a note is to be known.",
    ),
    Column(
        name="What",
        width=22,
        cell=lambda alert, _: Cell(alert.what),
        sort=lambda alert: alert.what,
        says="What needs a look; Enter opens it.",
    ),
    Column(
        name="Why",
        width=16,
        grow=True,
        cell=lambda alert, _: Cell(alert.why),
        sort=lambda alert: alert.why,
        says="What is known about the cause.",
    ),
    Column(
        name="Since",
        rank=1,
        width=7,
        right=True,
        cell=lambda alert, look: Cell(look.age(alert.at)),
        sort=lambda alert: alert.at,
        falling=True,
        says="How long ago it began, or happened last.",
    ),
)
