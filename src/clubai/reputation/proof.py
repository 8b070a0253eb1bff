"""What checks, complaints and reviews do: when an invalid result counts as proved."""

from __future__ import annotations

from typing import Final

from clubai.reputation import complaints, escrow, presence, sequential, slashing
from clubai.reputation.events import Change
from clubai.reputation.facts import (
    CheckEnded,
    CheckKind,
    LieProved,
    ReviewDecided,
    VerdictGiven,
)
from clubai.reputation.record import MONTH_S, Record
from clubai.reputation.register import Register

_MINORITY: Final = 3
_VERDICTS: Final = {
    1: "A client says that the answer could not be opened.",
    2: "A client says that the answer was cut off.",
    3: "A client says that other nodes answered otherwise.",
    4: "A client says that a known answer is wrong.",
    5: "A client says that the answer is of no use.",
}
_REVIEWED: Final = (4, 5)


def check_ended(register: Register, record: Record, fact: CheckEnded) -> None:
    """Take in a check of the club's own."""
    if fact.passed:
        _passed(register, record, fact)
    else:
        _failed(register, record, fact)


def lie_proved(register: Register, record: Record, fact: LieProved) -> None:
    """Charge a signed lie: it needs no more proof."""
    confirm(register, record, cause=fact.cause, why=fact.why)


def verdict_given(register: Register, record: Record, fact: VerdictGiven) -> None:
    """Take in a client's complaint, as far as it is heard."""
    why = _VERDICTS.get(fact.value)
    if why is None or fact.asker == record.member:
        return
    by = f"member:{fact.asker}"
    if not register.rules.confirmed_only:
        if fact.checked and fact.value == _MINORITY:
            confirm(register, record, cause=fact.cause, by=by, why=why)
        return
    if fact.value in _REVIEWED:
        if register.heard(by) and complaints.may_open(
            record, by, fact.cause, register.now
        ):
            register.put(record, Change.REVIEW_OPENED, cause=fact.cause, by=by, why=why)
    elif fact.checked:
        register.put(record, Change.MARKED, cause=fact.cause, by=by, why=why)


def review_decided(register: Register, record: Record, fact: ReviewDecided) -> None:
    """End a review that is open."""
    review = record.open_reviews.get(fact.review)
    if review is None:
        return
    cause = f"review:{fact.review}"
    register.put(record, Change.REVIEW_ENDED, cause=cause, by=fact.by, why=fact.why)
    if fact.upheld:
        confirm(register, record, cause=cause, by=review.by, why=fact.why)
    else:
        why = "A review found nothing against the node."
        register.put(record, Change.CLEARED, cause=cause, by=review.by, why=why)


def confirm(
    register: Register,
    record: Record,
    *,
    cause: str,
    why: str,
    by: str = "",
    model: str = "",
) -> None:
    """Charge an invalid result that is proved, and what follows from it."""
    rules = register.rules
    register.put(
        record,
        Change.INVALID,
        points=slashing.penalty(record.points, rules),
        model=model,
        cause=cause,
        by=by,
        why=why,
    )
    escrow.void(register, record, cause=cause)
    if slashing.to_suspend(record, rules):
        _suspend(register, record, cause=cause)


def _suspend(register: Register, record: Record, *, cause: str) -> None:
    days = slashing.suspension_days(record)
    until = f"for {days} days" if days else "until members have reviewed it"
    why = f"Three invalid results within 30 days: suspended {until}."
    register.put(record, Change.SUSPENDED, count=days, cause=cause, why=why)


def _passed(register: Register, record: Record, fact: CheckEnded) -> None:
    cause, by = f"check:{fact.check}", fact.kind.value
    register.put(
        record, Change.PASSED, model=fact.model, cause=cause, by=by, why=fact.why
    )
    if record.marks and (fact.model, by) not in record.tests:
        register.put(
            record,
            Change.CLEARED,
            model=fact.model,
            cause=cause,
            by=by,
            why="Its checks speak for it: the soft marks are gone.",
        )
    escrow.release(register, record, cause=cause, why="An audit was passed.")
    if register.rules.fair_hours:
        presence.credit(register, record)


def _failed(register: Register, record: Record, fact: CheckEnded) -> None:
    cause, by = f"check:{fact.check}", fact.kind.value
    doubt = record.doubts.get(fact.model)
    register.put(
        record, Change.FAILED, model=fact.model, cause=cause, by=by, why=fact.why
    )
    if not register.rules.confirmed_only:
        confirm(register, record, cause=cause, model=fact.model, by=by, why=fact.why)
        return
    again = (
        fact.kind is CheckKind.KNOWN_ANSWER
        and doubt is not None
        and register.now - doubt <= MONTH_S
    )
    if again or record.tests[fact.model, by] >= sequential.CONVICT:
        why = (
            "Two known answers were wrong."
            if again
            else "Its checks failed too often to be chance."
        )
        register.put(
            record, Change.CONVICTED, model=fact.model, cause=cause, by=by, why=why
        )
        confirm(register, record, cause=cause, model=fact.model, by=by, why=why)
