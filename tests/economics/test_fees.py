from __future__ import annotations

from typing import Any

import pytest

from clubai.economics import fees
from clubai.economics.errors import KeyTaken, PaymentError
from clubai.economics.fees import Payment
from clubai.economics.ledger import Ledger, Line, Posting
from clubai.economics.month import DAY_MS, stamp
from support.small_month import ALICE, JAN

NOW = JAN.end_ms


def payment(minor: int = 1000, **fields: Any) -> Payment:
    given: dict[str, Any] = {"member": ALICE, "period": JAN, "currency": "EUR"}
    return Payment(**(given | {"minor": minor} | fields))


def booked(*postings: Posting) -> Ledger:
    ledger = Ledger()
    for each in postings:
        ledger.post(each, ts=stamp(NOW))
    return ledger


def closed(ledger: Ledger, reserve: int = 0) -> None:
    lines = (Line("fee_income", "EUR", reserve), Line("reserve", "EUR", -reserve))
    ledger.post(Posting(key=f"close:{JAN}", lines=lines), ts=stamp(NOW))


def test_a_fee_and_what_the_provider_keeps() -> None:
    ledger = booked(*fees.fee(payment(), processor_minor=54))

    assert ledger.balances() == {
        ("fee_income", "EUR"): 1000,
        ("processor_fees", "EUR"): 54,
        ("psp_clearing", "EUR"): 946,
    }
    assert ledger.entries[0].key == "fee:2026-01:alice"


def test_an_annual_fee_is_twelve_months() -> None:
    made = fees.annual_fee(payment(10_003, reference="r:1"), processor_minor=25)
    ledger = booked(*made)

    assert ledger.balance("fee_income", "EUR") == 10_003
    assert ledger.balance("processor_fees", "EUR") == 25
    assert fees.paid_for(ledger, ALICE, JAN, "EUR") == 834
    assert fees.paid_for(ledger, ALICE, JAN.plus(11), "EUR") == 833
    assert ledger.entries[0].parts == ("fee", "2026-01", "alice", "r:1")


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(-1, 1000), (0, 1000), (1, 967), (24, 967), (25, 935), (9999, 0)],
)
def test_whole_unused_days_are_given_back(hours: int, expected: int) -> None:
    left = JAN.start_ms + hours * DAY_MS // 24

    assert fees.unused(1000, JAN, left_ms=left) == expected


def test_a_refund_before_the_close_is_from_income() -> None:
    ledger = booked(*fees.fee(payment()))

    ledger.post(fees.refund(ledger, payment(300)), ts=stamp(NOW))
    ledger.post(
        fees.refund(ledger, payment(200, reference="2"), to_balance=True), ts=stamp(NOW)
    )

    assert ledger.balance("fee_income", "EUR") == 500
    assert ledger.balance("psp_clearing", "EUR") == 700
    assert ledger.balance("member:alice", "EUR") == 200
    with pytest.raises(PaymentError):
        fees.refund(ledger, payment(501, reference="3"))


def test_a_refund_after_the_close_is_from_reserve_and_operator() -> None:
    ledger = booked(*fees.fee(payment()))
    closed(ledger, reserve=50)

    made = fees.refund(ledger, payment(80))
    ledger.post(made, ts=stamp(NOW))

    assert ledger.balance("reserve", "EUR") == 0
    assert ledger.balance("operator", "EUR") == -30
    assert fees.refund(ledger, payment(80)) == made
    assert fees.paid_for(ledger, ALICE, JAN, "EUR") == 920


def test_a_chargeback_costs() -> None:
    ledger = booked(*fees.fee(payment()))

    for each in fees.chargeback(ledger, payment(), processor_minor=1500):
        ledger.post(each, ts=stamp(NOW))

    assert ledger.balance("fee_income", "EUR") == 0
    assert ledger.balance("psp_clearing", "EUR") == -1500


def test_only_what_can_be_spent_is() -> None:
    ledger = booked(*fees.fee(payment()))
    ledger.post(fees.refund(ledger, payment(300), to_balance=True), ts=stamp(NOW))

    made = fees.credit(ledger, payment(200, period=JAN.plus(1)), at_ms=NOW)
    ledger.post(made, ts=stamp(NOW))
    assert fees.credit(ledger, payment(200, period=JAN.plus(1)), at_ms=NOW) == made
    with pytest.raises(PaymentError):
        fees.payout(ledger, payment(101), at_ms=NOW)
    ledger.post(fees.payout(ledger, payment(100), at_ms=NOW), ts=stamp(NOW))

    assert ledger.balance("member:alice", "EUR") == 0


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"minor": 0}, "amount_minor"),
        ({"minor": 10**12 + 1}, "amount_minor"),
        ({"member": "a:b"}, "member"),
        ({"currency": "euro"}, "currency"),
        ({"reference": "x" * 65}, "reference"),
        ({"reference": "\n"}, "reference"),
    ],
)
def test_what_is_no_payment_is_refused(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(PaymentError) as caught:
        payment(**fields)

    assert caught.value.field == field


def test_bad_costs_are_refused() -> None:
    with pytest.raises(PaymentError):
        fees.fee(payment(), processor_minor=-1)
    with pytest.raises(PaymentError):
        fees.annual_fee(payment(11))


def earned(*amounts: int) -> Ledger:
    """Alice got these; the last one just now."""
    ledger = Ledger()
    for place, minor in enumerate(amounts):
        lines = (Line("pool", "EUR", minor), Line("member:alice", "EUR", -minor))
        pool = (Line("psp_clearing", "EUR", minor), Line("pool", "EUR", -minor))
        at_ms = NOW - (len(amounts) - 1 - place) * 20 * DAY_MS
        for key, made in ((f"fee:{place}", pool), (f"close:{JAN.plus(place)}", lines)):
            ledger.post(Posting(key=key, lines=made), ts=stamp(at_ms))
    return ledger


def test_a_payout_that_is_repeated_in_the_next_month_is_booked_once() -> None:
    ledger = earned(1000, 0)
    first = payment(300, reference="bank-1")
    ledger.post(fees.payout(ledger, first, at_ms=NOW), ts=stamp(NOW))
    again = payment(300, reference="bank-1", period=JAN.plus(1))
    ledger.post(fees.payout(ledger, again, at_ms=NOW), ts=stamp(NOW))

    assert ledger.balance("member:alice", "EUR") == 700
    other = fees.payout(ledger, payment(300, reference="bank-2"), at_ms=NOW)
    assert other.key == "payout:2026-01:alice:bank-2"
    more = payment(301, reference="bank-1", period=JAN.plus(1))
    with pytest.raises(KeyTaken):
        ledger.post(fees.payout(ledger, more, at_ms=NOW), ts=stamp(NOW))


def test_a_payout_lets_no_credit_spend_what_is_in_dispute() -> None:
    ledger = earned(100, 1000)
    ledger.post(fees.payout(ledger, payment(100), at_ms=NOW), ts=stamp(NOW))

    with pytest.raises(PaymentError, match="0 EUR"):
        fees.credit(ledger, payment(500), at_ms=NOW)
