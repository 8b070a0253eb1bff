"""What members pay and get: fees, refunds, chargebacks, credit, payouts, as postings.

A fee belongs to the month that it is for, whenever it is paid. What comes in for a
month that is closed already counts in the next close; what goes out for one is the
reserve's, and when that is empty the operator's.
"""

from __future__ import annotations

from typing import Final

import msgspec

from clubai.economics.errors import PaymentError
from clubai.economics.ledger import (
    CLEARING,
    INCOME,
    OPERATOR,
    PROCESSOR,
    RESERVE,
    Ledger,
    Line,
    Posting,
    is_currency,
    is_member,
    member_account,
)
from clubai.economics.month import DAY_MS, Period
from clubai.economics.sharing import equal_parts
from clubai.model import MemberId, Value

MOST_MINOR: Final = 10**12
MOST_REFERENCE: Final = 64
MONTHS: Final = 12
PAYOUT_THRESHOLD: Final = 500
"""Minor units: less stays as balance."""
_FOR_A_MONTH: Final = ("fee", "credit", "refund", "chargeback")


class Payment(Value, frozen=True, kw_only=True):
    """An amount of one member for one month, in minor units."""

    member: MemberId
    period: Period
    minor: int
    currency: str
    reference: str = ""
    """The payment provider's, unique for its kind, month and member."""

    def __post_init__(self) -> None:
        if not is_member(self.member):
            raise PaymentError("member", self.member, "give a member's id")
        if not 0 < self.minor <= MOST_MINOR:
            fix = f"give minor units (cents) from 1 to {MOST_MINOR}"
            raise PaymentError("amount_minor", self.minor, fix)
        if not is_currency(self.currency):
            raise PaymentError("currency", self.currency, "write it as EUR")
        if len(self.reference) > MOST_REFERENCE or not self.reference.isprintable():
            fix = f"give at most {MOST_REFERENCE} printable characters"
            raise PaymentError("reference", self.reference[:80], fix)

    def key(self, kind: str) -> str:
        """The ledger's key of a posting of this kind."""
        key = f"{kind}:{self.period}:{self.member}"
        return f"{key}:{self.reference}" if self.reference else key


def fee(payment: Payment, *, processor_minor: int = 0) -> tuple[Posting, ...]:
    """A fee that was paid, and what the payment provider kept of it."""
    paid = _move(payment, "fee", CLEARING, INCOME)
    return (paid, *_processor(payment, processor_minor))


def annual_fee(payment: Payment, *, processor_minor: int = 0) -> tuple[Posting, ...]:
    """A fee for twelve months from `payment.period` on: its parts add up to it."""
    if payment.minor < MONTHS:
        raise PaymentError("amount_minor", payment.minor, "give at least 12")
    parts = equal_parts(payment.minor, MONTHS)
    costs = equal_parts(processor_minor, MONTHS)
    made: list[Posting] = []
    for place, (minor, cost) in enumerate(zip(parts, costs, strict=True)):
        part = Payment(
            member=payment.member,
            period=payment.period.plus(place),
            minor=minor,
            currency=payment.currency,
            reference=payment.reference,
        )
        made += fee(part, processor_minor=cost)
    return tuple(made)


