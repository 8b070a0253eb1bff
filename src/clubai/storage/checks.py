"""What the club asked of a node to check it, and how the answer was judged.

It holds the club's own questions, which it made up itself, and the answers to them:
the evidence that an owner may see. What members ask and are answered is never here.
"""

from __future__ import annotations

from typing import Protocol

from clubai.model import NodeId, Value


class CheckRow(Value, frozen=True, kw_only=True):
    """One check that was judged."""

    id: str
    at: float
    node: NodeId
    model: str
    kind: str
    """By what it was judged: a `CheckKind`."""
    prompt: str
    """The club's own question."""
    expected: str
    """What it should say; empty when other answers are what it is judged by."""
    got: str
    """What the node answered."""
    passed: bool
    why: str
    references: tuple[str, ...]
    """Answers of other nodes that it was compared with."""


class CheckStore(Protocol):
    """What a store promises of checks; it raises as `Store` does."""

    async def append_check(self, row: CheckRow) -> None:
        """Add a check; `StorageError` when there is one with this id."""

    async def check(self, check: str) -> CheckRow | None:
        """Find a check by its id; None when it is unknown or was pruned."""

    async def checks(self, *, node: NodeId | None = None, limit: int) -> list[CheckRow]:
        """The last ones that came, of all nodes or of one, newest first."""

    async def prune_checks(self, keep: int) -> int:
        """Forget all but the last `keep` ones; tells how many it forgot."""
