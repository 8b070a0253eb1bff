"""Snapshots as tables and lines for people: pure functions, and the console they need.

On a terminal a table fits the width; in a pipe it is plain columns that are never
cut. Text from other machines is always a `Text` of cleaned characters, so that it
carries neither markup nor control characters.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clubai.model import (
    NICKNAME_LENGTH,
    ClubStats,
    ModelOffer,
    ModelSnapshot,
    NodeSnapshot,
    TaskSnapshot,
    Timings,
    Usage,
)
from clubai.protocol.login import EnrolledNode
from clubai.tui import plain
from clubai.tui.look import ago, duration

PIPE_WIDTH = 400
_STATE_STYLE = {
    "alive": "green",
    "enrolled": "green",
    "pending": "yellow",
    "removed": "red",
    "done": "green",
    "running": "cyan",
    "replying": "cyan",
    "suspect": "yellow",
    "queued": "yellow",
    "paused": "yellow",
    "draining": "yellow",
    "lost": "red",
    "failed": "red",
}


def console(*, stderr: bool = False) -> Console:
    """A console for stdout or stderr; `NO_COLOR` and `TERM=dumb` take the colour."""
    stream: TextIO = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False)


def nodes_table(
    nodes: Sequence[NodeSnapshot], *, now: float, plain_box: bool = False
) -> Table:
    """The nodes by name, as the coordinator sees them."""
    table = _table(
        ("Node", "Id", "State", "Backend", "Models", "Busy", "Tok/s", "Done", "Failed"),
        plain_box=plain_box,
        right=("Busy", "Tok/s", "Done", "Failed", "Seen"),
        last="Seen",
    )
    for node in sorted(nodes, key=lambda node: (node.name, node.id)):
        table.add_row(
            _name(node.name),
            _name(node.id[:NICKNAME_LENGTH]),
            _state(node.state),
            _name(node.backend),
            _models(node.models),
            Text(f"{node.slots_used}/{node.slots}"),
            Text(f"{node.tokens_per_second:.0f}" if node.tokens_per_second else "-"),
            Text(str(node.tasks_done)),
            Text(str(node.tasks_failed)),
            Text(f"{ago(now - node.seen_at)} ago"),
        )
    return table


def enrolled_table(
    nodes: Sequence[EnrolledNode],
    *,
    now: float,
    owners: bool = False,
    plain_box: bool = False,
) -> Table:
    """Nodes by their nicknames; `owners`: and whose they are."""
    table = _table(
        ("Nickname", "Name", "State"),
        plain_box=plain_box,
        right=("Enrolled",),
        last="Enrolled",
        extra="Owner" if owners else "",
    )
    for node in nodes:
        table.add_row(
            _name(node.nickname),
            _name(node.name or "-"),
            _state(node.state),
            Text(f"{ago(now - node.enrolled_at)} ago"),
            *([_name(node.owner)] if owners else []),
        )
    return table


def tasks_table(
    tasks: Sequence[TaskSnapshot], *, now: float, plain_box: bool = False
) -> Table:
    """The tasks: never what was asked or answered."""
    table = _table(
        ("Task", "State", "Model", "Node", "Try", "Waited", "First", "Total", "Tokens"),
        plain_box=plain_box,
        right=("Try", "Waited", "First", "Total", "Tokens", "Age"),
        last="Age",
        extra="Reason",
    )
    for task in tasks:
        table.add_row(
            Text(plain.name(task.id)[:8]),
            _state(task.state),
            _name(task.model),
            _name(task.node_name or task.node[:NICKNAME_LENGTH] or "-"),
            Text(str(task.attempts)),
            Text(duration(task.queued_ms)),
            Text(duration(task.first_token_ms)),
            Text(duration(task.total_ms)),
            Text(f"{task.prompt_tokens}+{task.completion_tokens}"),
            Text(ago(now - task.created_at)),
            _name(task.reason or "-"),
        )
    return table


def models_table(models: Sequence[ModelSnapshot], *, plain_box: bool = False) -> Table:
    """What the whole club can run."""
    table = _table(
        ("Model", "Nodes", "Warm", "Slots free", "Context"),
        plain_box=plain_box,
        right=("Nodes", "Warm", "Slots free", "Context"),
        last="For",
    )
    for model in models:
        table.add_row(
            _name(model.name),
            Text(str(model.nodes)),
            Text(str(model.warm)),
            Text(f"{model.slots_free}/{model.slots}"),
            Text(str(model.context or "-")),
            Text(", ".join(model.kinds)),
        )
    return table


def rows_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, plain_box: bool = False
) -> Table:
    """Any rows of text under their columns."""
    *first, last = columns
    table = _table(first, plain_box=plain_box, right=(), last=last)
    for row in rows:
        table.add_row(*map(_name, row))
    return table


def stats_lines(stats: ClubStats) -> Text:
    """The club's counts, a line each."""
    rows = (
        ("up for", ago(stats.now - stats.started_at)),
        ("nodes", f"{stats.nodes_alive} alive of {stats.nodes_known}"),
        ("slots", f"{stats.slots_used} used of {stats.slots}"),
        ("tasks now", f"{stats.tasks_running} running, {stats.tasks_queued} queued"),
        (
            "tasks ended",
            (
                f"{stats.tasks_done} done, {stats.tasks_failed} failed, "
                f"{stats.tasks_retried} tried again"
            ),
        ),
        ("tasks ever", str(stats.tasks_ever)),
        (
            "tokens",
            f"{stats.prompt_tokens} in prompts, {stats.completion_tokens} in answers",
        ),
        ("members", str(stats.members)),
    )
    return labelled(rows)


