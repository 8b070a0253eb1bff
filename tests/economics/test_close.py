from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from clubai.economics import fees
from clubai.economics.close import Closing, Income, Inputs, close, income_of, paid_by
from clubai.economics.errors import PaymentError
from clubai.economics.fees import Payment
from clubai.economics.ledger import Ledger
from clubai.economics.metering import Weight
from clubai.economics.month import DAY_MS, Period, stamp
from clubai.model import MemberId
from support.books import ALICE, BOB, CAROL, DAVE, JAN, month_of_vector_6


def inputs(net: int = 1000, *units: int, **fields: Any) -> Inputs:
    members = (ALICE, BOB, CAROL, DAVE)
    weights = tuple(
        Weight(member=member, wu=wu) for member, wu in zip(members, units, strict=False)
    )
    given: dict[str, Any] = {"period": JAN, "currency": "EUR", "weights": weights}
    return Inputs(**(given | {"income": Income(fees=net, processor=0)} | fields))


def minors(closing: Closing) -> list[int]:
    return [each.minor for each in closing.payouts]


def test_vector_6() -> None:
    closing, _ = month_of_vector_6()

    assert (closing.net, closing.operator, closing.reserve) == (5622, 562, 281)
    assert (closing.pool, closing.carry) == (4779, 0)
    assert minors(closing) == [3145, 1187, 447, 0]
    assert [each.wu for each in closing.payouts] == [
        11_892_500_000,
        4_486_650_000,
        1_691_760_000,
        0,
    ]
    assert len(closing.settled) == 4
    assert minors(month_of_vector_6(5000)[0]) == [2389, 1736, 654, 0]


def test_the_entry_adds_up() -> None:
    closing, _ = month_of_vector_6()

    assert closing.posting.key == "close:2026-01"
    assert sum(line.minor for line in closing.posting.lines) == 0
    assert ("member:alice", "EUR", -3145) in closing.posting.lines


def test_a_month_without_work_carries_and_after_three_gives_back() -> None:
    paid = {ALICE: 1, BOB: 2}

    carried = close(inputs(1000, 0, 0, carry_in=7, paid=paid, empty_months=2))
    given_back = close(inputs(1000, 0, 0, carry_in=7, paid=paid, empty_months=3))

    assert (carried.pool, carried.carry, minors(carried)) == (857, 857, [0, 0])
    assert (given_back.carry, minors(given_back)) == (0, [286, 571])


def test_nothing_is_given_back_where_nobody_paid() -> None:
    assert close(inputs(1000, empty_months=9)).carry == 850


@pytest.mark.parametrize(
    ("reserve", "parts"), [(0, (-300, 0)), (100, (-200, -100)), (500, (0, -300))]
)
def test_a_loss_is_the_reserves_and_then_the_operators(
    reserve: int, parts: tuple[int, int]
) -> None:
    closing = close(inputs(-300, 5, reserve=reserve, carry_in=40))

    assert (closing.operator, closing.reserve) == parts
    assert (closing.pool, closing.carry, minors(closing)) == (40, 40, [0])
    assert sum(line.minor for line in closing.posting.lines) == 0


weights = st.lists(st.integers(0, 2**80), max_size=4)


@given(st.integers(-(10**9), 10**9), weights, st.integers(0, 10**9), st.integers(0, 4))
def test_payouts_and_carry_are_the_pool(
    net: int, units: list[int], carry_in: int, empty: int
) -> None:
    given_inputs = inputs(
        net, *units, carry_in=carry_in, empty_months=empty, paid={BOB: 3}, cap_bp=6000
    )

    closing = close(given_inputs)

    assert sum(minors(closing)) + closing.carry == closing.pool
    assert closing.operator + closing.reserve + closing.pool == net + carry_in
    assert sum(line.minor for line in closing.posting.lines) == 0
    assert closing.carry >= 0
    assert close(given_inputs) == closing


