from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.economics.errors import ImportRefused
from clubai.economics.importing import COLUMNS, read_fees
from clubai.economics.ledger import Ledger, Posting
from clubai.economics.month import stamp
from clubai.model import MemberId

HEADER = ",".join(COLUMNS) + "\n"
MEMBERS = {name: MemberId(name) for name in ("alice", "bob")}
TS = stamp(1_769_903_999_999)


def read(text: str, ledger: Ledger | None = None) -> tuple[Posting, ...]:
    return read_fees(text, ledger=ledger or Ledger(), members=MEMBERS, currency="EUR")


def test_good_lines_are_postings() -> None:
    made = read(
        HEADER + "alice,2026-01,1000,EUR,r1,54\n\nbob,2026-01/P1Y,12000,EUR,r2,\n"
    )

    assert [each.key for each in made[:3]] == [
        "fee:2026-01:alice:r1",
        "processor:2026-01:alice:r1",
        "fee:2026-01:bob:r2",
    ]
    assert len(made) == 14


def test_every_bad_line_is_named() -> None:
    with pytest.raises(ImportRefused) as caught:
        read(
            HEADER + "nobody,2026-01,1000,EUR,r1,0\n"
            "alice,2026-13,1000,EUR,r2,0\n"
            "alice,2026-01,10.00,EUR,r3,0\n"
            "alice,2026-01,0,EUR,r4,0\n"
            "alice,2026-01,1000,USD,r5,0\n"
            "alice,2026-01,1000,EUR,,0\n"
            "alice,2026-01,1000,EUR,r6,-1\n"
            "alice,2026-01,1000\n"
            "alice,2026-01,1000,EUR,r7,0\n"
            "alice,2026-01,1000,EUR,r7,0\n"
        )

    assert [(each.line, each.field) for each in caught.value.lines] == [
        (2, "member"),
        (3, "period"),
        (4, "amount_minor"),
        (5, "amount_minor"),
        (6, "currency"),
        (7, "reference"),
        (8, "processor_minor"),
        (9, "line"),
        (11, "reference"),
    ]
    assert all(each.fix for each in caught.value.lines)


def test_a_file_twice_is_the_same_and_a_changed_one_is_refused() -> None:
    ledger = Ledger()
    text = HEADER + "alice,2026-01,1000,EUR,r1,54\n"
    for _ in range(2):
        for each in read(text, ledger):
            ledger.post(each, ts=TS)
    assert len(ledger) == 2

    for line in (
        "alice,2026-01,999,EUR,r1,54",
        "bob,2026-01,1000,EUR,r1,54",
        "alice,2026-02,1000,EUR,r1,54",
    ):
        with pytest.raises(ImportRefused) as caught:
            read(HEADER + line, ledger)
        assert caught.value.lines[0].field == "reference"


@pytest.mark.parametrize(
    "text", ["", "member\n", "a,b\n1,2\n", HEADER + '"', "x" * 1_000_001]
)
def test_what_is_no_such_file_is_refused(text: str) -> None:
    with pytest.raises(ImportRefused):
        read(text)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ImportRefused):
        assert read(HEADER + text) == ()
