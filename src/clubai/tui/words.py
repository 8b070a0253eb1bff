"""What the dashboard says of itself: its state in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len

from clubai.tui import plain
from clubai.tui.look import Look, ago, clock, rate
from clubai.tui.picture import Picture
from clubai.tui.source import SourceMode

GAP_SHOWN_S: Final = 15.0
MOST_BANNER: Final = 400


class Notice(NamedTuple):
    """What stands in place of a screen's content."""

    title: str
    text: str


def connection(picture: Picture, look: Look) -> tuple[str, str]:
    """How the feed is, a sign and a word; and the tone of both."""
    if picture.refused:
        return f"{look.dot(False)} refused", "bad"
    if picture.connected:
        return f"{look.dot(True)} connected", "good"
    if picture.state is None or picture.stats is None:
        return f"{look.dot(False)} connecting", "warn"
    return f"{look.dot(False)} disconnected", "bad"


def status(
    picture: Picture,
    mode: SourceMode,
    url: str,
    look: Look,
    *,
    marks: str = "",
    width: int = 200,
) -> list[tuple[str, str]]:
    """The parts of the head line, text and tone: as many as there is room for."""
    place = look.fit(url.partition("://")[2] or url, 40)
    speed = picture.tokens_per_second() if picture.connected else None
    parts = [
        (2, "ClubAI", "accent"),
        (4, place, ""),
        (3, mode, "muted"),
        (0, *connection(picture, look)),
        (0, marks, "warn"),
        (1, f"{rate(speed)} tok/s" if speed is not None else "", ""),
        (5, picture.role, "muted"),
        (1, clock(look.now), "muted"),
    ]
    parts = [part for part in parts if part[1]]
    while _width(parts, look) > width and max(rank for rank, *_ in parts):
        parts.remove(max(parts))
    return [(text, tone) for _, text, tone in parts]


def _width(parts: Sequence[tuple[int, str, str]], look: Look) -> int:
    return sum(cell_len(text) + len(look.rule) for _, text, _ in parts) - len(look.rule)


def banner(picture: Picture, here: float) -> str:
    """What is wrong with what is shown; empty: nothing."""
    return plain.name(_wrong(picture, here), MOST_BANNER)


def _wrong(picture: Picture, here: float) -> str:
    state = picture.state
    if picture.refused and picture.stats is not None:
        return f"{picture.refused} What is shown is {ago(picture.age(here))} old."
    if picture.stats is None:
        return ""
    if state is None:
        return f"Connecting again. What is shown is {ago(picture.age(here))} old."
    if not state.connected and picture.heard_at:
        age = ago(picture.age(here))
        again = max(picture.state_at + state.retry_s - here, 0.0)
        return (
            f"The coordinator cannot be reached ({state.reason}). Trying again "
            f"in {again:.0f} s (R: now). What is shown is {age} old."
        )
    if picture.gaps and here - picture.gaps[-1][0] < GAP_SHOWN_S:
        return (
            f"Events were missed: {picture.gaps[-1][1]}. The screen was made anew; "
            f"what happened in between is not in Events."
        )
    return ""


def waiting(picture: Picture, mode: SourceMode, url: str) -> Notice | None:
    """What to show before there is a club to show; None: there is one."""
    if picture.stats is not None:
        return None
    if picture.refused:
        return Notice(
            "The club does not let this screen in", plain.text(picture.refused)
        )
    state = picture.state
    if state is not None and not state.connected:
        return Notice(
            "The club cannot be reached",
            f"{url}: {plain.name(state.reason, MOST_BANNER)}. Trying again by itself "
            f"(R: now). Start a club with `clubai up`, or try everything with "
            f"`clubai demo`.",
        )
    if mode == "embedded":
        return Notice("Starting", "A coordinator and its nodes, on this machine.")
    return Notice("Connecting", f"Asking {url} for a snapshot.")