@given(weights, st.randoms(use_true_random=False))
def test_the_order_is_nothing(units: list[int], random: Random) -> None:
    first = inputs(12_345, *units)
    shuffled = list(first.weights)
    random.shuffle(shuffled)

    again = close(msgspec.structs.replace(first, weights=tuple(shuffled)))

    assert again == close(first)


def test_what_is_paid_for_later_months_waits() -> None:
    ledger = Ledger()
    year = Payment(member=ALICE, period=JAN, minor=1200, currency="EUR")
    for each in fees.annual_fee(year, processor_minor=12):
        ledger.post(each, ts=stamp(JAN.start_ms))

    assert income_of(ledger, JAN, "EUR") == Income(fees=100, processor=1)
    assert income_of(ledger, JAN.plus(2), "EUR") == Income(fees=300, processor=3)
    assert paid_by(ledger, ["2026-01", "2026-02"], "EUR") == {ALICE: 200}


MEMBERS = st.sampled_from([ALICE, BOB, CAROL])
SMALL = st.integers(1, 3000)


class Months(RuleBasedStateMachine):
    """Fees, refunds, chargebacks, credits, payouts and closes in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.period = JAN
        self.now = JAN.start_ms
        self.number = 0

    def payment(self, member: MemberId, minor: int, back: int = 0) -> Payment:
        self.number += 1
        return Payment(
            member=member,
            period=self.period.plus(-back),
            minor=minor,
            currency="EUR",
            reference=str(self.number),
        )

    def post(self, *postings: Any) -> None:
        for each in postings:
            self.ledger.post(each, ts=stamp(self.now))

    @rule(member=MEMBERS, minor=SMALL, cost=st.integers(0, 100), year=st.booleans())
    def fee(self, member: MemberId, minor: int, cost: int, year: bool) -> None:
        make = fees.annual_fee if year else fees.fee
        self.post(*make(self.payment(member, minor + 12), processor_minor=cost))

    @rule(member=MEMBERS, minor=SMALL, back=st.integers(0, 2), kind=st.integers(0, 2))
    def give_back(self, member: MemberId, minor: int, back: int, kind: int) -> None:
        payment = self.payment(member, minor, back)
        try:
            if kind == 2:
                self.post(*fees.chargeback(self.ledger, payment, processor_minor=1500))
            else:
                self.post(fees.refund(self.ledger, payment, to_balance=kind == 1))
        except PaymentError:
            paid = fees.paid_for(self.ledger, member, payment.period, "EUR")
            assert paid < minor

    @rule(member=MEMBERS, minor=SMALL, out=st.booleans())
    def spend(self, member: MemberId, minor: int, out: bool) -> None:
        make = fees.payout if out else fees.credit
        have = self.ledger.spendable(member, "EUR", at_ms=self.now)
        try:
            self.post(make(self.ledger, self.payment(member, minor), at_ms=self.now))
        except PaymentError:
            assert have < minor

    @rule(units=st.lists(st.integers(0, 10**10), min_size=3, max_size=3))
    def close(self, units: list[int]) -> None:
        self.now = self.period.cut_off_ms
        given_inputs = inputs(
            0,
            *units,
            period=self.period,
            income=income_of(self.ledger, self.period, "EUR"),
            carry_in=self.ledger.balance("pool", "EUR"),
            reserve=self.ledger.balance("reserve", "EUR"),
        )
        closing = close(given_inputs)
        self.post(closing.posting)
        self.post(closing.posting)
        assert income_of(self.ledger, self.period, "EUR") == Income(fees=0, processor=0)
        assert self.ledger.balance("pool", "EUR") == closing.carry
        self.period = self.period.plus(1)

    @rule(days=st.integers(1, 20))
    def wait(self, days: int) -> None:
        self.now += days * DAY_MS

    @invariant()
    def nothing_is_below_zero(self) -> None:
        for account in ("pool", "reserve", "escrow", "member:alice", "member:bob"):
            assert self.ledger.balance(account, "EUR") >= 0
        total = sum(line.minor for e in self.ledger.entries for line in e.lines)
        assert total == 0
        assert self.period >= Period(2026, 1)


TestMonths = Months.TestCase
TestMonths.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
