"""What owners and operators say of a node."""

from __future__ import annotations

from typing import Final

from clubai.reputation.events import Change
from clubai.reputation.facts import (
    NodeAppeared,
    PauseAnnounced,
    PointsAdjusted,
    Promised,
    SuspensionEnded,
    TrustChanged,
)
from clubai.reputation.record import MONTH_S, MOST_MODELS, Record
from clubai.reputation.register import Register

REMEMBERED_S: Final = 3 * MONTH_S
"""How long a member's node that is not seen any more weighs on their new ones."""


def appeared(register: Register, fact: NodeAppeared) -> Record:
    """Open a record, if there is none with this owner, and note new models."""
    record = register.current(fact.node)
    if record is None or record.member != fact.member:
        points = starting_points(register, fact)
        record = register.join(
            fact.node,
            fact.member,
            points=points,
            why=f"It appeared as a node of {fact.member}.",
        )
    for model in fact.models:
        if model not in record.models and len(record.models) < MOST_MODELS:
            register.put(
                record,
                Change.CLAIMED,
                model=model,
                cause=f"member:{fact.member}",
                why=f"It offers {model}.",
            )
    return record


def starting_points(register: Register, fact: NodeAppeared) -> int:
    """Those of a new node: no more than the worst of its owner's other nodes has."""
    rules = register.rules
    if not rules.identity:
        return rules.start
    others = [
        other.points
        for other in register.of_member(fact.member)
        if other.node != fact.node and other.seen_at > register.now - REMEMBERED_S
    ]
    return min([rules.start, *others])


def adjusted(register: Register, record: Record, fact: PointsAdjusted) -> None:
    """Move the points."""
    register.put(
        record,
        Change.ADJUSTED,
        points=fact.points,
        cause=f"member:{fact.by}",
        by=fact.by,
        why=fact.why,
    )


def trust_changed(register: Register, record: Record, fact: TrustChanged) -> None:
    """Make the node a reference for others, or take that back."""
    if fact.trusted is not record.trusted:
        register.put(
            record,
            Change.TRUSTED if fact.trusted else Change.UNTRUSTED,
            cause=f"member:{fact.by}",
            by=fact.by,
            why="It is a reference for other nodes."
            if fact.trusted
            else "It is no reference for other nodes any more.",
        )


def suspension_ended(register: Register, record: Record, fact: SuspensionEnded) -> None:
    """Let a suspended node work again."""
    if record.suspended:
        register.put(
            record,
            Change.REINSTATED,
            cause=f"member:{fact.by}",
            by=fact.by,
            why=fact.why,
        )


def promised(register: Register, record: Record, fact: Promised) -> None:
    """Note the owner's schedule."""
    if fact.schedule != record.schedule:
        register.put(
            record,
            Change.PROMISED,
            cause=f"member:{record.member}",
            why=fact.schedule,
        )


def paused(register: Register, record: Record, fact: PauseAnnounced) -> None:
    """Note that the owner took the node out, or let it go on."""
    if fact.paused is not record.paused:
        register.put(
            record,
            Change.PAUSED if fact.paused else Change.RESUMED,
            cause=f"member:{record.member}",
            why=fact.why,
        )
