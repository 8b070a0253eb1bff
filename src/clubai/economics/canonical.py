"""The one JSON text of a value: sorted keys, no spaces, UTF-8, whole numbers only."""

from __future__ import annotations

import json
from typing import Any

MOST_DIGITS = 64
"""Of a number in a text that is read."""


def encode(value: object) -> bytes:
    """Write `value`; equal values have equal bytes."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def decode(text: bytes) -> Any:
    """Read what `encode` wrote. Raises `ValueError` for any other bytes."""
    try:
        value = json.loads(
            text.decode(),
            parse_float=_no_number,
            parse_constant=_no_number,
            parse_int=_whole,
        )
        same = encode(value) == text
    except (RecursionError, UnicodeError) as error:
        raise ValueError(str(error)) from error
    if not same:
        msg = "it is not in the one form that such a text has"
        raise ValueError(msg)
    return value


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        return _no_number(text)
    return int(text)


def _no_number(text: str) -> int:
    msg = f"{text[:20]!r} is no whole number of a reasonable size"
    raise ValueError(msg)
