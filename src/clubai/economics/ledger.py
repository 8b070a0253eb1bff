"""The ledger: double entry, append-only, hash-chained, and its balances as a fold.

Signs: what the club has (`psp_clearing`, the money at its payment provider) and what it
spent (`processor_fees`) grow by positive amounts. What it owes or has earned
(`member:ID`, `pool`, `reserve`, `operator`, `fee_income`, `escrow`) grows by negative
ones, so the lines of an entry add up to 0. `Ledger.balance` turns the second kind
round: there, more is more.

Nothing is changed or removed. A mistake is made good by an entry that names the first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from clubai.economics import canonical
from clubai.economics.errors import KeyTaken, LedgerError, Overdrawn
from clubai.economics.month import DAY_MS, DISPUTE_DAYS, read_stamp
from clubai.model import MemberId, Value

CLEARING: Final = "psp_clearing"
PROCESSOR: Final = "processor_fees"
INCOME: Final = "fee_income"
OPERATOR: Final = "operator"
"""It may be below zero, and income too; no other that the club owes."""
RESERVE: Final = "reserve"
POOL: Final = "pool"
"""What closes carried on to the next month."""
ESCROW: Final = "escrow"
MEMBER: Final = "member:"

GENESIS: Final = bytes(32)
"""The hash before the first entry."""
MOST_MINOR: Final = 2**63 - 1
MOST_KEY: Final = 200

_LABEL: Final = b"clubai/1 ledger\0"
_PLAIN: Final = (CLEARING, PROCESSOR, INCOME, OPERATOR, RESERVE, POOL, ESCROW)
_NEVER_BELOW: Final = (RESERVE, POOL, ESCROW)


class Line(NamedTuple):
    """One account's part of an entry, in minor units (cents)."""

    account: str
    currency: str
    minor: int


class Posting(Value, frozen=True, kw_only=True):
    """What shall be posted; the ledger gives it its number."""

    key: str
    """Unique: `KIND:MONTH`, `KIND:MONTH:MEMBER` or `KIND:MONTH:MEMBER:REFERENCE`."""
    lines: tuple[Line, ...]


class Entry(Value, frozen=True, kw_only=True):
    """One row of the ledger."""

    seq: int
    ts: str
    """As `month.stamp` writes it."""
    key: str
    lines: tuple[Line, ...]

    @property
    def body(self) -> bytes:
        """Its canonical JSON."""
        return canonical.encode(
            {"seq": self.seq, "ts": self.ts, "key": self.key, "lines": self.lines}
        )

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """Kind, month, member and reference, as its key has them, or empty."""
        kind, month, member, reference, *_ = (*self.key.split(":", 3), "", "", "")
        return kind, month, member, reference


class Link(NamedTuple):
    """An entry, and the hash of the chain up to it."""

    entry: Entry
    hash: bytes


def chain(before: bytes, body: bytes) -> bytes:
    """The hash of the chain after an entry with canonical JSON `body`."""
    return hashlib.sha256(_LABEL + before + body).digest()


def member_account(member: MemberId) -> str:
    """The account of what the club owes a member."""
    return MEMBER + member


def read_entry(body: bytes) -> Entry:
    """Read an entry from its canonical JSON. Raises `ValueError`."""
    raw: Any = canonical.decode(body)
    try:
        entry = msgspec.convert(raw, Entry)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    if entry.body != body:
        msg = "it has fields that no entry has"
        raise ValueError(msg)
    return entry


