"""What a member asks, as a job's parts need it: messages, and the texts in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from clubai.model import Redacted

Messages = Sequence[dict[str, Any]]

_LONGEST: Final = 500


class Question(Redacted, frozen=True, kw_only=True):
    """The messages of a request."""

    messages: tuple[dict[str, Any], ...]

    def __repr__(self) -> str:
        return f"Question({len(self.messages)} messages)"

    @property
    def text(self) -> str:
        """What the last message of the user says; empty when there is none."""
        place = self._last()
        return "" if place is None else text_of(self.messages[place])

    @property
    def system(self) -> str:
        """What the model is told before the question."""
        said = [text_of(each) for each in self.messages if each.get("role") == "system"]
        return "\n\n".join(said)

    def asking(self, text: str) -> tuple[dict[str, Any], ...]:
        """The same messages, with `text` in place of what the user said last."""
        place = self._last()
        message = {"role": "user", "content": text}
        if place is None:
            return (*self.messages, message)
        return (*self.messages[:place], message, *self.messages[place + 1 :])

    def _last(self) -> int | None:
        for place in reversed(range(len(self.messages))):
            if self.messages[place].get("role") == "user":
                return place
        return None


class Split(NamedTuple):
    """A question and the document that it is about, told apart in one text."""

    question: str
    document: str


def split_question(text: str) -> Split:
    """Tell a question apart from the document that comes with it.

    A first or a last paragraph that ends with a question mark, or a first one that ends
    with a colon, is the question, if it is no longer than 500 characters. Else all of
    it is the document, and there is no question.
    """
    paragraphs = text.strip().split("\n\n")
    if len(paragraphs) < 2:
        return Split("", text)
    first, last = paragraphs[0].strip(), paragraphs[-1].strip()
    if len(last) <= _LONGEST and last.endswith("?"):
        return Split(last, text[: text.rindex(last)])
    if len(first) <= _LONGEST and first.endswith(("?", ":")):
        return Split(first, text[text.index(first) + len(first) :])
    return Split("", text)


def text_of(message: dict[str, Any]) -> str:
    """The text of a message, whether it is one or in parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = [part.get("text") for part in content if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))
