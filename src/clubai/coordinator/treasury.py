"""The club's money: the one owner of its ledger, who may book what, and the closes.

A booking is checked on a copy of the ledger, stored in one transaction, and only then
is the copy the ledger. Only one is under way at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Self

import anyio

from clubai.coordinator.audit import AuditLog
from clubai.coordinator.closing import (
    Decided,
    MoneyStore,
    Terms,
    check_turn,
    decide,
    keep,
    read_kept,
    row_of,
    summary,
)
from clubai.coordinator.grants import Member, require_in_person, require_role
from clubai.economics import canonical, fees
from clubai.economics.fees import Payment
from clubai.economics.importing import read_fees
from clubai.economics.ledger import MEMBER, Entry, Ledger, Posting
from clubai.economics.month import Period, stamp
from clubai.economics.statement import (
    OWN_LABEL,
    Sign,
    body_in,
    leaves_in,
    make_statement,
    own_part,
    with_own,
)
from clubai.errors import PermissionDenied, StorageError
from clubai.model import MemberId, NodeId
from clubai.storage.access import AuditRow
from clubai.storage.base import Role
from clubai.storage.books import CloseRow

BOOKING: Final[tuple[Role, ...]] = ("operator", "treasurer")
READING: Final[tuple[Role, ...]] = (*BOOKING, "auditor")
_SHOWN: Final = ("fee", "refund", "chargeback", "credit", "payout")

Owners = Callable[[], Mapping[NodeId, MemberId]]
Banned = Callable[[Period], Collection[str]]


class Treasury:
    """The money of one club; get it from `open`.

    Args:
        store: The books.
        ledger: What is in them.
        closes: All closes so far.
        terms: By what money is divided.
        sign: Signs with the club's key.
        audit: All that is booked is written there too.
        clock: Unix seconds.
        owners: Who owns which node now.
        secret: Gives 32 random bytes.
        banned: Who was banned for confirmed fraud in a month.
    """

    def __init__(
        self,
        store: MoneyStore,
        ledger: Ledger,
        closes: Sequence[CloseRow],
        *,
        terms: Terms,
        sign: Sign,
        audit: AuditLog,
        clock: Callable[[], float],
        owners: Owners,
        secret: Callable[[], bytes],
        banned: Banned = lambda _period: (),
    ) -> None:
        self.terms = terms
        self._store = store
        self._ledger = ledger
        self._closes = list(closes)
        self._sign = sign
        self._audit = audit
        self._clock = clock
        self._owners = owners
        self._secret = secret
        self._banned = banned
        self._booking = anyio.Lock()
        self._asked: tuple[str, MemberId, str] | None = None

    @classmethod
    async def open(cls, store: MoneyStore, **parts: Any) -> Self:
        """Replay the ledger that is in `store`; the other arguments are `Treasury`'s.

        Raises:
            LedgerError: the stored ledger is not what was once posted.
            StorageError: it cannot be read.
        """
        ledger = Ledger()
        ledger.load((row.body, row.hash) for row in await store.ledger())
        closes = sorted(await store.closes(), key=lambda row: row.month)
        return cls(store, ledger, closes, **parts)

    @property
    def ledger(self) -> Ledger:
        """The ledger as it is now; not to be changed."""
        return self._ledger

    @property
    def months(self) -> list[str]:
        """The months that are closed, the earliest first."""
        return [row.month for row in self._closes]

    async def record_fee(
        self, asker: Member, payment: Payment, *, year: bool, processor_minor: int
    ) -> list[Entry]:
        """Book a fee that was paid, or one for twelve months.

        Raises:
            PermissionDenied, MoneyError, StorageError: it cannot be booked.
        """
        require_role(asker, "booking a fee", *BOOKING)
        make = fees.annual_fee if year else fees.fee
        made = make(payment, processor_minor=processor_minor)
        return await self._book(asker, "fee.booked", lambda _ledger: made)

    async def import_fees(
        self, asker: Member, text: str, members: Mapping[str, MemberId]
    ) -> list[Entry]:
        """Book all fees of a CSV file, or none; those that are booked already stay.

        Raises:
            ImportRefused: with every line that is bad.
            PermissionDenied, StorageError: it cannot be booked.
        """
        require_role(asker, "importing fees", *BOOKING)
        currency = self.terms.currency

        def made(ledger: Ledger) -> Sequence[Posting]:
            return read_fees(text, ledger=ledger, members=members, currency=currency)

        return await self._book(asker, "fee.imported", made)

    async def refund(
        self, asker: Member, payment: Payment, *, to_balance: bool
    ) -> list[Entry]:
        """Give a part of a fee back; raises as `record_fee`."""
        require_role(asker, "giving a fee back", *BOOKING)
        return await self._book(
            asker,
            "fee.refunded",
            lambda ledger: (fees.refund(ledger, payment, to_balance=to_balance),),
        )

    async def chargeback(
        self, asker: Member, payment: Payment, *, processor_minor: int
    ) -> list[Entry]:
        """Book that a bank took a fee back; raises as `record_fee`."""
        require_role(asker, "booking a chargeback", *BOOKING)
        return await self._book(
            asker,
            "fee.charged_back",
            lambda ledger: fees.chargeback(
                ledger, payment, processor_minor=processor_minor
            ),
        )

    async def credit(self, asker: Member, payment: Payment) -> list[Entry]:
        """Pay a fee from a balance: one's own, or as who books; as `record_fee`."""
        require_in_person(asker, "paying from a balance")
        if payment.member != asker.id:
            require_role(asker, "paying from another's balance", *BOOKING)
        at_ms = self.now_ms
        return await self._book(
            asker,
            "balance.credited",
            lambda ledger: (fees.credit(ledger, payment, at_ms=at_ms),),
        )

    async def record_payout(self, asker: Member, payment: Payment) -> list[Entry]:
        """Book that a balance was paid out; raises as `record_fee`."""
        require_role(asker, "booking a payout", *BOOKING)
        at_ms = self.now_ms
        return await self._book(
            asker,
            "balance.paid_out",
            lambda ledger: (fees.payout(ledger, payment, at_ms=at_ms),),
        )

    def payouts(self, asker: Member) -> list[tuple[MemberId, int]]:
        """Who can be paid out how much now, above the threshold.

        Raises:
            PermissionDenied: the asker may not see it.
        """
        require_role(asker, "listing payouts", *READING)
        currency, at_ms = self.terms.currency, self.now_ms
        found: list[tuple[MemberId, int]] = []
        for account, of in self._ledger.balances():
            if account.startswith(MEMBER) and of == currency:
                member = MemberId(account.removeprefix(MEMBER))
                minor = self._ledger.spendable(member, currency, at_ms=at_ms)
                if minor >= fees.PAYOUT_THRESHOLD:
                    found.append((member, minor))
        return found

    def entries(self, asker: Member, *, since: int, limit: int) -> list[Entry]:
        """The ledger from number `since` on.

        Raises:
            PermissionDenied: the asker may not see it.
        """
        require_role(asker, "reading the ledger", *READING)
        return [link.entry for link in self._ledger.links[since : since + limit]]

    def payments(self, asker: Member, period: str = "") -> list[Entry]:
        """Fees and what was given back or paid: one's own, or all for who may see."""
        require_in_person(asker, "listing fees")
        return [
            entry
            for entry in self._ledger.entries
            if entry.parts[0] in _SHOWN
            and (not period or entry.parts[1] == period)
            and (asker.role in READING or entry.parts[2] == asker.id)
        ]

    def balance(self, member: MemberId) -> tuple[int, int]:
        """What a member has, and what of it can be spent now, in minor units."""
        currency = self.terms.currency
        whole = self._ledger.balance(MEMBER + member, currency)
        now = self._ledger.spendable(member, currency, at_ms=self.now_ms)
        return whole, now

    async def close_month(
        self, asker: Member, period: Period, *, dry_run: bool
    ) -> dict[str, Any]:
        """Close a month, or say what its close would be; a second time changes nothing.

        Raises:
            PermissionDenied: the asker may not.
            PeriodError: it is not this month's turn, or too early.
            StorageError: it cannot be stored.
        """
        require_role(asker, "closing a month", *BOOKING)
        told: dict[str, Any] = {}
        with anyio.CancelScope(shield=True):
            async with self._booking:
                told = await self._close(asker, period, dry_run=dry_run)
        return told

    async def _close(
        self, asker: Member, period: Period, *, dry_run: bool
    ) -> dict[str, Any]:
        stored = self._row(str(period))
        if stored is not None:
            return {"month": stored.month, "closed": True, "at": stored.at}
        if not dry_run:
            check_turn(period, self._closes, now_ms=self.now_ms)
        decided = await decide(
            self._store,
            self._ledger,
            period=period,
            terms=self.terms,
            owners=self._owners(),
            banned=self._banned(period),
            closes=self._closes,
        )
        told = summary(decided.closing)
        if dry_run:
            return told | {"closed": False}
        if self.terms.two_people and not self._second(asker, period, told):
            await self._audit.write(
                "month.close_asked", actor=asker.id, object=str(period)
            )
            return told | {"closed": False, "waits_for": "a second person"}
        audit = self._audit.line("month.closed", actor=asker.id, object=str(period))
        row = await self._store_close(decided, audit)
        self._audit.on_written(audit)
        return told | {"closed": True, "at": row.at}

    def statement(self, month: str) -> bytes | None:
        """The file of a closed month that everybody may have."""
        row = self._row(month)
        return None if row is None else row.statement

    def mine(self, asker: Member, month: str) -> bytes | None:
        """The file of a closed month with the asker's own part.

        Raises:
            PermissionDenied: an API key asks that stands for no login.
        """
        require_in_person(asker, "reading one's own part")
        row = self._row(month)
        if row is None:
            return None
        own = own_part(
            leaves_in(row.statement),
            read_kept(row.closing).items,
            member=asker.id,
            secret=row.secret,
            period=Period.read(month),
        )
        return with_own(row.statement, own, self._sign(OWN_LABEL + own))

    @property
    def now_ms(self) -> int:
        """The coordinator's time, Unix milliseconds."""
        return round(self._clock() * 1000)

    def _second(self, asker: Member, period: Period, told: dict[str, Any]) -> bool:
        digest = hashlib.sha256(canonical.encode(told)).hexdigest()
        asked, self._asked = self._asked, (str(period), asker.id, digest)
        if asked is None or (asked[0], asked[2]) != (str(period), digest):
            return False
        if asked[1] == asker.id:
            reason = "you asked for it first: another operator or treasurer confirms"
            raise PermissionDenied("confirming this close", reason)
        self._asked = None
        return True

    async def _store_close(self, decided: Decided, audit: AuditRow) -> CloseRow:
        closing = decided.closing
        now_ms = self.now_ms
        fork = self._ledger.fork()
        fork.post(closing.posting, ts=stamp(now_ms))
        secret = self._secret()
        previous = body_in(self._closes[-1].statement) if self._closes else None
        statement = make_statement(
            closing,
            secret=secret,
            sign=self._sign,
            card=self.terms.card,
            points=decided.points,
            ledger_head=fork.head,
            previous=previous,
            references=decided.references,
        )
        row = CloseRow(
            month=str(closing.period),
            at=now_ms / 1000,
            statement=statement.file,
            secret=secret,
            closing=keep(closing),
        )
        await self._store_fork(fork, audit, close=row, settled=closing.settled)
        self._closes.append(row)
        return row

    async def _book(
        self,
        asker: Member,
        action: str,
        make: Callable[[Ledger], Sequence[Posting]],
    ) -> list[Entry]:
        with anyio.CancelScope(shield=True):
            async with self._booking:
                fork, ts = self._ledger.fork(), stamp(self.now_ms)
                before = len(fork)
                entries = [fork.post(each, ts=ts) for each in make(self._ledger)]
                if len(fork) == before:
                    return entries
                audit = self._audit.line(
                    action,
                    actor=asker.id,
                    object=entries[0].key,
                    detail=f"entries {before} to {len(fork) - 1} of the ledger",
                )
                await self._store_fork(fork, audit)
                self._audit.on_written(audit)
        return entries

    async def _store_fork(
        self,
        fork: Ledger,
        audit: AuditRow,
        *,
        close: CloseRow | None = None,
        settled: Sequence[bytes] = (),
    ) -> None:
        rows = [row_of(link) for link in fork.links[len(self._ledger) :]]
        if not await self._store.post(rows, close=close, settled=settled, audit=audit):
            reason = "somebody else wrote to it: is another coordinator running?"
            raise StorageError("the ledger", reason)
        self._ledger = fork

    def _row(self, month: str) -> CloseRow | None:
        return next((row for row in self._closes if row.month == month), None)
