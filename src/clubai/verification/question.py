"""`Question`: what is asked of a node, and whether an answer is right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, Literal

from clubai.comparing.choices import choice_value
from clubai.comparing.marks import stated
from clubai.comparing.normal import ends, fenced, folded, said
from clubai.comparing.numerals import number_value, numbers_alike
from clubai.model import Value

Role = Literal["system", "user", "assistant"]
Form = Literal["number", "choice", "exact"]
"""Where in an answer its value is found: its number, the one of the `choices` that it
names, or a text that it states, in capitals and small letters as they are."""

_QUOTED: Final = re.compile(
    r"\"([^\"\n]{1,400})\"|“([^”\n]{1,400})”|`([^`\n]{1,400})`"
    r"|\*\*([^*\n]{1,400})\*\*|(?<!\w)'([^'\n]{1,400})'(?!\w)"
)
_AROUND: Final = " \t\r\n\"'“”‘’`*.:;!"  # noqa: RUF001
_AFTER_COLON: Final = re.compile(r":[ \t]+([^\n]{1,400})\Z")
_BLANKS: Final = re.compile(r"\s+")


class Message(Value, frozen=True, kw_only=True):
    """One message of a chat."""

    role: Role
    content: str


class Question(Value, frozen=True, kw_only=True):
    """A question with a known answer."""

    id: str
    template: str
    """By which kind of question it was made."""
    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float | None
    """None: as the node decides."""
    expected: str
    form: Form
    choices: tuple[str, ...] = ()
    """What the question lets one choose from, and what else its text names."""

    @property
    def prompt(self) -> str:
        """All of its messages, for whoever reviews it."""
        return prompt_text(self.messages)

    def body(self) -> dict[str, Any]:
        """The OpenAI chat request."""
        return chat_request(self.messages, self.max_tokens, self.temperature)

    def judge(self, answer: str) -> bool:
        """Whether an answer is right, however it is worded."""
        match self.form:
            case "number":
                value = number_value(answer)
                return value is not None and numbers_alike(value, self.expected, 0.0)
            case "choice":
                return choice_value(answer, self.choices) == self.expected
            case "exact":
                expected = _plain(self.expected)
                return any(_plain(place) == expected for place in _places(answer))

    def got(self, answer: str) -> str:
        """What an answer was taken to say; empty: nothing of that form."""
        match self.form:
            case "number":
                return number_value(answer) or ""
            case "choice":
                return choice_value(answer, self.choices) or ""
            case "exact":
                return next(_places(answer), "")


def prompt_text(messages: tuple[Message, ...]) -> str:
    """The messages of a chat as one text."""
    return "\n\n".join(f"{each.role}: {each.content}" for each in messages)


def chat_request(
    messages: tuple[Message, ...],
    max_tokens: int,
    temperature: float | None,
    *,
    seed: int | None = None,
) -> dict[str, Any]:
    """An OpenAI chat request with those of the options that are not None."""
    options = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed}
    return {
        "messages": [{"role": each.role, "content": each.content} for each in messages],
        **{name: value for name, value in options.items() if value is not None},
    }


def _places(answer: str) -> Iterator[str]:
    """Where an answer may state a text, the surest place first.

    They are few, so that none is right by saying everything.
    """
    text = folded(ends(said(answer)), "NFC").strip()
    yield from stated(text)
    blocks = fenced(text)
    if blocks:
        yield blocks[-1]
    quoted = ["".join(filter(None, found)) for found in _QUOTED.findall(text)]
    if quoted:
        yield quoted[-1]
    lines = [line for line in text.splitlines() if line.strip()]
    if lines:
        yield text
        yield lines[-1]
        colon = _AFTER_COLON.search(lines[-1].strip())
        if colon is not None:
            yield colon[1]


def _plain(text: str) -> str:
    return _BLANKS.sub(" ", text.replace(" ,", ",")).strip(_AROUND)
