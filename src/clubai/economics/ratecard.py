"""The rate card: how many thousandths of a work unit one token of a model is worth.

It is published, has a version and a hash, and each statement names the hash. A card
that cannot be read is an error and never another card: nothing is closed without one.
"""

from __future__ import annotations

import hashlib
import math
import re
import tomllib
from itertools import pairwise
from typing import Any, Final

from clubai.economics import canonical
from clubai.economics.errors import PeriodError, RateCardError
from clubai.economics.month import Period
from clubai.model import Value

UNKNOWN_MILLI: Final = 250
MOST_MILLI: Final = 10_000_000
MOST_RATES: Final = 10_000

_SIZE: Final = re.compile(
    r"(?<![a-z0-9.])(a?)([0-9]{1,4})(?:\.([0-9]{1,3}))?([bm])(?![a-z0-9])"
)
_FIELDS: Final = ("version", "unknown", "sizes", "rate")
_RATE_FIELDS: Final = ("model", "from", "milli")


class Rate(Value, frozen=True, kw_only=True):
    """What one model is worth from a month on."""

    model: str
    since: str
    milli: int


class RateCard(Value, frozen=True, kw_only=True):
    """What all models are worth."""

    version: int = 1
    unknown: int = UNKNOWN_MILLI
    """For a model that neither `rates` nor its name say anything about."""
    sizes: bool = True
    """Names that tell a size are worth round(1000 x B^0.75); off: they are unknown."""
    rates: tuple[Rate, ...] = ()
    """By model and month, each once, sorted. They go before sizes."""

    def milli(self, model: str, period: Period) -> int:
        """What a token of `model` is worth in a month."""
        month = str(period)
        found = [
            each for each in self.rates if each.model == model and each.since <= month
        ]
        if found:
            return max(found, key=lambda each: each.since).milli
        size = size_of(model) if self.sizes else None
        return self.unknown if size is None else by_size(size)

    @property
    def published(self) -> dict[str, Any]:
        """The card as JSON has it."""
        return {
            "version": self.version,
            "unknown": self.unknown,
            "sizes": self.sizes,
            "rate": [
                {"model": each.model, "from": each.since, "milli": each.milli}
                for each in self.rates
            ],
        }

    @property
    def sha256(self) -> bytes:
        """The hash of its canonical JSON."""
        return hashlib.sha256(canonical.encode(self.published)).digest()


CARD_1: Final = RateCard()
"""The club's own card, version 1: by size alone."""


def by_size(millions: int) -> int:
    """round(1000 x B^0.75) for a model with so many million active parameters."""
    doubled = math.isqrt(math.isqrt(16 * 1000 * millions**3))
    return (doubled + 1) // 2


def size_of(model: str) -> int | None:
    """Active parameters in millions that a name tells (`-8B-`, `:0.6b`, `30B-A3B`).

    Of several sizes the smallest counts, and an active one (`A3B`) before all. None: it
    tells none.
    """
    sizes: dict[str, list[int]] = {"a": [], "": []}
    for active, whole, part, unit in _SIZE.findall(model.lower()):
        thousandths = int(whole) * 1000 + int(part.ljust(3, "0"))
        millions = thousandths if unit == "b" else thousandths // 1000
        if millions > 0:
            sizes[active].append(millions)
    return min(sizes["a"] or sizes[""], default=None)


def read_card(text: str) -> RateCard:
    """Read an operator's card (TOML). Raises `RateCardError`."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RateCardError("file", text[:40], f"write TOML: {error}") from error
    return card_of(raw)


def card_of(raw: object) -> RateCard:
    """Read a card from what TOML or JSON hold. Raises `RateCardError`."""
    if not isinstance(raw, dict):
        raise RateCardError("file", raw, "write a table")
    for field in raw:
        if field not in _FIELDS:
            raise RateCardError(field, raw[field], f"use {', '.join(_FIELDS)} alone")
    if "version" not in raw:
        raise RateCardError("version", None, "give the card a version above 0")
    sizes = raw.get("sizes", True)
    if not isinstance(sizes, bool):
        raise RateCardError("sizes", sizes, "say true or false")
    given = raw.get("rate", [])
    if not isinstance(given, list) or len(given) > MOST_RATES:
        raise RateCardError("rate", "...", f"give at most {MOST_RATES} [[rate]] tables")
    rates = sorted(map(_rate, given), key=lambda each: (each.model, each.since))
    for one, other in pairwise(rates):
        if (one.model, one.since) == (other.model, other.since):
            raise RateCardError("model", one.model, f"say it once for {one.since}")
    return RateCard(
        version=_whole(raw, "version", least=1),
        unknown=_whole({"unknown": UNKNOWN_MILLI} | raw, "unknown", least=0),
        sizes=sizes,
        rates=tuple(rates),
    )


def _rate(raw: object) -> Rate:
    if not isinstance(raw, dict) or sorted(raw) != sorted(_RATE_FIELDS):
        raise RateCardError("rate", raw, f"give it {', '.join(_RATE_FIELDS)}")
    model = raw["model"]
    if not isinstance(model, str) or not 0 < len(model) <= 256:
        raise RateCardError("model", model, "name a model as nodes offer it")
    try:
        since = Period.read(str(raw["from"]))
    except PeriodError as error:
        raise RateCardError("from", raw["from"], error.reason) from error
    return Rate(model=model, since=str(since), milli=_whole(raw, "milli", least=0))


def _whole(raw: dict[str, Any], field: str, *, least: int) -> int:
    value = raw[field]
    if type(value) is not int or not least <= value <= MOST_MILLI:
        fix = f"give a whole number from {least} to {MOST_MILLI}"
        raise RateCardError(field, value, fix)
    return value
