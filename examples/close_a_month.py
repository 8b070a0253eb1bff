"""Close a club's month, and check its statement without the club.

Three members paid. Alice's node did most of the work and has a good standing, Bob's
did some. The club signs what it decided; Alice checks it from the file alone, and one
changed digit is found.

    python examples/close_a_month.py
"""

from __future__ import annotations

import secrets

from clubai.crypto.identity import Identity
from clubai.economics.close import Inputs, close, income_of
from clubai.economics.errors import StatementError
from clubai.economics.fees import Payment, fee
from clubai.economics.ledger import Ledger
from clubai.economics.metering import Standing, Weight, work_units
from clubai.economics.month import Period, stamp
from clubai.economics.ratecard import CARD_1
from clubai.economics.statement import make_statement
from clubai.economics.verify import verify_statement
from clubai.model import MemberId

MONTH = Period.read("2026-01")
ALICE, BOB, CAROL = map(MemberId, ("alice", "bob", "carol"))


def book_fees(ledger: Ledger) -> None:
    for member in (ALICE, BOB, CAROL):
        paid = Payment(member=member, period=MONTH, minor=1000, currency="EUR")
        for posting in fee(paid, processor_minor=30):
            ledger.post(posting, ts=stamp(MONTH.start_ms))


def weights() -> tuple[Weight, ...]:
    rate = CARD_1.milli("x-8B", MONTH)
    alice = work_units(900_000, 250_000, rate) * Standing(points=1400).multiplier_bp
    bob = work_units(300_000, 90_000, rate) * Standing(points=200).multiplier_bp
    return (
        Weight(member=ALICE, wu=alice // 10_000),
        Weight(member=BOB, wu=bob // 10_000),
    )


def main() -> None:
    ledger = Ledger()
    book_fees(ledger)
    income = income_of(ledger, MONTH, "EUR")
    closing = close(
        Inputs(period=MONTH, currency="EUR", income=income, weights=weights())
    )
    ledger.post(closing.posting, ts=stamp(MONTH.cut_off_ms))
    print(f"net {closing.net}, pool {closing.pool}, carried on {closing.carry}")
    for payout in closing.payouts:
        print(f"{payout.member:<6} gets {payout.minor}")

    club = Identity.generate()
    statement = make_statement(
        closing,
        secret=secrets.token_bytes(32),
        sign=club.sign,
        card=CARD_1,
        points={},
        ledger_head=ledger.head,
        previous=None,
    )
    for line in verify_statement(statement.file, club.key).checked:
        print(f"ok: {line}")

    share = str(closing.payouts[0].minor)
    changed = statement.file.replace(share.encode(), str(int(share) + 1).encode(), 1)
    try:
        verify_statement(changed, club.key)
    except StatementError as error:
        print(f"changed: {error}")


if __name__ == "__main__":
    main()
