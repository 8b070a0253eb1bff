"""How far a divided job is, for whoever looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from clubai.dividing.plan import StepKind
from clubai.model import Value

State = Literal["asked", "done", "failed", "left out"]


class Progress(Value, frozen=True, kw_only=True):
    """One step began or ended, or a part of a provisional answer came."""

    step: str
    kind: StepKind
    state: State
    title: str = ""
    node: str = ""
    """Name of the node that answered."""
    error: str = ""
    done: int
    """Steps that have ended."""
    steps: int
    """As far as is known now: those that may not be needed count until they are not."""
    tokens: int
    """Of all answers so far."""
    left_s: float | None = None
    """Until the end, if the rest goes as what is done; None: nothing is done yet."""
    provisional: str = ""
    """An answer that may still be outvoted."""


OnProgress = Callable[[Progress], None]
