"""How values are written for people: pure, and the same on every screen.

Status words stand next to what colours and signs say, so that a screen without colours,
or with ASCII alone, says as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Final, Literal, NamedTuple

from rich.cells import cell_len, set_cell_size

from clubai.tui import plain

Tone = Literal["", "good", "warn", "bad", "muted", "accent"]
"""What a text means: the theme has a colour for each."""

_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_ASCII_BLOCKS: Final = " .:-=+*#@"
_UNITS: Final = ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h"))
TONES: Final[dict[str, Tone]] = {
    "alive": "good",
    "suspect": "warn",
    "lost": "bad",
    "paused": "warn",
    "draining": "warn",
    "queued": "warn",
    "offered": "accent",
    "running": "accent",
    "replying": "accent",
    "done": "good",
    "failed": "bad",
}
"""Of the states of nodes and tasks."""


class Cell(NamedTuple):
    """A piece of text and what it means."""

    text: str
    tone: Tone = ""


class Look(NamedTuple):
    """What every value is written by."""

    now: float = 0.0
    """The coordinator's time, Unix seconds: ages are told by it."""
    ascii: bool = False
    """Nothing but ASCII signs of our own."""

    def dot(self, on: bool) -> str:
        """Whether something is there."""
        if self.ascii:
            return "*" if on else "o"
        return "●" if on else "○"

    def bar(self, used: float, total: float, width: int) -> str:
        """How much of `total` is used, in `width` signs."""
        full, empty = ("#", ".") if self.ascii else ("█", "░")
        share = min(max(used / total, 0.0), 1.0) if total > 0 else 0.0
        filled = round(share * width)
        if used > 0 and width:
            filled = max(filled, 1)
        return full * filled + empty * (width - filled)

    def spark(
        self, values: Sequence[float], width: int, height: int = 1, *, top: float = 0.0
    ) -> list[str]:
        """Draw the last `width` values as columns, from 0 to the highest of them.

        Gives `height` lines, the highest first. Fewer values stand at the right.
        `top`: what a full column is, when no value is higher.
        """
        blocks = _ASCII_BLOCKS if self.ascii else _BLOCKS
        shown = list(values[-width:]) if width > 0 else []
        top = max([top, *shown])
        steps = len(blocks) - 1
        levels = [
            (max(1, round(value / top * steps * height)) if value > 0 else 0)
            for value in shown
        ]
        pad = " " * (max(width, 0) - len(shown))
        return [
            pad
            + "".join(
                blocks[min(max(level - floor * steps, 0), steps)] for level in levels
            )
            for floor in reversed(range(height))
        ]

    @property
    def rule(self) -> str:
        """Between the parts of one line."""
        return " | " if self.ascii else " · "

    @property
    def arrow(self) -> str:
        """From one thing to the next."""
        return "->" if self.ascii else "→"

    @property
    def cut(self) -> str:
        """Where a text goes on that did not fit."""
        return "~" if self.ascii else "…"

    def fit(self, text: str, width: int) -> str:
        """The text in at most `width` terminal cells, and nothing to obey in it."""
        if width <= 0:
            return ""
        text = text[: 4 * width + 4]  # marks without a width of their own have an end
        if not text.isprintable():
            text = plain.name(text, len(text))
        if cell_len(text) <= width:
            return text
        return set_cell_size(text, width - 1) + self.cut

    def fit_words(self, text: str, width: int) -> str:
        """The text in at most `width` cells, cut after a whole word if it has several.

        What is one long word, such as an address, is cut where it must be.
        """
        fitted = self.fit(text, width)
        if not fitted.endswith(self.cut) or cell_len(text) <= width:
            return fitted
        whole = fitted[: -len(self.cut)]
        if not text[len(whole) :].startswith(" "):
            whole = whole.rpartition(" ")[0]
        return f"{whole.rstrip()}{self.cut}" if whole.strip() else fitted

    def align(self, text: str, width: int, *, right: bool = False) -> str:
        """The text in exactly `width` terminal cells."""
        fitted = self.fit(text, width)
        pad = " " * (width - cell_len(fitted))
        return pad + fitted if right else fitted + pad

    def age(self, at: float) -> str:
        """How long ago that was; `-` for never."""
        return f"{ago(self.now - at)}" if at > 0 else "-"


def state_cell(state: str) -> Cell:
    """The state of a node or a task."""
    return Cell(state, TONES.get(state, ""))


def duration(milliseconds: float) -> str:
    """A time for people: `-` when there was none."""
    if milliseconds <= 0:
        return "-"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s"


def ago(seconds: float) -> str:
    """An age for people, in its largest fitting unit."""
    seconds = max(0.0, seconds)
    for limit, size, unit in _UNITS:
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def count(number: float) -> str:
    """A number in at most five characters: `950`, `12.3k`, `4.5M`."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= size * 0.99995:
            short = number / size
            return f"{short:.0f}{unit}" if abs(short) >= 99.95 else f"{short:.1f}{unit}"
    return f"{number:.0f}"


def rate(per_second: float) -> str:
    """A speed; `-` when it is not known."""
    if per_second <= 0:
        return "-"
    return f"{per_second:.1f}" if per_second < 9.95 else count(per_second)


def percent(share: float) -> str:
    """A share from 0 to 1; only nothing at all is `0 %`."""
    if 0 < share < 0.001:
        return "<0.1 %"
    return (
        f"{share * 100:.0f} %" if share >= 0.1 or not share else f"{share * 100:.1f} %"
    )


def clock(at: float) -> str:
    """The time of day of a second, in this machine's zone; `-`: no calendar has it."""
    return _written(at, None, "%H:%M:%S")


def day(at: float | None) -> str:
    """A day in UTC: `-` when there is none."""
    return "-" if at is None else _written(at, UTC, "%Y-%m-%d")


def moment(at: float) -> str:
    """A second in UTC; `-`: no calendar has it."""
    return _written(at, UTC, "%Y-%m-%d %H:%M:%S")


def _written(at: float, zone: tzinfo | None, form: str) -> str:
    try:
        return datetime.fromtimestamp(at, zone).strftime(form)
    except (OverflowError, ValueError, OSError):
        return "-"
