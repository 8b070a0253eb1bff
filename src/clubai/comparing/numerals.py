r"""Numbers in answers, by value: `1,234.50`, `1e3`, `42.`, `50 %`, `\frac{1}{2}`.

A comma before three digits groups thousands, another one is a decimal mark; where both
marks are there, the last is the decimal one. Units are not looked at. A number of more
than `MAX_DIGITS` digits, as it is written or when it is multiplied out, has no value.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from typing import Final

from clubai.comparing.counting import SCALES, last_number
from clubai.comparing.marks import last_match, stated
from clubai.comparing.normal import ends, folded, said

MAX_DIGITS: Final = 400
NOISE: Final = Fraction(1, 10**9)
"""By how much of the larger one any two numbers may differ."""
ROUNDING: Final = Fraction(1, 10**3)
"""By how much two numbers may that are both not whole, where no tolerance is set."""

_HIGH: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_POWER: Final = re.compile(r"(?<=\d)[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]{1,6}")
_VULGAR: Final = re.compile(r"[¼-¾⅐-⅞]")
_FRAC: Final = re.compile(r"\\[dt]?frac\{(\d{1,400})\}\{(\d{1,400})\}")
_GROUPING: Final = re.compile(
    r"(?<=\d)(?:[\u00a0\u2009\u202f'’_٬]|\{,\}|\\,)(?=\d{3}(?!\d))"  # noqa: RUF001
)
_TIMES: Final = re.compile(r"\\(?:times|cdot)(?![a-z])")
_FORM: Final = re.compile(r"[\\$](?=[-\d.%])|\*\*|__")
_ASCII: Final = str.maketrans("−⁄∕٫×·", "-//.**")  # noqa: RUF001
_OTHER_DIGIT: Final = re.compile(r"[^\D0-9]")
_NUMBER: Final = re.compile(
    r"(?<!\w)(?<!\d[.,/])(?<!\de[-+])(?P<sign>(?<![\w)\]])[-+])?"
    r"(?:(?P<whole>\d{1,6}) (?=\d{1,6}/\d))?"
    r"(?P<digits>(?!0,)\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3})+,\d+"
    r"|\d{1,3}(?:\.\d{3}){2,}|\d+(?:[.,]\d+)?|\.\d+)(?![.,]?\d)"
    r"(?!e[-+]?\d{7})"
    r"(?:e(?P<e>[-+]?\d{1,6})(?!\w)| ?[*x] ?10\^\{?(?P<ten>[-+]?\d{1,6})\}?"
    r"|\^\{?(?P<power>[-+]?\d{1,6})\}?)?"
    r"(?: ?/ ?(?P<over>\d+)(?![.,/]?\d))?"
    rf"(?:[ -](?P<scale>{'|'.join(SCALES)})\b)?"
    r"(?P<percent> ?(?:%|per ?cent\b))?",
    re.IGNORECASE | re.ASCII,
)
_GROUPED: Final = re.compile(r"\d{1,3}(?:,\d{3})+", re.ASCII)


class _TooLong(Exception):  # it is caught here and seen nowhere
    """A number that is not multiplied out."""


def number_value(text: str, *, percent: bool = False) -> str | None:
    """The number that an answer gives, written so that equal ones are equal texts.

    It is the one in the last box, else the one after the last "the answer is", else the
    last of all; an answer without digits may say it in English words. A percent sign
    divides by a hundred, or, with `percent`, is a unit that was asked for.
    """
    text = ends(said(text))
    try:
        for place in stated(text):
            numbers = _NUMBER.finditer(_plain(place).rpartition("=")[2])
            first = next(numbers, None)
            if first is not None:
                return shown(_value(first, percent))
        last = last_match(_NUMBER, _plain(text))
        if last is not None:
            return shown(_value(last, percent))
    except _TooLong:
        return None
    words = last_number(text)
    return None if words is None else str(words)


def numbers_alike(a: str, b: str, tolerance: float | None) -> bool:
    """Whether two values of `number_value` are the same number.

    `tolerance` is what they may differ by, as a share of the larger one. With None they
    must be equal if one of them is whole, and else to one part in a thousand.
    """
    one, other = Fraction(a), Fraction(b)
    if tolerance is not None:
        share = max(NOISE, Fraction(tolerance))
    elif one.denominator == 1 or other.denominator == 1:
        share = NOISE
    else:
        share = ROUNDING
    return abs(one - other) <= share * max(abs(one), abs(other))


def shown(number: Fraction) -> str:
    """A number as an exact decimal if it has one, else as a fraction."""
    rest, places = number.denominator, 0
    for prime in (2, 5):
        power = 0
        while rest % prime == 0:
            rest //= prime
            power += 1
        places = max(places, power)
    if rest != 1:
        return str(number)
    digits = str(abs(number.numerator) * 10**places // number.denominator)
    sign = "-" if number < 0 else ""
    if not places:
        return sign + digits
    digits = digits.rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def _plain(text: str) -> str:
    """The text with its numbers in ASCII, and without the form they are set in."""
    text = _POWER.sub(lambda high: "^" + high[0].translate(_HIGH), text)
    text = _VULGAR.sub(lambda vulgar: " " + vulgar[0], text)
    text = _FRAC.sub(r" \1/\2", text)
    text = _TIMES.sub("*", _GROUPING.sub("", text))
    text = _FORM.sub(" ", text.replace("-$", "$-"))
    text = folded(text, "NFKC").translate(_ASCII)
    return _OTHER_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), text)


def _value(found: re.Match[str], percent: bool) -> Fraction:
    digits, over = found["digits"], found["over"] or "1"
    if max(len(digits), len(over)) > MAX_DIGITS or int(over) == 0:
        raise _TooLong
    value = _raised(Fraction(_decimal(digits)), found) / int(over)
    if found["whole"] and found["over"]:
        value += int(found["whole"])
    if found["scale"]:
        value *= SCALES[found["scale"].lower()]
    if found["percent"] and not percent:
        value /= 100
    return -value if found["sign"] == "-" else value


def _raised(value: Fraction, found: re.Match[str]) -> Fraction:
    if found["power"]:
        base, power = value, int(found["power"])
    else:
        base, power = Fraction(10), int(found["e"] or found["ten"] or 0)
    length = len(str(max(base.numerator, base.denominator)))
    if abs(power) * length > MAX_DIGITS or (base == 0 and power < 0):
        raise _TooLong
    return base**power if found["power"] else value * base**power


def _decimal(digits: str) -> str:
    """The digits of a number without what groups them, with a point for decimals."""
    if "," in digits and "." in digits:
        grouping = "," if digits.rfind(",") < digits.rfind(".") else "."
        return digits.replace(grouping, "").replace(",", ".")
    if "," in digits:
        grouped = _GROUPED.fullmatch(digits) and not digits.startswith("0")
        return digits.replace(",", "" if grouped else ".")
    return digits.replace(".", "") if digits.count(".") > 1 else digits