def counters_line(stats: ClubStats) -> Text:
    """The counts that change, in one line."""
    return Text(
        f"{stats.nodes_alive} nodes   {stats.slots_used}/{stats.slots} slots   "
        f"{stats.tasks_queued} queued   {stats.tasks_running} running   "
        f"{stats.tasks_done} done   {stats.tasks_failed} failed   "
        f"{stats.completion_tokens} tokens answered"
    )


def labelled(rows: Iterable[tuple[str, str]]) -> Text:
    """Lines of a label and its value, the values under each other."""
    pairs = list(rows)
    width = max((len(label) for label, _ in pairs), default=0)
    lines = Text()
    for index, (label, value) in enumerate(pairs):
        lines.append(f"{label:<{width}}  ", style="dim")
        lines.append(value + ("\n" if index < len(pairs) - 1 else ""))
    return lines


def provenance(
    *,
    nodes: Sequence[str],
    model: str,
    attempts: int,
    usage: Usage,
    timings: Timings,
    readable_by: str,
    system: str = "",
) -> Text:
    """Where an answer came from, a line each."""
    rows = [
        ("node", ", ".join(plain.name(node) for node in nodes) or "-"),
        ("model", plain.name(model)),
        ("tokens", f"{usage.prompt_tokens} prompt + {usage.completion_tokens} answer"),
        (
            "time",
            (
                f"{duration(timings.total_ms)} in all, "
                f"first token after {duration(timings.first_token_ms)}, "
                f"queued {duration(timings.queued_ms)}"
            ),
        ),
        ("attempts", str(attempts)),
        ("readable by", plain.name(readable_by)),
    ]
    if system:
        rows.append(("asked with", f'the system text "{plain.name(system)}"'))
    return labelled(rows)


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table of texts on stdout."""
    target = console()
    *first, last = columns
    table = _table(first, plain_box=is_plain(target), right=(), last=last)
    for row in rows:
        table.add_row(*(_name(text) for text in row))
    target.print(table)


def is_plain(target: Console) -> bool:
    """Whether tables on `target` should have no lines."""
    return not target.is_terminal or target.is_dumb_terminal


def _table(
    columns: Sequence[str],
    *,
    plain_box: bool,
    right: Sequence[str],
    last: str,
    extra: str = "",
) -> Table:
    table = Table(
        box=None if plain_box else box.SIMPLE_HEAD,
        pad_edge=False,
        header_style="" if plain_box else "bold",
    )
    for column in (*columns, last, *([extra] if extra else [])):
        table.add_column(
            column, justify="right" if column in right else "left", no_wrap=True
        )
    return table


def _name(text: str) -> Text:
    return Text(plain.name(text))


def _state(state: str) -> Text:
    return Text(plain.name(state), style=_STATE_STYLE.get(state, ""))


def _models(models: Sequence[ModelOffer]) -> Text:
    first = ", ".join(plain.name(model.name) for model in models[:2])
    more = f" +{len(models) - 2}" if len(models) > 2 else ""
    return Text(first + more)
