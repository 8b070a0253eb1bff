from __future__ import annotations

import pytest

from clubai.coordinator.grants import Grants, Member
from clubai.economics.errors import KeyTaken, LedgerError, PeriodError
from clubai.economics.fees import Payment
from clubai.economics.month import DAY_MS, Period
from clubai.economics.verify import verify_statement
from clubai.errors import PermissionDenied, StorageError
from clubai.model import MemberId
from clubai.reputation.events import Change
from support.books import ALICE, BOB, JAN, KEY, event
from support.treasury import Clock, FakeBooks, open_treasury

OPERATOR = Member(MemberId("olga"), "olga", "operator")
TREASURER = Member(MemberId("theo"), "theo", "treasurer")
AUDITOR = Member(MemberId("ann"), "ann", "auditor")
ALICE_IN_PERSON = Member(ALICE, "alice", "member")


def payment(minor: int = 1000, member: MemberId = BOB, period: Period = JAN) -> Payment:
    return Payment(member=member, period=period, minor=minor, currency="EUR")


async def test_a_month_is_closed_once_and_what_was_held_is_paid_later() -> None:
    books, clock = FakeBooks(), Clock()
    books.work()
    treasury = await open_treasury(books, clock)
    await treasury.record_fee(TREASURER, payment(), year=False, processor_minor=0)

    preview = await treasury.close_month(OPERATOR, JAN, dry_run=True)
    assert not books.closed
    told = await treasury.close_month(OPERATOR, JAN, dry_run=False)
    again = await treasury.close_month(OPERATOR, JAN, dry_run=False)

    assert preview | {"closed": True, "at": told["at"]} == told
    assert (told["pool"], told["payouts"][0]["minor"]) == (850, 850)
    assert told["tasks"] == {"held": 1, "own": 1, "paid": 1}
    assert again == {"month": "2026-01", "closed": True, "at": told["at"]}
    assert len(books.rows) == 2
    assert len(books.done) == 2

    books.events.append(event(3, ALICE, Change.RELEASED, at=clock.now))
    february = JAN.plus(1)
    clock.now = february.cut_off_ms // 1000
    await treasury.record_fee(
        OPERATOR, payment(period=february), year=False, processor_minor=0
    )
    later = await treasury.close_month(OPERATOR, february, dry_run=False)
    assert later["tasks"] == {"paid": 1}
    assert len(books.done) == 3
    assert [row.action for row in books.audited].count("month.closed") == 2


async def test_statements_hold_and_follow_each_other() -> None:
    books, clock = FakeBooks(), Clock()
    books.work()
    treasury = await open_treasury(books, clock)
    await treasury.record_fee(OPERATOR, payment(), year=False, processor_minor=0)
    await treasury.close_month(OPERATOR, JAN, dry_run=False)
    clock.now = JAN.plus(1).cut_off_ms // 1000
    await treasury.close_month(OPERATOR, JAN.plus(1), dry_run=False)

    january, mine = (
        treasury.statement("2026-01"),
        treasury.mine(ALICE_IN_PERSON, "2026-01"),
    )
    february = treasury.statement("2026-02")
    assert january is not None
    assert mine is not None
    assert february is not None
    report = verify_statement(february, KEY.key, previous=january)
    assert "follows" in report.checked[-1]
    own = verify_statement(mine, KEY.key).own
    assert own is not None
    assert own.leaf is not None
    assert (own.leaf.minor, len(own.tasks)) == (850, 3)
    assert treasury.statement("2025-01") is None


async def test_a_restart_knows_everything() -> None:
    books, clock = FakeBooks(), Clock()
    treasury = await open_treasury(books, clock)
    await treasury.record_fee(OPERATOR, payment(), year=True, processor_minor=24)
    await treasury.close_month(OPERATOR, JAN, dry_run=False)

    again = await open_treasury(books, clock)

    assert again.ledger.head == treasury.ledger.head
    assert again.ledger.balances() == treasury.ledger.balances()
    assert again.months == ["2026-01"]
    books.rows[0] = books.rows[1]
    with pytest.raises(LedgerError):
        await open_treasury(books, clock)


async def test_months_are_closed_in_order_and_not_too_early() -> None:
    books, clock = FakeBooks(), Clock()
    treasury = await open_treasury(books, clock)
    clock.now -= 1
    with pytest.raises(PeriodError):
        await treasury.close_month(OPERATOR, JAN, dry_run=False)
    clock.now += 400 * 86_400
    await treasury.close_month(OPERATOR, JAN, dry_run=False)

    for wrong in (JAN.plus(2), JAN.plus(-1)):
        with pytest.raises(PeriodError):
            await treasury.close_month(OPERATOR, wrong, dry_run=False)


