"""What is kept of a check, so that people can look at it: `Evidence`.

The texts are the club's own questions and what nodes answered to them, never a
member's.
"""

from __future__ import annotations

from typing import Final

from clubai.model import NodeId, Redacted
from clubai.reputation.facts import CheckKind

MAX_TEXT: Final = 8_000
"""Characters kept of each text."""


class Shown(Redacted, frozen=True, kw_only=True):
    """What another node answered."""

    node: NodeId
    text: str

    def __repr__(self) -> str:
        return f"Shown(node={self.node.hex()[:12]})"


class Evidence(Redacted, frozen=True, kw_only=True):
    """One check, whole."""

    check: str
    """Its id; `CheckEnded.check` is the same."""
    at: float
    """When it was judged, Unix seconds."""
    node: NodeId
    model: str
    kind: CheckKind
    prompt: str
    expected: str
    """The known answer; empty where the references stand for it."""
    got: str
    """The node's whole answer."""
    passed: bool
    why: str
    references: tuple[Shown, ...] = ()

    def __repr__(self) -> str:
        return f"Evidence(check={self.check!r}, passed={self.passed})"


def kept(text: str) -> str:
    """The text, or the beginning of a long one, and that it goes on."""
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[:MAX_TEXT]}\n[{len(text) - MAX_TEXT} characters more]"
