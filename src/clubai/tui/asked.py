"""What was asked of the club beside its feed, and what came of it: pure."""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from clubai.tui.look import Cell, Look

T = TypeVar("T")


class Asked(NamedTuple, Generic[T]):
    """An answer of the club's API; the empty one: it is waited for."""

    at: float = 0.0
    """When it came, by the coordinator's time; 0: it has not."""
    value: T | None = None
    """None: there is none (yet)."""
    refusal: str = ""
    """Why there is none."""

    def says(self, look: Look) -> Cell:
        """How old it is, or why it is not there."""
        if self.refusal:
            return Cell(f"The club does not say: {self.refusal} (r: ask again)", "warn")
        if not self.at:
            return Cell("Asking the club.", "muted")
        return Cell(f"asked {look.age(self.at)} ago (r: ask again)", "muted")


def answered(answer: dict[str, Any] | str, type_: type[T], at: float) -> Asked[T]:
    """Read an answer of the club as a `type_`; a text says why there is none."""
    if isinstance(answer, str):
        return Asked(at, None, answer or "it gave no reason")
    try:
        return Asked(at, msgspec.convert(answer, type_))
    except msgspec.ValidationError as error:
        return Asked(at, None, f"its answer is not understood: {error}")