class Ledger:
    """The entries so far, and what follows from them."""

    def __init__(self) -> None:
        self._links: list[Link] = []
        self._keys: dict[str, int] = {}
        self._sums: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        return len(self._links)

    @property
    def head(self) -> bytes:
        """The hash of the chain up to now."""
        return self._links[-1].hash if self._links else GENESIS

    @property
    def links(self) -> Sequence[Link]:
        """All entries with their hashes, oldest first; not to be changed."""
        return self._links

    @property
    def entries(self) -> list[Entry]:
        """All entries, oldest first."""
        return [link.entry for link in self._links]

    def get(self, key: str) -> Entry | None:
        """The entry with this key."""
        found = self._keys.get(key)
        return None if found is None else self._links[found].entry

    def fork(self) -> Ledger:
        """A copy that can go on by itself: to see whether all of several can be."""
        copy = Ledger()
        copy._links = list(self._links)
        copy._keys = dict(self._keys)
        copy._sums = dict(self._sums)
        return copy

    def post(self, posting: Posting, *, ts: str) -> Entry:
        """Add an entry; one that was posted under its key is returned as it is stored.

        Raises:
            KeyTaken: another entry has its key.
            Overdrawn: an account that may not would be below zero.
            LedgerError: it is no entry at all.
        """
        stored = self.get(posting.key)
        if stored is not None:
            if stored.lines != posting.lines:
                raise KeyTaken(posting.key)
            return stored
        entry = Entry(seq=len(self), ts=ts, key=posting.key, lines=posting.lines)
        _check(entry)
        sums = self._after(entry)
        self._sums.update(sums)
        self._keys[entry.key] = entry.seq
        self._links.append(Link(entry, chain(self.head, entry.body)))
        return entry

    def load(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Replay stored rows: canonical JSON and hash of each, in order.

        Raises:
            LedgerError: they are not what was once posted.
        """
        for body, expected in rows:
            try:
                entry = read_entry(body)
            except ValueError as error:
                raise LedgerError(f"number {len(self)}", str(error)) from error
            if entry.seq != len(self):
                raise LedgerError(entry.key, f"it has the number {entry.seq}")
            if entry.key in self._keys:
                raise KeyTaken(entry.key)
            self.post(Posting(key=entry.key, lines=entry.lines), ts=entry.ts)
            if self.head != expected:
                raise LedgerError(entry.key, "its hash is not that of the chain")

    def balance(self, account: str, currency: str) -> int:
        """What is on an account, in minor units: more is more, whatever its kind."""
        total = self._sums.get((account, currency), 0)
        return total if account in (CLEARING, PROCESSOR) else -total

    def balances(self) -> dict[tuple[str, str], int]:
        """The balance of each account and currency, sorted, without zeros."""
        return {
            each: self.balance(*each)
            for each in sorted(self._sums)
            if self._sums[each] != 0
        }

    def spendable(self, member: MemberId, currency: str, *, at_ms: int) -> int:
        """What a member may use: closes of the last 14 days do not count yet."""
        account = member_account(member)
        young = 0
        for entry, _ in reversed(self._links):
            if read_stamp(entry.ts) + DISPUTE_DAYS * DAY_MS <= at_ms:
                break
            if entry.parts[0] == "close":
                young -= sum(
                    line.minor
                    for line in entry.lines
                    if line.account == account and line.currency == currency
                )
        return max(0, self.balance(account, currency) - max(0, young))

    def _after(self, entry: Entry) -> dict[tuple[str, str], int]:
        sums: dict[tuple[str, str], int] = {}
        for line in entry.lines:
            place = (line.account, line.currency)
            sums[place] = sums.get(place, self._sums.get(place, 0)) + line.minor
        for (account, currency), total in sums.items():
            if abs(total) > MOST_MINOR:
                raise LedgerError(entry.key, f"{account} would hold too much")
            if total > 0 and _never_below(account):
                raise Overdrawn(entry.key, account, currency, -total)
        return sums


def _check(entry: Entry) -> None:
    if not 0 < len(entry.key) <= MOST_KEY or not entry.key.isprintable():
        raise LedgerError(entry.key, f"a key has 1 to {MOST_KEY} printable characters")
    try:
        read_stamp(entry.ts)
    except ValueError as error:
        raise LedgerError(entry.key, str(error)) from error
    sums: dict[str, int] = {}
    for line in entry.lines:
        if not _is_account(line.account):
            raise LedgerError(entry.key, f"there is no account {line.account[:80]!r}")
        if not is_currency(line.currency):
            raise LedgerError(entry.key, f"{line.currency[:20]!r} is no currency")
        if abs(line.minor) > MOST_MINOR:
            raise LedgerError(entry.key, "an amount has more than 63 bits")
        sums[line.currency] = sums.get(line.currency, 0) + line.minor
    if any(sums.values()):
        raise LedgerError(entry.key, f"its lines do not add up to 0: {sums}")


def is_currency(text: str) -> bool:
    """Tell whether it has the form of a currency: three capital letters."""
    return len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()


def is_member(member: str) -> bool:
    """Tell whether a text can be a member's id in a key: not empty, and no colon."""
    return 0 < len(member) <= 64 and ":" not in member and member.isprintable()


def _is_account(account: str) -> bool:
    if account.startswith(MEMBER):
        return is_member(account.removeprefix(MEMBER))
    return account in _PLAIN


def _never_below(account: str) -> bool:
    return account in _NEVER_BELOW or account.startswith(MEMBER)