def unused(paid: int, period: Period, *, left_ms: int) -> int:
    """What of a month's fee is for whole days (UTC) not begun yet, rounded down."""
    used = -(-(left_ms - period.start_ms) // DAY_MS)
    return paid * (period.days - min(max(used, 0), period.days)) // period.days


def paid_for(ledger: Ledger, member: MemberId, period: Period, currency: str) -> int:
    """What a member has paid for a month, less what was given back."""
    return -sum(
        line.minor
        for entry in ledger.entries
        if entry.parts[0] in _FOR_A_MONTH and entry.parts[1:3] == (str(period), member)
        for line in entry.lines
        if line.currency == currency and line.account in (INCOME, RESERVE, OPERATOR)
    )


def refund(ledger: Ledger, payment: Payment, *, to_balance: bool = False) -> Posting:
    """Give a part of a fee back.

    Args:
        ledger: Tells what was paid, and whether the month is closed.
        payment: How much, for which month.
        to_balance: As credit, and not by the way that it was paid.

    Raises:
        PaymentError: no so much was paid for the month.
    """
    target = member_account(payment.member) if to_balance else CLEARING
    return _give_back(ledger, payment, "refund", target)


def chargeback(
    ledger: Ledger, payment: Payment, *, processor_minor: int = 0
) -> tuple[Posting, ...]:
    """A fee that a bank took back, and what the payment provider asked for that.

    Raises:
        PaymentError: no so much was paid for the month.
    """
    taken = _give_back(ledger, payment, "chargeback", CLEARING)
    return (taken, *_processor(payment, processor_minor, "chargeback-cost"))


def credit(ledger: Ledger, payment: Payment, *, at_ms: int) -> Posting:
    """Pay a fee from a member's balance.

    Raises:
        PaymentError: they have less to spend; closes are spendable after 14 days.
    """
    _check_spendable(ledger, payment, "credit", at_ms)
    return _move(payment, "credit", member_account(payment.member), INCOME)


def payout(ledger: Ledger, payment: Payment, *, at_ms: int) -> Posting:
    """A part of a member's balance that was paid out; `payment.period` is when.

    With a reference it is the payout of that reference, in whatever month it was
    booked: to ask again, and be it in the next month, books nothing more.

    Raises:
        PaymentError: they have less to spend; closes are spendable after 14 days.
    """
    payment = _as_paid_out(ledger, payment)
    _check_spendable(ledger, payment, "payout", at_ms)
    return _move(payment, "payout", member_account(payment.member), CLEARING)


def is_closed(ledger: Ledger, period: Period) -> bool:
    """Tell whether the month was closed."""
    return ledger.get(f"close:{period}") is not None


def _move(payment: Payment, kind: str, to: str, source: str) -> Posting:
    return Posting(
        key=payment.key(kind),
        lines=(
            Line(to, payment.currency, payment.minor),
            Line(source, payment.currency, -payment.minor),
        ),
    )


def _processor(
    payment: Payment, minor: int, kind: str = "processor"
) -> tuple[Posting, ...]:
    if not 0 <= minor <= MOST_MINOR:
        fix = f"give minor units (cents) from 0 to {MOST_MINOR}"
        raise PaymentError("processor_minor", minor, fix)
    if minor == 0:
        return ()
    lines = (
        Line(PROCESSOR, payment.currency, minor),
        Line(CLEARING, payment.currency, -minor),
    )
    return (Posting(key=payment.key(kind), lines=lines),)


def _give_back(ledger: Ledger, payment: Payment, kind: str, target: str) -> Posting:
    key, currency = payment.key(kind), payment.currency
    stored = ledger.get(key)
    if stored is not None:
        lines = (*stored.lines[:-1], Line(target, currency, -payment.minor))
        return Posting(key=key, lines=lines)
    paid = paid_for(ledger, payment.member, payment.period, currency)
    if payment.minor > paid:
        fix = f"{paid} {currency} (minor) is all that is paid for {payment.period}"
        raise PaymentError("amount_minor", payment.minor, fix)
    back = Line(target, currency, -payment.minor)
    if not is_closed(ledger, payment.period):
        return Posting(key=key, lines=(Line(INCOME, currency, payment.minor), back))
    return Posting(
        key=key, lines=(*from_reserve(ledger, payment.minor, currency), back)
    )


def from_reserve(ledger: Ledger, minor: int, currency: str) -> tuple[Line, ...]:
    """Lines that take from the reserve, and what it lacks from the operator."""
    have = min(minor, ledger.balance(RESERVE, currency))
    lines = (Line(RESERVE, currency, have), Line(OPERATOR, currency, minor - have))
    return tuple(line for line in lines if line.minor)


def _as_paid_out(ledger: Ledger, payment: Payment) -> Payment:
    """The payment with the month in which its reference was paid out already."""
    if not payment.reference:
        return payment
    same = (payment.member, payment.reference)
    for entry in ledger.entries:
        kind, month, *whose = entry.parts
        if kind == "payout" and tuple(whose) == same:
            return msgspec.structs.replace(payment, period=Period.read(month))
    return payment


def _check_spendable(ledger: Ledger, payment: Payment, kind: str, at_ms: int) -> None:
    if ledger.get(payment.key(kind)) is not None:
        return
    have = ledger.spendable(payment.member, payment.currency, at_ms=at_ms)
    if payment.minor > have:
        fix = f"{have} {payment.currency} (minor) can be spent now"
        raise PaymentError("amount_minor", payment.minor, fix)
