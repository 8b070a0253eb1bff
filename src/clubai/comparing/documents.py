"""JSON in answers, by value: keys in any order, 1 is 1.0, text is exact in NFC.

Numbers that are not whole are equal when they are so in double precision. What is
nested or long beyond all use has no value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Final

from clubai.comparing.normal import fenced, folded, said

MAX_DOCUMENT: Final = 262_144
"""Characters of an answer that is read as JSON."""
MAX_DIGITS: Final = 400
"""Digits that a number may have, also when it is multiplied out."""
TRIES: Final = 4
"""How many brackets of one answer may turn out to begin no document."""

_BRACKET: Final = re.compile(r"[{\[]")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def json_value(text: str) -> str | None:
    """The JSON document of an answer, written so that equal ones are equal texts.

    It is the whole answer, else the last fenced block that is one, else what the first
    brackets enclose.
    """
    text = said(text)
    if len(text) > MAX_DOCUMENT:
        return None
    return next(_documents(folded(text, "NFC")), None)


def _documents(text: str) -> Iterator[str]:
    whole = _written(text.strip())
    if whole is not None:
        yield whole
    for block in fenced(text)[: -TRIES - 1 : -1]:
        document = _written(block.strip())
        if document is not None:
            yield document
    for bracket, _ in zip(_BRACKET.finditer(text), range(TRIES), strict=False):
        document = _written(text[bracket.start() :], more=True)
        if document is not None:
            yield document


def _written(text: str, *, more: bool = False) -> str | None:
    """The document that a text is, or with `more` that it begins with."""
    try:
        document, end = _DECODER.raw_decode(text)
        if end < len(text) and not more:
            return None
        return _encoded(document)
    except (ValueError, RecursionError):
        return None


def _encoded(document: object) -> str:
    """Escaped only where half a surrogate pair would make a text that none can send."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True)
    return json.dumps(document, sort_keys=True) if _SURROGATE.search(text) else text


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        msg = "too long a number"
        raise ValueError(msg)
    return int(digits)


def _number(digits: str) -> int | float:
    """A number with a point or an exponent: an integer if its value is one."""
    try:
        number = Decimal(digits)
        size = number.adjusted()
        if size > MAX_DIGITS or len(digits) > MAX_DIGITS:
            msg = "too long a number"
            raise ValueError(msg)
        if number == number.to_integral_value():
            return int(number)
    except InvalidOperation as error:
        raise ValueError(str(error)) from error
    return float(number)


def _refuse(constant: str) -> float:
    raise ValueError(constant)


_DECODER: Final = json.JSONDecoder(
    parse_int=_whole, parse_float=_number, parse_constant=_refuse, strict=False
)
