"""The keys at the foot of a screen, made anew only when they are other ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from textual.screen import Screen
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

LEAST: Final = ("pause", "copy", "command_palette", "filter")
"""What is left out first where there is no room for all keys, by its action."""
LAST: Final = ("quit",)
"""What is left out last; `keys` never is: it tells of all the others."""


class Footing(Footer):
    """Textual's footer makes all its keys anew at each change of the focus.

    On a change of screens that is several times over, and most of what it costs. Where
    it is narrow, whole keys are left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[tuple[Any, ...]] | None = None

    def bindings_changed(self, screen: Screen[Any]) -> None:
        """Show the keys, when others are shown."""
        if not (screen.app.app_focus and self.is_attached and screen is self.screen):
            return
        active = screen.active_bindings.values()
        shown = [(one.binding, one.enabled, one.tooltip) for one in active]
        if shown != self._shown:
            self._shown = shown
            super().bindings_changed(screen)

    async def recompose(self) -> None:
        """Make the keys anew, as many as there is room for."""
        await super().recompose()
        self._fit()

    def on_resize(self) -> None:
        """There is room for others."""
        self._fit()

    def _fit(self) -> None:
        keys = list(self.query(FooterKey))
        widths = [key.render().cell_len for key in keys]
        kept = fitting([key.action for key in keys], widths, self.size.width)
        for number, key in enumerate(keys):
            key.display = number in kept


def fitting(actions: Sequence[str], widths: Sequence[int], room: int) -> list[int]:
    """Which of the keys are shown in so many cells, in their order.

    Each key ends in an empty cell, that of the last one may be cut. Of those that are
    neither in `LEAST` nor in `LAST`, the later ones are left out first.
    """
    names = [action.partition("(")[0] for action in actions]
    least = [names.index(name) for name in LEAST if name in names]
    last = [names.index(name) for name in LAST if name in names]
    stays = [number for number, name in enumerate(names) if name == "keys"]
    others = [
        number
        for number in reversed(range(len(names)))
        if number not in (*least, *last, *stays)
    ]
    kept = list(range(len(names)))
    for number in (*least, *others, *last):
        if sum(widths[each] for each in kept) - 1 <= room:
            break
        kept.remove(number)
    return kept
