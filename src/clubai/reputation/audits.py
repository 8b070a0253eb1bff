"""How often a node's finished work is followed by an audit."""

from __future__ import annotations

from collections import deque
from typing import Final

from clubai.reputation.events import Change, StandingEvent
from clubai.reputation.probation import in_probation
from clubai.reputation.record import Record
from clubai.reputation.rules import Rules

LOWEST: Final = 0.05
LOWEST_IN_BAD_TIMES: Final = 0.10
IN_PROBATION: Final = 0.25
"""At least."""
FLAT: Final = 0.10
"""With `adaptive_audit` off."""
_SCALE: Final = 10
_BAD_SHARE: Final = 0.01
_KEPT: Final = 1000


_OWED: Final = {
    Change.JOINED: 20,
    Change.REINSTATED: 20,
    Change.INVALID: 20,
    Change.FAILED: 6,
    Change.MARKED: 3,
}


def owed_after(event: StandingEvent, rules: Rules) -> int:
    """How many audits a node owes at once after an event, whatever it works.

    A new node shows what it is before much work comes to it; a doubt is settled soon.
    """
    return _OWED.get(event.change, 0) if rules.adaptive_audit else 0


class AuditResults:
    """The newest audits of the whole club."""

    __slots__ = ("_failed", "_newest", "bad")

    def __init__(self) -> None:
        self._newest: deque[bool] = deque()
        self._failed = 0
        self.bad = False
        """More than one in a hundred failed."""

    def add(self, *, passed: bool) -> None:
        """Take one audit in; the oldest of more than 1000 goes."""
        if len(self._newest) == _KEPT:
            self._failed -= not self._newest.popleft()
        self._newest.append(passed)
        self._failed += not passed
        self.bad = self._failed > _BAD_SHARE * len(self._newest)


def audit_rate(
    record: Record | None, rules: Rules, *, now: float, bad_times: bool
) -> float:
    """Chance that a finished task is followed by an audit; of a stranger 1."""
    if record is None:
        return 1.0
    if not rules.adaptive_audit:
        return FLAT
    rate = _SCALE / (_SCALE + record.streak)
    lowest = LOWEST_IN_BAD_TIMES if bad_times else LOWEST
    if rules.probation and in_probation(record, now):
        lowest = IN_PROBATION
    return max(lowest, rate)
