"""One thing that a person can do to the club."""

from __future__ import annotations

from typing import Any, NamedTuple


class Act(NamedTuple):
    """A call of the club's API, which writes it in the audit log; asked about first."""

    title: str
    """In the imperative: `Drain attic`."""
    asks: str
    """What will happen, in a sentence or two."""
    method: str
    path: str
    body: dict[str, Any] | None = None
    reason: str = ""
    """The body's field for what the person types; empty: nothing is typed."""
    done: str = ""
    """What to say afterwards; empty: the title."""

    def with_reason(self, typed: str) -> Act:
        """The same with what was typed in its body."""
        if not self.reason:
            return self
        return self._replace(body={**(self.body or {}), self.reason: typed})
