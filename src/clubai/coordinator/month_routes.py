"""The HTTP routes of money: months, statements, fees, balances, the ledger."""

from __future__ import annotations

import csv
import io
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from clubai.coordinator.accounts import Accounts
from clubai.coordinator.callers import api_route, caller
from clubai.coordinator.grants import Member
from clubai.coordinator.replies import (
    json_reply,
    read_body,
    unknown_path,
    whole_number,
)
from clubai.coordinator.treasury import Treasury
from clubai.economics.errors import (
    ImportRefused,
    LedgerError,
    MoneyError,
    PaymentError,
    PeriodError,
)
from clubai.economics.fees import Payment, paid_for, unused
from clubai.economics.importing import read_period
from clubai.economics.ledger import Entry
from clubai.economics.month import Period
from clubai.errors import ConfigError
from clubai.model import MemberId
from clubai.storage.base import MemberRow

MOST_ENTRIES: Final = 1000
"""Of the ledger, in one answer."""

Handler = Callable[[Request, Member], Awaitable[ASGIApp]]


class MemberFinder(Protocol):
    """Where members are found."""

    async def member(self, member: MemberId) -> MemberRow | None:
        """Find one by id."""

    async def member_named(self, name: str) -> MemberRow | None:
        """Find one by name."""

    async def members(self) -> list[MemberRow]:
        """All of them."""


class CloseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to close a month."""

    dry_run: bool = False


class FeeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A payment of one member for one month, or for twelve."""

    member: str
    period: str
    amount_minor: int
    reference: str = ""
    processor_minor: int = 0


