"""The numbers of reputation, and the policies on top, each of which can be off."""

from __future__ import annotations

from typing import Final

from clubai.model import Value


class Rules(Value, frozen=True, kw_only=True):
    """By what points move. The defaults are the club's; `ASKED` has no policy on."""

    start: int = 100
    minimum: int = 10
    completed: int = 10
    fast: int = 5
    timeout: int = -20
    invalid: int = -50
    uptime: int = 1
    """For each hour."""
    broken: int = -5
    """For each promised hour that was not kept."""
    decay_percent: int = 1
    """Of the points, each week, rounded up."""

    confirmed_only: bool = True
    """`invalid` needs proof; a mere disagreement marks and opens a review."""
    escrow: bool = True
    """What unaudited work earns is held until the node passes an audit."""
    adaptive_audit: bool = True
    """Nodes with a long row of passed audits are audited less; off: one in ten."""
    slash: bool = True
    """`invalid` costs a tenth of the points where that is more, and may suspend."""
    probation: bool = True
    """A node is new until it passed 20 audits over 7 days."""
    selection: bool = True
    """Nodes are drawn by standing; off: all that can do the task are equal."""
    fair_hours: bool = True
    """Hours and timeouts count only as far as they are the node's own doing."""
    identity: bool = True
    """A member's new node begins no better than the worst of their other nodes."""


CLUB: Final = Rules()
ASKED: Final = Rules(
    confirmed_only=False,
    escrow=False,
    adaptive_audit=False,
    slash=False,
    probation=False,
    selection=False,
    fair_hours=False,
    identity=False,
)
"""The numbers that were asked for, and nothing else."""
POLICIES: Final = (
    "confirmed_only",
    "escrow",
    "adaptive_audit",
    "slash",
    "probation",
    "selection",
    "fair_hours",
    "identity",
)
