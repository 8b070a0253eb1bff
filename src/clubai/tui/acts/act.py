"""One thing that a person can do to the club."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Field(NamedTuple):
    """One more thing that the person types, before the reason."""

    name: str
    """Of the body's field."""
    says: str
    """What to type, in a few words."""
    read: Callable[[str], Any]
    """What the typed text means; `ConfigError` when it means nothing."""


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
    fields: tuple[Field, ...] = ()
    """What else is typed; read before anything is sent."""
    shows: str = ""
    """The answer's field that is a secret: it is shown this once, in a box."""

    def with_reason(self, typed: str) -> Act:
        """The same with what was typed in its body."""
        if not self.reason:
            return self
        return self._replace(body={**(self.body or {}), self.reason: typed})

    def with_fields(self, read: Mapping[str, Any]) -> Act:
        """The same with what its fields were read as in its body."""
        mine = {field.name: read[field.name] for field in self.fields}
        return self._replace(body={**(self.body or {}), **mine}) if mine else self
