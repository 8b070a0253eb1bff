"""What the dashboard says of itself: its state in words. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

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
    picture: Picture, mode: SourceMode, url: str, look: Look, *, marks: str = ""
) -> list[tuple[str, str]]:
    """The parts of the head line: text and tone."""
    place = url.partition("://")[2] or url
    parts = [("ClubAI", "accent"), (f"{place} {mode}", ""), connection(picture, look)]
    if marks:
        parts.append((marks, "warn"))
    if picture.stats is not None:
        if picture.connected:
            parts.append((f"{rate(picture.tokens_per_second())} tok/s", ""))
        if picture.role:
            parts.append((picture.role, "muted"))
    parts.append((clock(look.now), "muted"))
    return parts


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


def waiting(picture: Picture, url: str) -> Notice | None:
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
            f"{url}: {plain.name(state.reason, MOST_BANNER)}. Trying again by itself (R: now). Start a club "
            f"with `clubai up`, or try everything with `clubai demo`.",
        )
    return Notice("Connecting", f"Asking {url} for a snapshot.")
