"""Curves and bars of the overview, as lines of cells. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from clubai.tui.curves import (
    Curve,
    Window,
    averaged,
    first_token_bars,
    frame,
    levels,
    recent_samples,
    speeds,
)
from clubai.tui.look import Cell, Look, ago, rate
from clubai.tui.picture import RECENT_S, Picture

LEAST_BAR: Final = 4


class Plot(NamedTuple):
    """One curve with what is written over it."""

    name: str
    now: str
    """The value now."""
    curve: Curve
    top: float = 0.0
    """What a full column is, when no column is higher."""


def plots(picture: Picture, look: Look, window: Window, columns: int) -> list[Plot]:
    """Tokens a second, the queue and the slots in use, over the window."""
    stats = picture.stats
    if stats is None or not picture.samples:
        return []
    last = picture.samples[-1]
    begin, end = frame(look.now, last.at, window.seconds, columns)
    samples = recent_samples(picture.samples, begin)
    spans = (
        speeds(samples, lambda sample: sample.tokens),
        levels(samples, lambda sample: sample.queued),
        levels(samples, lambda sample: sample.slots_used),
    )
    tokens, queue, slots = (averaged(each, begin, end, columns) for each in spans)
    return [
        Plot("Tokens/s", rate(picture.tokens_per_second()), tokens),
        Plot("Queue", f"{stats.tasks_queued}", queue),
        Plot("Slots in use", f"{stats.slots_used}", slots, float(stats.slots)),
    ]


def plot_lines(plot: Plot, width: int, height: int, look: Look) -> list[list[Cell]]:
    """The curve with its name, its value now and the scale's maximum in a line above.

    Where nothing is known yet the columns are empty. `height` counts that line.
    """
    head, now = f"{plot.name} ", f"{plot.now} "
    top = max(plot.top, plot.curve.highest)
    room = width - len(head) - len(now)
    line = [
        Cell(look.fit(head, width), "muted"),
        Cell(look.fit(now, max(width - len(head), 0)), "accent"),
        Cell(look.align(f"max {_scale(top)}", max(room, 0)), "muted"),
    ]
    drawn = look.spark(plot.curve.values, width, max(height - 1, 0), top=plot.top)
    return [line, *([Cell(text)] for text in drawn)]


def span_words(picture: Picture, look: Look, window: Window) -> str:
    """Over how long the curves go, and how much of that is known."""
    words = f"last {window.name}"
    begun = picture.samples[0].at if picture.samples else look.now
    known = look.now - begun
    if known < window.seconds - 2.0:
        words += f", {ago(known)} of it seen"
    return words


def bar_lines(picture: Picture, look: Look, width: int) -> list[list[Cell]]:
    """How soon answers began in the last ten minutes, a bar for each range."""
    bars = first_token_bars(picture.mirror.ended.values(), look.now - RECENT_S)
    most = max(many for _, many in bars)
    name, number = 9, max(len(str(most)), 2)
    room = max(width - name - number - 2, LEAST_BAR)
    lines = [[Cell(look.align("First token, last 10 min", width), "muted")]]
    for text, many in bars:
        long = max(round(many / most * room), 1) if many else 0
        lines.append(
            [
                Cell(look.align(text, name), "muted"),
                Cell(look.align(str(many), number, right=True) + " "),
                Cell(look.bar(1, 1, long)),
            ]
        )
    return lines


def side_by_side(
    blocks: Sequence[list[list[Cell]]], width: int, gap: int
) -> list[list[Cell]]:
    """Blocks whose lines are `width` cells wide, next to each other."""
    height = max((len(block) for block in blocks), default=0)
    lines: list[list[Cell]] = []
    for number in range(height):
        line: list[Cell] = []
        for block in blocks:
            if line:
                line.append(Cell(" " * gap))
            line += block[number] if number < len(block) else [Cell(" " * width)]
        lines.append(line)
    return lines


def _scale(top: float) -> str:
    return f"{top:.0f}" if top == int(top) and top < 1000 else rate(top)
