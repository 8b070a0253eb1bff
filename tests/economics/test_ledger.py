from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.economics.errors import KeyTaken, LedgerError, Overdrawn
from clubai.economics.ledger import GENESIS, Ledger, Line, Posting, chain, read_entry
from clubai.economics.month import DAY_MS, stamp
from clubai.model import MemberId

TS = "2026-01-31T23:59:59.999Z"
FEE = Posting(
    key="fee:2026-01:alice",
    lines=(Line("psp_clearing", "EUR", 1000), Line("fee_income", "EUR", -1000)),
)
V7 = "8a667d19e8539b855362f3ff3ccf6fc24751f08ed13e1016f244fbb25918aaf5"


def moved(key: str, to: str, source: str, minor: int = 100) -> Posting:
    return Posting(key=key, lines=(Line(to, "EUR", minor), Line(source, "EUR", -minor)))


def test_vector_7() -> None:
    ledger = Ledger()

    entry = ledger.post(FEE, ts=TS)

    assert ledger.head.hex() == V7
    assert chain(GENESIS, entry.body).hex() == V7
    assert read_entry(entry.body) == entry


def test_balances_are_what_people_understand() -> None:
    ledger = Ledger()
    ledger.post(FEE, ts=TS)

    assert ledger.balance("psp_clearing", "EUR") == 1000
    assert ledger.balance("fee_income", "EUR") == 1000
    assert ledger.balance("pool", "EUR") == 0


def test_an_equal_entry_is_the_stored_one() -> None:
    ledger = Ledger()
    first = ledger.post(FEE, ts=TS)

    assert ledger.post(FEE, ts="2026-02-01T00:00:00.000Z") == first
    assert len(ledger) == 1


def test_a_different_entry_under_a_key_is_refused() -> None:
    ledger = Ledger()
    ledger.post(FEE, ts=TS)

    with pytest.raises(KeyTaken):
        ledger.post(moved(FEE.key, "psp_clearing", "fee_income", 999), ts=TS)


@pytest.mark.parametrize("account", ["pool", "reserve", "escrow", "member:a"])
def test_what_is_owed_is_never_below_zero(account: str) -> None:
    ledger = Ledger()

    with pytest.raises(Overdrawn) as caught:
        ledger.post(moved("x:2026-01", account, "psp_clearing"), ts=TS)

    assert (caught.value.account, caught.value.balance) == (account, -100)
    assert len(ledger) == 0


@pytest.mark.parametrize(
    "lines",
    [
        (Line("pool", "EUR", -1),),
        (Line("psp_clearing", "EUR", 1), Line("pool", "USD", -1)),
        (Line("nobody", "EUR", 1), Line("pool", "EUR", -1)),
        (Line("psp_clearing", "eur", 1), Line("pool", "eur", -1)),
        (Line("psp_clearing", "EUR", 2**63), Line("pool", "EUR", -(2**63))),
        (Line("member:", "EUR", -1), Line("psp_clearing", "EUR", 1)),
    ],
)
def test_what_is_no_entry_is_refused(lines: tuple[Line, ...]) -> None:
    with pytest.raises(LedgerError):
        Ledger().post(Posting(key="x:2026-01", lines=lines), ts=TS)


@pytest.mark.parametrize("ts", ["", "2026-02-31T00:00:00.000Z", "2026-01-01T00:00:00Z"])
def test_what_is_no_time_is_refused(ts: str) -> None:
    with pytest.raises(LedgerError):
        Ledger().post(FEE, ts=ts)


amounts = st.lists(st.integers(1, 10**12), max_size=8)


@given(amounts)
def test_a_replay_gives_the_same_balances(minors: list[int]) -> None:
    ledger = Ledger()
    for number, minor in enumerate(minors):
        ledger.post(
            moved(
                f"fee:2026-01:m{number}", "psp_clearing", f"member:m{number % 3}", minor
            ),
            ts=TS,
        )
    again = Ledger()

    again.load([(each.entry.body, each.hash) for each in ledger.links])

    assert again.head == ledger.head
    assert again.balances() == ledger.balances()
    assert sum(line.minor for each in again.entries for line in each.lines) == 0


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_changed_row_is_found(place: int, flip: int) -> None:
    ledger = Ledger()
    ledger.post(FEE, ts=TS)
    ledger.post(moved("fee:2026-01:bob", "psp_clearing", "fee_income"), ts=TS)
    rows = [(each.entry.body, each.hash) for each in ledger.links]
    body = bytearray(rows[0][0])
    body[place % len(body)] ^= flip

    with pytest.raises(LedgerError):
        Ledger().load([(bytes(body), rows[0][1]), rows[1]])


def test_a_missing_and_a_doubled_row_are_found() -> None:
    ledger = Ledger()
    ledger.post(FEE, ts=TS)
    ledger.post(moved("fee:2026-01:bob", "psp_clearing", "fee_income"), ts=TS)
    first, second = [(each.entry.body, each.hash) for each in ledger.links]

    for rows in ([second], [first, first]):
        with pytest.raises(LedgerError):
            Ledger().load(rows)


def test_a_fork_changes_nothing() -> None:
    ledger = Ledger()
    ledger.fork().post(FEE, ts=TS)

    assert (len(ledger), ledger.get(FEE.key), ledger.balances()) == (0, None, {})


def test_what_a_close_pays_is_spendable_after_14_days() -> None:
    ledger = Ledger()
    alice = MemberId("alice")
    ledger.post(
        moved("fee:2026-01:b", "psp_clearing", "member:alice", 30),
        ts=stamp(1_700_000_000_000),
    )
    ledger.post(
        moved("close:2026-01", "psp_clearing", "member:alice", 70),
        ts=stamp(1_700_000_001_000),
    )

    def at(ms: int) -> int:
        return ledger.spendable(alice, "EUR", at_ms=ms)

    assert at(1_700_000_000_999 + 14 * DAY_MS) == 30
    assert at(1_700_000_001_000 + 14 * DAY_MS) == 100