async def test_two_people_close_where_that_is_asked() -> None:
    books, clock = FakeBooks(), Clock()
    treasury = await open_treasury(books, clock, two_people=True)

    first = await treasury.close_month(OPERATOR, JAN, dry_run=False)
    assert first["waits_for"] == "a second person"
    with pytest.raises(PermissionDenied):
        await treasury.close_month(OPERATOR, JAN, dry_run=False)
    await treasury.record_fee(OPERATOR, payment(), year=False, processor_minor=0)
    changed = await treasury.close_month(TREASURER, JAN, dry_run=False)
    assert not changed["closed"]
    assert not books.closed

    done = await treasury.close_month(OPERATOR, JAN, dry_run=False)

    assert done["closed"]


async def test_only_who_may_does() -> None:
    treasury = await open_treasury(FakeBooks(), Clock())
    by_key = Member(MemberId("olga"), "olga", "operator", Grants(login=False))

    for asker in (ALICE_IN_PERSON, AUDITOR, by_key):
        with pytest.raises(PermissionDenied):
            await treasury.close_month(asker, JAN, dry_run=True)
        with pytest.raises(PermissionDenied):
            await treasury.record_fee(asker, payment(), year=False, processor_minor=0)
        with pytest.raises(PermissionDenied):
            await treasury.refund(asker, payment(), to_balance=False)
        with pytest.raises(PermissionDenied):
            await treasury.import_fees(asker, "", {})
        with pytest.raises(PermissionDenied):
            await treasury.record_payout(asker, payment())
        with pytest.raises(PermissionDenied):
            await treasury.credit(asker, payment())
    assert treasury.entries(AUDITOR, since=0, limit=9) == []
    with pytest.raises(PermissionDenied):
        treasury.entries(ALICE_IN_PERSON, since=0, limit=9)
    with pytest.raises(PermissionDenied):
        treasury.payouts(ALICE_IN_PERSON)
    with pytest.raises(PermissionDenied):
        treasury.mine(by_key, "2026-01")


async def test_credit_is_spent_after_the_dispute_window() -> None:
    books, clock = FakeBooks(), Clock()
    books.work()
    treasury = await open_treasury(books, clock)
    await treasury.record_fee(OPERATOR, payment(), year=False, processor_minor=0)
    await treasury.close_month(OPERATOR, JAN, dry_run=False)
    assert treasury.balance(ALICE) == (850, 0)
    assert treasury.payouts(AUDITOR) == []

    clock.now += 14 * DAY_MS // 1000

    assert treasury.balance(ALICE) == (850, 850)
    assert treasury.payouts(AUDITOR) == [(ALICE, 850)]
    own = payment(351, ALICE, JAN.plus(1))
    await treasury.credit(ALICE_IN_PERSON, own)
    assert treasury.payouts(AUDITOR) == []
    await treasury.record_payout(TREASURER, payment(499, ALICE, JAN.plus(1)))
    assert treasury.balance(ALICE) == (0, 0)
    kinds = [each.parts[0] for each in treasury.payments(ALICE_IN_PERSON)]
    assert kinds == ["credit", "payout"]
    assert len(treasury.payments(AUDITOR)) == 3
    assert len(treasury.payments(AUDITOR, "2026-01")) == 1


async def test_what_cannot_be_stored_did_not_happen() -> None:
    books = FakeBooks()
    treasury = await open_treasury(books, Clock())
    books.refuse = True

    with pytest.raises(StorageError):
        await treasury.record_fee(OPERATOR, payment(), year=False, processor_minor=0)
    with pytest.raises(StorageError):
        await treasury.close_month(OPERATOR, JAN, dry_run=False)

    assert (len(treasury.ledger), treasury.months, books.audited) == (0, [], [])


async def test_a_fee_twice_is_one_and_another_amount_is_refused() -> None:
    books = FakeBooks()
    treasury = await open_treasury(books, Clock())
    for _ in range(2):
        await treasury.record_fee(OPERATOR, payment(), year=False, processor_minor=0)

    assert len(books.rows) == len(books.audited) == 1
    with pytest.raises(KeyTaken):
        await treasury.record_fee(OPERATOR, payment(2), year=False, processor_minor=0)
