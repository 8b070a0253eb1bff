"""What there is to say of one node above its tables, as lines of text: pure."""

from __future__ import annotations

from collections.abc import Sequence

from clubai.model import NodeSnapshot
from clubai.tui.look import Cell, Look, Tone, duration, rate, state_cell
from clubai.tui.picture import Latency
from clubai.tui.tables.standing import Line

Lines = list[list[Cell]]
MOST_CURVE = 60
"""Of the curve of points, in signs."""


def live_lines(node: NodeSnapshot, latency: Latency, look: Look, width: int) -> Lines:
    """What it does now, and how fast it is."""
    bar = look.bar(node.slots_used, node.slots, min(max(node.slots, 6), 20))
    failed: Tone = "bad" if node.tasks_failed else ""
    if latency.tasks:
        soon = f"{duration(latency.p50)}, 19 in 20 within {duration(latency.p95)}"
        soon += f" ({latency.tasks} tasks in 10 min)"
    else:
        soon = "- (no task ended in 10 min)"
    return [
        [
            state_cell(node.state),
            Cell(f"  slots {bar} {node.slots_used}/{node.slots}"),
            Cell(f"  {rate(node.tokens_per_second)} tok/s"),
            Cell(f"  done {node.tasks_done}"),
            Cell(f"  failed {node.tasks_failed}", failed),
        ],
        [Cell(look.fit(f"first token {soon}", width))],
        [
            Cell(
                look.fit(
                    look.rule.join(
                        (
                            f"seen {look.age(node.seen_at)} ago",
                            f"here for {look.age(node.joined_at)}",
                            f"owner {node.owner or '-'}",
                            node.backend,
                            node.version or "-",
                        )
                    ),
                    width,
                ),
                "muted",
            )
        ],
        [Cell(look.fit(f"id {node.id}", width), "muted")],
    ]


def gone_line(node: NodeSnapshot, left: bool, look: Look) -> list[Cell]:
    """That what is shown of a node is old, and how old."""
    what = "It left the club" if left else "It is lost: nothing is heard of it"
    return [Cell(f"{what}. As it was {look.age(node.seen_at)} ago.", "bad")]


def points_lines(
    node: NodeSnapshot, lines: Sequence[Line], look: Look, width: int
) -> Lines:
    """How it stands, and the curve of its points over the changes that are known."""
    standing = node.standing
    if standing is None:
        return [[Cell("Nobody judges nodes in this club.", "muted")]]
    words = [Cell(f"{standing.points} points"), Cell(f"  {standing.held} held")]
    if standing.suspended:
        words.append(Cell("  suspended: it gets no tasks", "bad"))
    if standing.trusted:
        words.append(Cell("  trusted: a reference for others", "good"))
    totals = [max(line.total, 0) for line in reversed(lines)]
    if len(totals) < 2:
        return [words]
    room = min(max(width - 24, 8), MOST_CURVE)
    curve = look.spark(totals, min(room, len(totals)))[0]
    oldest = look.age(lines[min(room, len(lines)) - 1].at)
    text = f"  each change, {oldest} ago to now"
    return [words, [Cell(curve, "accent"), Cell(text, "muted")]]
