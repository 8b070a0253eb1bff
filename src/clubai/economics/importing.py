"""Fees from a CSV file, such as a payment provider's export: all of it, or nothing.

Columns: `member,period,amount_minor,currency,reference,processor_minor`. A period is a
month (`2026-01`), or twelve from a month on (`2026-01/P1Y`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Final

from clubai.economics.errors import BadLine, ImportRefused, PaymentError, PeriodError
from clubai.economics.fees import MOST_MINOR, Payment, annual_fee, fee
from clubai.economics.ledger import Ledger, Posting
from clubai.economics.month import Period
from clubai.model import MemberId

COLUMNS: Final = (
    "member",
    "period",
    "amount_minor",
    "currency",
    "reference",
    "processor_minor",
)
YEAR: Final = "/P1Y"
MOST_LINES: Final = 10_000
MOST_CHARACTERS: Final = 1_000_000

Row = dict[str, str]


def read_fees(
    text: str, *, ledger: Ledger, members: Mapping[str, MemberId], currency: str
) -> tuple[Posting, ...]:
    """The postings of a file. What the ledger has already is among them, unchanged.

    Args:
        text: The file.
        ledger: Tells which references are taken.
        members: All members, by their ids and by their names.
        currency: The club's.

    Raises:
        ImportRefused: with every line that is bad; nothing must be imported then.
    """
    bad: list[BadLine] = []
    used = _references(ledger)
    seen: set[str] = set()
    postings: list[Posting] = []
    for number, row in _rows(text, bad):
        try:
            made = _postings(row, members, currency)
        except PaymentError as error:
            bad.append(_bad(number, error))
            continue
        reference, member = row["reference"], members[row["member"]]
        if reference in seen:
            fix = "it is in this file twice: give each payment its own"
            bad.append(BadLine(number, "reference", reference[:80], fix))
        elif reference in used and (
            used[reference] != member or _differs(ledger, made)
        ):
            fix = "another payment has it: correct that one by a refund"
            bad.append(BadLine(number, "reference", reference[:80], fix))
        seen.add(reference)
        postings += made
    if bad:
        raise ImportRefused(sorted(bad, key=lambda each: each.line))
    return tuple(postings)


def read_period(text: str) -> tuple[Period, bool]:
    """A month, and whether it is the first of twelve. Raises `PaymentError`."""
    try:
        return Period.read(text.removesuffix(YEAR)), text.endswith(YEAR)
    except PeriodError as error:
        fix = f"write 2026-01, or 2026-01{YEAR} for a year from it on"
        raise PaymentError("period", text[:80], fix) from error


def whole(text: str, field: str) -> int:
    """Read a number of minor units. Raises `PaymentError`."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 13):
        fix = f"write minor units (cents) as digits alone, up to {MOST_MINOR}"
        raise PaymentError(field, text[:80], fix)
    return int(text)


def _rows(text: str, bad: list[BadLine]) -> list[tuple[int, Row]]:
    if len(text) > MOST_CHARACTERS:
        fix = f"give files of at most {MOST_CHARACTERS} characters"
        raise ImportRefused([BadLine(1, "file", "", fix)])
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    rows: list[tuple[int, Row]] = []
    try:
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            fix = f"begin the file with {','.join(COLUMNS)}"
            raise ImportRefused([BadLine(1, "header", ",".join(header)[:80], fix)])
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(COLUMNS):
                fix = f"give {len(COLUMNS)} columns, not {len(cells)}"
                bad.append(BadLine(reader.line_num, "line", cells[0][:80], fix))
                continue
            stripped = (cell.strip() for cell in cells)
            row = dict(zip(COLUMNS, stripped, strict=True))
            rows.append((reader.line_num, row))
    except csv.Error as error:
        bad.append(BadLine(reader.line_num, "line", "", f"write CSV: {error}"))
    if len(rows) > MOST_LINES:
        bad.append(BadLine(1, "file", "", f"give at most {MOST_LINES} lines"))
    return rows[:MOST_LINES]


def _postings(
    row: Row, members: Mapping[str, MemberId], currency: str
) -> tuple[Posting, ...]:
    if row["member"] not in members:
        raise PaymentError(
            "member", row["member"][:80], "no member has this name or id"
        )
    if row["currency"] != currency:
        raise PaymentError(
            "currency", row["currency"][:20], f"the club's is {currency}"
        )
    if not row["reference"]:
        raise PaymentError("reference", "", "give what the payment provider calls it")
    period, year = read_period(row["period"])
    payment = Payment(
        member=members[row["member"]],
        period=period,
        minor=whole(row["amount_minor"], "amount_minor"),
        currency=currency,
        reference=row["reference"],
    )
    processor = whole(row["processor_minor"] or "0", "processor_minor")
    return (annual_fee if year else fee)(payment, processor_minor=processor)


def _bad(number: int, error: PaymentError) -> BadLine:
    return BadLine(number, error.field, str(error.value), error.fix)


def _references(ledger: Ledger) -> dict[str, str]:
    parts = [entry.parts for entry in ledger.entries]
    return {
        reference: member
        for kind, _, member, reference in parts
        if kind == "fee" and reference
    }


def _differs(ledger: Ledger, postings: tuple[Posting, ...]) -> bool:
    stored = [ledger.get(each.key) for each in postings]
    return any(
        entry is None or entry.lines != each.lines
        for entry, each in zip(stored, postings, strict=True)
    )
