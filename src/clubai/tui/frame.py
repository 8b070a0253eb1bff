"""The club as plain text, once: for scripts, pipes and logs. Pure."""

from __future__ import annotations

from typing import Final

from clubai.tui.grid import text_lines
from clubai.tui.look import Look, count, duration, percent, rate
from clubai.tui.picture import Picture
from clubai.tui.tables.nodes import first_tokens_of, nodes_grid

MOST_NODES: Final = 40


def frame(picture: Picture, look: Look, *, width: int) -> str:
    """Counts, nodes and tasks, in at most `width` columns.

    The picture must have had its first snapshot.
    """
    nodes = nodes_grid(first_tokens_of(picture.mirror.ended.values(), look.now))
    nodes.put(picture.mirror.nodes.values(), look)
    lines = [
        *_counts(picture, look),
        "",
        *text_lines(nodes, look, width=width, most=MOST_NODES),
    ]
    return "\n".join(look.fit(line, width) for line in lines)


def _counts(picture: Picture, look: Look) -> list[str]:
    stats = picture.stats
    if stats is None:
        return []
    ended = stats.tasks_done + stats.tasks_failed
    failed = percent(stats.tasks_failed / ended) if ended else "-"
    soon = picture.latency()
    speed = sum(node.tokens_per_second for node in picture.mirror.nodes.values())
    return [
        look.rule.join(
            (
                f"nodes {stats.nodes_alive}/{stats.nodes_known}",
                f"slots {stats.slots_used}/{stats.slots}",
                f"queued {stats.tasks_queued}",
                f"running {stats.tasks_running}",
            )
        ),
        look.rule.join(
            (
                f"done {count(stats.tasks_done)}",
                f"failed {count(stats.tasks_failed)} ({failed})",
            )
        ),
        look.rule.join(
            (
                f"first token {duration(soon.p50)} p50, {duration(soon.p95)} p95",
                f"nodes' speed {rate(speed)} tok/s",
            )
        ),
    ]
