"""How a question is asked, beside model and mode. Pure."""

from __future__ import annotations

from typing import Any

import msgspec


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """What goes with a question; what is None is for the model's server to decide."""

    system: str = ""
    """What the model is told before the question."""
    max_tokens: int | None = None
    """The longest answer, in tokens; at least 1."""
    temperature: float | None = None
    """0, the most likely answer, or more."""
    seed: int | None = None
    samples: tuple[str, ...] = ()
    """Questions for who has none of their own."""

    @property
    def options(self) -> dict[str, Any]:
        """What is decided here, as `Client.ask` takes it; `system` is not among it."""
        given = {
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "seed": self.seed,
        }
        return {name: value for name, value in given.items() if value is not None}
