"""The club's own themes, a dark one and a light one, beside those of Textual."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from textual.theme import Theme

from clubai.errors import ConfigError

THEMES: Final = (
    Theme(
        name="club-dark",
        dark=True,
        primary="#5aa9e6",
        secondary="#8fb8de",
        accent="#e6c25a",
        foreground="#e4e7eb",
        background="#14181d",
        surface="#1b2027",
        panel="#252c35",
        success="#62c073",
        warning="#e0a030",
        error="#f07070",
    ),
    Theme(
        name="club-light",
        dark=False,
        primary="#1f5f99",
        secondary="#3b6e99",
        accent="#7a4a00",
        foreground="#1b2027",
        background="#fbfaf7",
        surface="#f3f1ec",
        panel="#e6e3dc",
        success="#1b6e2e",
        warning="#8a5200",
        error="#a81e1e",
    ),
)
DEFAULT_THEME: Final = "club-dark"


def check_theme(name: str, known: Collection[str]) -> str:
    """The name of a theme that there is.

    Raises:
        ConfigError: there is none of this name; it says which there are.
    """
    if name not in known:
        raise ConfigError("theme", name, f"one of {', '.join(sorted(known))}")
    return name
