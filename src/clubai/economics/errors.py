"""Every error that the money raises on purpose, as one tree with fields.

```
MoneyError
├── RateCardError     the rate card cannot be used: nothing is closed with another
├── PeriodError       a text is no month, or the month cannot be closed now
├── LedgerError       an entry cannot be posted, or the stored ledger does not hold
│   ├── KeyTaken          another entry has the key
│   └── Overdrawn         an account that may not would go below zero
├── PaymentError      an amount, a currency or a reference cannot be used
├── ImportRefused     lines of a CSV file are bad: all of them, and nothing is imported
└── StatementError    a statement's file cannot be read, or does not hold
```
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from clubai.errors import ClubAIError


class MoneyError(ClubAIError):
    """The root of the tree."""


class RateCardError(MoneyError):
    """The rate card cannot be used as it is."""

    def __init__(self, field: str, value: object, fix: str) -> None:
        super().__init__(f"the rate card's {field} = {value!r} cannot be used: {fix}")
        self.field = field
        self.value = value
        self.fix = fix


class PeriodError(MoneyError):
    """`period` is no month, or not one for which this can be done."""

    def __init__(self, period: str, reason: str) -> None:
        super().__init__(f"the month {period[:40]!r}: {reason}")
        self.period = period
        self.reason = reason


class LedgerError(MoneyError):
    """The entry with `key` does not hold."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"the ledger entry {key[:120]!r}: {reason}")
        self.key = key
        self.reason = reason


class KeyTaken(LedgerError):
    """Another entry has this key: what was booked is corrected by a further entry."""

    def __init__(self, key: str) -> None:
        super().__init__(key, "another entry has this key")


class Overdrawn(LedgerError):
    """`account` would be at `balance` minor units, and may not be below zero."""

    def __init__(self, key: str, account: str, currency: str, balance: int) -> None:
        super().__init__(key, f"{account} would be at {balance} {currency} (minor)")
        self.account = account
        self.currency = currency
        self.balance = balance


class PaymentError(MoneyError):
    """A payment cannot be booked as it was given."""

    def __init__(self, field: str, value: object, fix: str) -> None:
        super().__init__(f"{field} = {value!r} cannot be used: {fix}")
        self.field = field
        self.value = value
        self.fix = fix


class BadLine(msgspec.Struct, frozen=True):
    """What is wrong with one line of a file."""

    line: int
    """From 1, the header counted."""
    field: str
    value: str
    fix: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.field} = {self.value!r}: {self.fix}"


class ImportRefused(MoneyError):
    """A file has bad lines: these, and nothing of it was imported."""

    def __init__(self, lines: Sequence[BadLine]) -> None:
        super().__init__("\n".join(map(str, lines)))
        self.lines = tuple(lines)


class StatementError(MoneyError):
    """`what` of a statement's file does not hold."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}")
        self.what = what
        self.reason = reason
