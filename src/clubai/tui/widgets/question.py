"""The line in which questions are written."""

from __future__ import annotations

from typing import Final

from textual import events
from textual.message import Message
from textual.widgets import TextArea

MOST_KEPT: Final = 200


class QuestionLine(TextArea):
    """Enter asks, ctrl+j begins a line, Up and Down go through earlier questions.

    What is pasted keeps its lines.
    """

    DEFAULT_CSS = """
    QuestionLine {
        height: auto;
        min-height: 3;
        max-height: 8;
        border: round $primary-muted;
        padding: 0 1;
        background: $background;
    }
    QuestionLine:focus {
        border: round $accent;
    }
    .-ascii QuestionLine, .-ascii QuestionLine:focus {
        border: ascii $accent;
    }
    """

    class Asked(Message):
        """Enter was pressed on a question."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(
            id=id,
            highlight_cursor_line=False,
            placeholder="Ask the club (Enter asks, Esc leaves this line)",
        )
        self.asked: list[str] = []
        """Earlier questions, the last one last."""
        self._place = 0
        """In `asked`; its length: what is being written."""
        self._draft = ""

    async def _on_key(self, event: events.Key) -> None:
        key = event.key
        if key == "enter":
            event.stop()
            event.prevent_default()
            self.post_message(self.Asked(self.text))
        elif key in ("ctrl+j", "shift+enter"):
            event.stop()
            event.prevent_default()
            self.insert("\n")
        elif key == "up" and self.cursor_at_first_line and self._place > 0:
            event.stop()
            event.prevent_default()
            self._go(self._place - 1)
        elif key == "down" and self.cursor_at_last_line and self._on_earlier:
            event.stop()
            event.prevent_default()
            self._go(self._place + 1)

    def take(self) -> str:
        """Empty the line, and keep what stood in it as an earlier question."""
        text = self.text.strip()
        if text and (not self.asked or self.asked[-1] != text):
            self.asked = [*self.asked, text][-MOST_KEPT:]
        self._place, self._draft = len(self.asked), ""
        self.load_text("")
        return text

    @property
    def _on_earlier(self) -> bool:
        return self._place < len(self.asked)

    def _go(self, place: int) -> None:
        if not self._on_earlier:
            self._draft = self.text
        self._place = place
        self.load_text(self.asked[place] if self._on_earlier else self._draft)
        self.move_cursor(self.document.end)
