"""The screens of a view by their number keys, in one line."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

GAP = 1


class ViewLine(Widget):
    """Names the screens; a click on one asks for it."""

    class Asked(Message):
        """A screen was clicked."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    DEFAULT_CSS = """
    ViewLine {
        height: 1;
    }
    """

    def __init__(self, names: Sequence[str], current: str) -> None:
        super().__init__()
        self._names = names
        self._current = current
        """The screen on which it stands."""

    def render(self) -> Content:
        """The names, as long as there is room for them; the current one is marked."""
        texts = view_texts(self._names, self.content_size.width)
        pieces: list[tuple[str, str]] = []
        for name, text in zip(self._names, texts, strict=True):
            here = name == self._current
            pieces.append((text, "reverse" if here else "$text-muted"))
            pieces.append((" " * GAP, ""))
        return Content.assemble(*pieces[:-1])

    def on_click(self, event: events.Click) -> None:
        """Ask for the screen under the mouse."""
        offset = event.get_content_offset(self)
        left = offset.x if offset else -1
        for number, text in enumerate(
            view_texts(self._names, self.content_size.width), 1
        ):
            if 0 <= left < len(text):
                self.post_message(self.Asked(number))
            left -= len(text) + GAP


def view_texts(names: Sequence[str], width: int) -> list[str]:
    """Number and name of each, cut alike until all of them fit `width` cells.

    Names are ASCII. The numbers stay, however narrow it is.
    """
    longest = max((len(name) for name in names), default=0)
    for most in range(longest, 0, -1):
        texts = [f"{number} {name[:most]}" for number, name in enumerate(names, 1)]
        if sum(map(len, texts)) + GAP * (len(texts) - 1) <= width:
            return texts
    return [str(number) for number, _ in enumerate(names, 1)]
