"""The month's close: what came in, who gets what of it, and the entry that says so."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from clubai.economics.ledger import (
    INCOME,
    OPERATOR,
    POOL,
    PROCESSOR,
    RESERVE,
    Ledger,
    Line,
    Posting,
    member_account,
)
from clubai.economics.metering import Weight
from clubai.economics.month import Period
from clubai.economics.settling import Item, settled_by
from clubai.economics.sharing import BASIS, share, share_capped
from clubai.model import MemberId, Value

OPERATOR_BP: Final = 1_000
RESERVE_BP: Final = 500
EMPTY_MONTHS: Final = 3
"""So many closes carry a pool that nobody worked for; the next gives it back."""


class Income(Value, frozen=True, kw_only=True):
    """What came in for a month and is not closed yet, in minor units."""

    fees: int
    """Less refunds and chargebacks: may be below 0."""
    processor: int

    @property
    def net(self) -> int:
        """What there is to divide."""
        return self.fees - self.processor


class Inputs(Value, frozen=True, kw_only=True):
    """All that a close rests on."""

    period: Period
    currency: str
    income: Income
    weights: tuple[Weight, ...]
    items: tuple[Item, ...] = ()
    carry_in: int = 0
    reserve: int = 0
    """What is in it: it bears a loss first."""
    empty_months: int = 0
    """How many closes in a row, up to the last, found no work."""
    paid: Mapping[MemberId, int] = {}
    """What each member paid for those months and this one."""
    cap_bp: int = BASIS
    """The most of the pool that one member gets; 10000: no cap."""


class Payout(Value, frozen=True, kw_only=True):
    """One member's part."""

    member: MemberId
    wu: int
    minor: int


class Closing(Value, frozen=True, kw_only=True):
    """What a close decided."""

    period: Period
    currency: str
    net: int
    operator: int
    """Below 0: its part of a loss."""
    reserve: int
    """Below 0: its part of a loss."""
    carry_in: int
    pool: int
    carry: int
    total: int
    """W, the sum of all weights."""
    cap_bp: int
    payouts: tuple[Payout, ...]
    """Sorted by member id as bytes; they and `carry` add up to `pool`."""
    posting: Posting
    items: tuple[Item, ...]
    settled: tuple[bytes, ...]


def close(inputs: Inputs) -> Closing:
    """Decide a month. The same inputs give the same closing, in any order."""
    net = inputs.income.net
    operator, reserve = _parts(net, inputs.reserve)
    pool = max(net - operator - reserve, 0) + inputs.carry_in
    payouts, carry = _payouts(inputs, pool if net >= 0 else 0)
    if net < 0:
        carry = pool
    return Closing(
        period=inputs.period,
        currency=inputs.currency,
        net=net,
        operator=operator,
        reserve=reserve,
        carry_in=inputs.carry_in,
        pool=pool,
        carry=carry,
        total=sum(each.wu for each in inputs.weights),
        cap_bp=inputs.cap_bp,
        payouts=payouts,
        posting=_posting(inputs, operator, reserve, payouts, carry),
        items=inputs.items,
        settled=settled_by(inputs.items),
    )


def income_of(ledger: Ledger, period: Period, currency: str) -> Income:
    """What came in for months up to `period`, and no close has divided."""
    sums = {INCOME: 0, PROCESSOR: 0}
    month = str(period)
    for entry in ledger.entries:
        if entry.parts[1] <= month:
            for line in entry.lines:
                if line.account in sums and line.currency == currency:
                    sums[line.account] += line.minor
    return Income(fees=-sums[INCOME], processor=sums[PROCESSOR])


def paid_by(
    ledger: Ledger, months: Collection[str], currency: str
) -> dict[MemberId, int]:
    """What each member paid for these months, less what was given back."""
    paid: dict[MemberId, int] = {}
    for entry in ledger.entries:
        kind, month, member, _ = entry.parts
        if kind in ("fee", "credit", "refund", "chargeback") and month in months:
            for line in entry.lines:
                if line.currency == currency and line.account == INCOME:
                    who = MemberId(member)
                    paid[who] = paid.get(who, 0) - line.minor
    return {each: max(paid[each], 0) for each in sorted(paid, key=str.encode)}


def _parts(net: int, in_reserve: int) -> tuple[int, int]:
    if net >= 0:
        return net * OPERATOR_BP // BASIS, net * RESERVE_BP // BASIS
    reserve = -min(-net, in_reserve)
    return net - reserve, reserve


def _payouts(inputs: Inputs, pool: int) -> tuple[tuple[Payout, ...], int]:
    weights = {each.member: each.wu for each in inputs.weights}
    if sum(weights.values()) > 0:
        parts, carry = share_capped(pool, weights, inputs.cap_bp)
    elif inputs.empty_months >= EMPTY_MONTHS and sum(inputs.paid.values()) > 0:
        parts, carry = dict.fromkeys(weights, 0) | share(pool, inputs.paid), 0
    else:
        parts, carry = dict.fromkeys(weights, 0), pool
    payouts = tuple(
        Payout(member=each, wu=weights.get(each, 0), minor=parts[each])
        for each in sorted(parts, key=str.encode)
    )
    return payouts, carry


def _posting(
    inputs: Inputs,
    operator: int,
    reserve: int,
    payouts: tuple[Payout, ...],
    carry: int,
) -> Posting:
    amounts = [
        (INCOME, inputs.income.fees),
        (PROCESSOR, -inputs.income.processor),
        (OPERATOR, -operator),
        (RESERVE, -reserve),
        (POOL, inputs.carry_in - carry),
        *((member_account(each.member), -each.minor) for each in payouts),
    ]
    return Posting(
        key=f"close:{inputs.period}",
        lines=tuple(
            Line(account, inputs.currency, minor) for account, minor in amounts if minor
        ),
    )
