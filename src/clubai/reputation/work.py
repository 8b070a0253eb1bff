"""What answers and missed answers do to a node's standing."""

from __future__ import annotations

from typing import Final

from clubai.reputation import presence
from clubai.reputation.days import HOUR_S
from clubai.reputation.escrow import earn
from clubai.reputation.events import Change
from clubai.reputation.facts import AnswerGiven, AnswerMissed, SpeedDoubted
from clubai.reputation.record import Record
from clubai.reputation.register import Register
from clubai.reputation.speeds import Speeds

_COMPLETED: Final = Change.COMPLETED  # a name is faster than a member of an enum
HOURLY_TIMEOUTS: Final = 60
"""Points that timeouts can cost within an hour."""


def given(
    register: Register, record: Record, fact: AnswerGiven, speeds: Speeds
) -> None:
    """Pay an answer, unless the node's owner asked for it."""
    if fact.asker == record.member:
        return
    rules = register.rules
    fast = speeds.fast(fact.model, fact.kind, fact.tokens, fact.seconds)
    cause = fact.cause
    why = "A task was answered."
    earn(register, record, _COMPLETED, rules.completed, cause=cause, why=why)
    if fast:
        why = "It took at most half of the usual time."
        earn(register, record, Change.FAST, rules.fast, cause=cause, why=why)
    if rules.fair_hours:
        presence.credit(register, record)


def missed(register: Register, record: Record, fact: AnswerMissed) -> None:
    """Charge a task that was accepted and lost."""
    rules = register.rules
    points = rules.timeout
    if rules.fair_hours:
        if fact.client_gone or not fact.accepted:
            return
        since = register.now - HOUR_S
        recent = sum(1 for at in record.timeouts if at > since)
        points = min(0, max(points, -HOURLY_TIMEOUTS - recent * points))
    register.put(
        record,
        Change.TIMEOUT,
        points=points,
        count=1 if points else 0,
        model=fact.model,
        cause=fact.cause,
        why=fact.why,
    )


def doubted_speed(register: Register, record: Record, fact: SpeedDoubted) -> None:
    """Note a speed that is not plausible."""
    register.put(
        record, Change.FLAGGED, model=fact.model, cause=fact.cause, why=fact.why
    )
