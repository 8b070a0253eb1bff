"""What a screen asked of the club's API: the answer, its age, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import msgspec

from clubai.tui.look import Look

T = TypeVar("T")
ODD: Final = (KeyError, TypeError, OverflowError, msgspec.ValidationError)
"""What reading an answer of another version, or of no club, raises."""
UNREADABLE: Final = "the club answered in a way that this version cannot read"


class Asked(Generic[T]):
    """One answer that is asked for again and again; the last good one is kept."""

    def __init__(self, read: Callable[[dict[str, Any]], T]) -> None:
        self._read = read
        """Makes the answer what it means; `KeyError` or `msgspec.ValidationError` when
        it is none."""
        self.value: T | None = None
        self.refused = ""
        """Why the last time gave nothing; empty: it did, or nothing was asked yet."""
        self.at = 0.0
        """When `value` came, Unix seconds; 0: never."""
        self.asking = False
        self.tried_at = 0.0
        """When it was asked last, by this machine's clock; 0: never."""

    def begin(self, here: float) -> None:
        """It is asked now."""
        self.asking, self.tried_at = True, here

    def take(self, answer: dict[str, Any] | str, now: float) -> None:
        """Take in what was answered; text: why nothing was."""
        self.asking = False
        if isinstance(answer, str):
            self.refused = answer
            return
        try:
            self.value = self._read(answer)
        except ODD:
            self.refused = UNREADABLE
            return
        self.refused, self.at = "", now

    def due(self, here: float, every_s: float) -> bool:
        """It is time to ask (again); also when the clock was set back."""
        return not self.asking and not 0 <= here - self.tried_at < every_s

    def age(self, look: Look) -> str:
        """How old it is, in words; why there is nothing newer."""
        if self.refused:
            old = f"; what is shown is {look.age(self.at)} old" if self.at else ""
            return f"not answered: {self.refused}{old} (r: ask again)"
        if not self.at:
            return "asking the club"
        return f"asked {look.age(self.at)} ago (r: now)"
