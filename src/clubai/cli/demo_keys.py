"""What the pressed keys mean: pure, bytes in and actions out."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

LONGEST_QUESTION: Final = 1000
_ESCAPE: Final = "\x1b"
_SEQUENCES: Final = ("\x1b[", "\x1bO")
_ERASE: Final = "\x7f\x08"
_ENTER: Final = "\r\n"


@dataclass(frozen=True)
class Quit:
    """Enough seen."""


@dataclass(frozen=True)
class Sample:
    """Ask a prepared question."""


@dataclass(frozen=True)
class Ask:
    """Ask what was typed."""

    question: str


Action = Quit | Sample | Ask


class Keys:
    """One key is a command, except while a question is typed."""

    def __init__(self) -> None:
        self.typed: str | None = None
        """The question being typed, or None."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")

    def press(self, pressed: bytes) -> Iterator[Action]:
        """Take what came from the terminal at once.

        Keys that are sent as a sequence, such as arrows, mean nothing.
        """
        text = self._decoder.decode(pressed)
        if text.startswith(_SEQUENCES):
            return
        for key in text:
            action = self._command(key) if self.typed is None else self._typing(key)
            if action:
                yield action

    def _command(self, key: str) -> Action | None:
        match key:
            case "q" | "Q":
                return Quit()
            case " ":
                return Sample()
            case "a" | "A":
                self.typed = ""
        return None

    def _typing(self, key: str) -> Action | None:
        typed = self.typed or ""
        if key in _ENTER:
            self.typed = None
            return Ask(typed.strip()) if typed.strip() else None
        if key == _ESCAPE:
            self.typed = None
        elif key in _ERASE:
            self.typed = typed[:-1]
        elif key.isprintable() and len(typed) < LONGEST_QUESTION:
            self.typed = typed + key
        return None