class RefundRequest(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What to give back; without an amount: for the whole days that are left."""

    member: str
    period: str
    amount_minor: int | None = None
    reference: str = ""
    to_balance: bool = False


class CreditRequest(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What to pay from a balance; without a member: the caller's."""

    period: str
    amount_minor: int
    member: str = ""
    reference: str = ""


class PayoutRequest(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A balance that was paid out."""

    member: str
    amount_minor: int
    reference: str


class CsvText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file as text."""

    csv: str


class MonthRoutes:
    """The endpoints of one club's money."""

    def __init__(
        self, treasury: Treasury, *, accounts: Accounts, members: MemberFinder
    ) -> None:
        self._treasury = treasury
        self._accounts = accounts
        self._members = members

    def routes(self) -> list[Route]:
        """All of them."""
        table: tuple[tuple[str, str, Handler], ...] = (
            ("GET", "/api/months", self.months),
            ("POST", "/api/months/{period}/close", self.close),
            ("GET", "/api/months/{period}/statement", self.statement),
            ("GET", "/api/months/{period}/mine", self.mine),
            ("GET", "/api/fees", self.payments),
            ("POST", "/api/fees", self.record),
            ("POST", "/api/fees/import", self.import_fees),
            ("POST", "/api/fees/refund", self.refund),
            ("POST", "/api/fees/chargeback", self.chargeback),
            ("GET", "/api/balance", self.balance),
            ("POST", "/api/credit", self.credit),
            ("GET", "/api/payouts", self.payouts),
            ("POST", "/api/payouts", self.record_payout),
            ("GET", "/api/ledger", self.ledger),
        )
        return [
            api_route(path, self._for_members(handler), method)
            for method, path, handler in table
        ]

    def _for_members(self, handler: Handler) -> Callable[[Request], Awaitable[ASGIApp]]:
        async def endpoint(request: Request) -> ASGIApp:
            asker = await caller(self._accounts, request)
            try:
                return await handler(request, asker)
            except MoneyError as error:
                raise _said(error) from error

        return endpoint

    async def months(self, _request: Request, _asker: Member) -> ASGIApp:
        """Which months are closed, the earliest first."""
        terms = self._treasury.terms
        return json_reply(
            {
                "months": self._treasury.months,
                "currency": terms.currency,
                "rate_card": terms.card.published,
            }
        )

    async def close(self, request: Request, asker: Member) -> ASGIApp:
        """Close a month, or with `dry_run` say what its close would be."""
        period = Period.read(request.path_params["period"])
        wanted = await read_body(request, CloseRequest)
        return json_reply(
            await self._treasury.close_month(asker, period, dry_run=wanted.dry_run)
        )

    async def statement(self, request: Request, _asker: Member) -> ASGIApp:
        """The statement of a closed month, as it was signed."""
        return _file(request, self._treasury.statement(request.path_params["period"]))

    async def mine(self, request: Request, asker: Member) -> ASGIApp:
        """The statement with the caller's own payout, its proof and their tasks."""
        return _file(request, self._treasury.mine(asker, request.path_params["period"]))

    async def payments(self, request: Request, asker: Member) -> ASGIApp:
        """Fees, and what was given back or paid: the caller's, or all."""
        period = request.query_params.get("period", "")
        entries = self._treasury.payments(asker, period)
        return json_reply({"payments": [_shown(each) for each in entries]})

    async def record(self, request: Request, asker: Member) -> ASGIApp:
        """Book a fee that was paid."""
        given = await read_body(request, FeeRequest)
        payment, year = await self._payment(given)
        made = await self._treasury.record_fee(
            asker, payment, year=year, processor_minor=given.processor_minor
        )
        return _entries(made)

    async def import_fees(self, request: Request, asker: Member) -> ASGIApp:
        """Book the fees of a CSV file, all or none."""
        given = await read_body(request, CsvText)
        rows = await self._members.members()
        known = {row.name: row.id for row in rows} | {row.id: row.id for row in rows}
        return _entries(await self._treasury.import_fees(asker, given.csv, known))

    async def refund(self, request: Request, asker: Member) -> ASGIApp:
        """Give a fee back, or what is left of it."""
        given = await read_body(request, RefundRequest)
        member, period = await self._member(given.member), Period.read(given.period)
        minor = given.amount_minor
        if minor is None:
            ledger, currency = self._treasury.ledger, self._treasury.terms.currency
            paid = paid_for(ledger, member, period, currency)
            minor = unused(paid, period, left_ms=self._treasury.now_ms)
        payment = self._made(member, period, minor, given.reference)
        made = await self._treasury.refund(asker, payment, to_balance=given.to_balance)
        return _entries(made)

    async def chargeback(self, request: Request, asker: Member) -> ASGIApp:
        """Book that a bank took a fee back."""
        given = await read_body(request, FeeRequest)
        payment, year = await self._payment(given)
        if year:
            raise PaymentError("period", given.period, "give one month")
        made = await self._treasury.chargeback(
            asker, payment, processor_minor=given.processor_minor
        )
        return _entries(made)

    async def balance(self, _request: Request, asker: Member) -> ASGIApp:
        """What the caller has, and what of it can be spent now."""
        whole, spendable = self._treasury.balance(asker.id)
        return json_reply(
            {
                "balance_minor": whole,
                "spendable_minor": spendable,
                "currency": self._treasury.terms.currency,
            }
        )

    async def credit(self, request: Request, asker: Member) -> ASGIApp:
        """Pay a month's fee from a balance."""
        given = await read_body(request, CreditRequest)
        member = asker.id if not given.member else await self._member(given.member)
        period = Period.read(given.period)
        payment = self._made(member, period, given.amount_minor, given.reference)
        return _entries(await self._treasury.credit(asker, payment))

    async def payouts(self, request: Request, asker: Member) -> ASGIApp:
        """What can be paid out now, as CSV; with `format=json` as an object."""
        found = self._treasury.payouts(asker)
        currency = self._treasury.terms.currency
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("member", "amount_minor", "currency"))
        writer.writerows((member, minor, currency) for member, minor in found)
        if request.query_params.get("format") == "json":
            rows = [{"member": who, "amount_minor": minor} for who, minor in found]
            told = {"payouts": rows, "currency": currency, "csv": text.getvalue()}
            return json_reply(told)
        return Response(text.getvalue(), media_type="text/csv; charset=utf-8")

    async def record_payout(self, request: Request, asker: Member) -> ASGIApp:
        """Book that a balance was paid out."""
        given = await read_body(request, PayoutRequest)
        payment = self._made(
            await self._member(given.member),
            Period.holding(self._treasury.now_ms),
            given.amount_minor,
            given.reference,
        )
        return _entries(await self._treasury.record_payout(asker, payment))

    async def ledger(self, request: Request, asker: Member) -> ASGIApp:
        """The ledger from number `since` on; `next` begins the next page."""
        since = whole_number(request.query_params.get("since", "0"), "since", digits=9)
        entries = self._treasury.entries(asker, since=since, limit=MOST_ENTRIES)
        ledger = self._treasury.ledger
        following = since + len(entries)
        return json_reply(
            {
                "entries": entries,
                "next": following if following < len(ledger) else None,
                "head": ledger.head.hex(),
            }
        )

    async def _payment(self, given: FeeRequest) -> tuple[Payment, bool]:
        period, year = read_period(given.period)
        member = await self._member(given.member)
        made = self._made(member, period, given.amount_minor, given.reference)
        return made, year

    def _made(
        self, member: MemberId, period: Period, minor: int, reference: str
    ) -> Payment:
        return Payment(
            member=member,
            period=period,
            minor=minor,
            currency=self._treasury.terms.currency,
            reference=reference,
        )

    async def _member(self, text: str) -> MemberId:
        row = await self._members.member(MemberId(text))
        if row is None:
            row = await self._members.member_named(text)
        if row is None:
            raise PaymentError("member", text[:64], "no member has this name or id")
        return row.id


def _said(error: MoneyError) -> ConfigError:
    match error:
        case PaymentError():
            return ConfigError(error.field, error.value, error.fix)
        case PeriodError():
            return ConfigError("period", error.period[:40], error.reason)
        case ImportRefused():
            count = len(error.lines)
            return ConfigError("csv", f"({count} bad lines)", f"{error}")
        case LedgerError():
            return ConfigError("entry", error.key[:120], error.reason)
    return ConfigError("money", "...", str(error))


def _file(request: Request, file: bytes | None) -> Response:
    if file is None:
        return unknown_path(request.url.path[:200]).reply()
    return Response(file, media_type="application/json")


def _entries(entries: list[Entry]) -> Response:
    return json_reply({"payments": [_shown(each) for each in entries]})


def _shown(entry: Entry) -> dict[str, Any]:
    kind, month, member, reference = entry.parts
    line = entry.lines[0]
    return {
        "seq": entry.seq,
        "ts": entry.ts,
        "kind": kind,
        "period": month,
        "member": member,
        "reference": reference,
        "amount_minor": sum(max(each.minor, 0) for each in entry.lines),
        "currency": line.currency,
    }
