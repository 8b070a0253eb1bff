from __future__ import annotations

from pathlib import Path

import pytest

from clubai.coordinator.closing import (
    Terms,
    check_turn,
    decide,
    keep,
    read_kept,
    read_terms,
    summary,
)
from clubai.economics.errors import PeriodError, RateCardError
from clubai.economics.fees import Payment, fee
from clubai.economics.ledger import Ledger
from clubai.economics.month import stamp
from clubai.reputation.events import Change
from clubai.storage.books import CloseRow
from support.books import ALICE, BOB, JAN, NODES, event, month_of_vector_6
from support.treasury import FakeBooks


def closed(month: str, content: bytes) -> CloseRow:
    return CloseRow(month=month, at=0, statement=b"", secret=b"", closing=content)


def test_what_is_kept_is_read() -> None:
    closing, _ = month_of_vector_6()

    kept = read_kept(keep(closing))

    assert kept.items == closing.items
    assert kept.worked
    assert summary(closing)["tasks"] == {"paid": 4}


def test_a_month_has_its_turn() -> None:
    check_turn(JAN, [], now_ms=JAN.cut_off_ms)
    december = [closed("2025-12", b"")]
    check_turn(JAN, december, now_ms=JAN.cut_off_ms)
    for period, now_ms in ((JAN, JAN.cut_off_ms - 1), (JAN.plus(1), 10**13)):
        with pytest.raises(PeriodError):
            check_turn(period, december, now_ms=now_ms)


async def test_after_three_empty_months_who_paid_gets_it_back() -> None:
    ledger = Ledger()
    for back in range(4):
        paid = Payment(member=BOB, period=JAN.plus(-back), minor=100, currency="EUR")
        for each in fee(paid):
            ledger.post(each, ts=stamp(JAN.start_ms))
    busy, _ = month_of_vector_6()
    empty = keep(busy).replace(b'"worked":true', b'"worked":false')
    books = FakeBooks()
    books.events.append(event(0, ALICE, Change.TRUSTED))

    for months, expected in ((3, 340), (2, None)):
        closes = [closed("2025-09", keep(busy))] + [closed("2025-10", empty)] * months
        decided = await decide(
            books,
            ledger,
            period=JAN,
            terms=Terms(),
            owners=NODES,
            banned=(),
            closes=closes,
        )
        got = {each.member: each.minor for each in decided.closing.payouts}
        assert got.get(BOB) == expected
        assert decided.references == 1


def test_a_card_that_cannot_be_read_is_no_other_card(tmp_path: Path) -> None:
    card = tmp_path / "card.toml"
    with pytest.raises(RateCardError):
        read_terms(card)
    card.write_bytes(b"\xff")
    with pytest.raises(RateCardError):
        read_terms(card)
    card.write_text("version = 4\nunknown = 9\n")

    assert read_terms(card, two_people=True).card.unknown == 9
    assert read_terms(None) == Terms()
