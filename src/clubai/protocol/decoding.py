"""Decoding bytes from somebody else: what it may raise, and what it may cost.

A JSON text of a few megabytes can become a hundred times as many bytes of objects, and
one that can just be read can be too deep to be written again. Both are looked at here.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Of msgspec's decoders, JSON and msgpack. Text that is not UTF-8 and nesting that is
too deep are told by exceptions of Python's own."""
MAX_DEPTH: Final = 100
"""Of the JSON that a request holds: deeper than any tool's schema."""

_BYTES_OF: Final = ((b"{", 256), (b"[", 96), (b",", 32), (b'"', 28))
"""What a dict, a list, a number in it and half a text take in memory."""
_CONTAINERS: Final = frozenset({dict, list})


def decoded_bytes(data: bytes) -> int:
    """Bytes of memory that a JSON text takes once it is decoded: an upper estimate."""
    text = len(data) * (1 if data.isascii() else 4)
    return text + sum(size * data.count(mark) for mark, size in _BYTES_OF)


def is_too_deep(data: bytes, value: Any) -> bool:
    """Whether `value`, decoded from `data`, is nested more than `MAX_DEPTH` deep."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return False
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for outer in level
            for child in (outer.values() if type(outer) is dict else outer)
            if type(child) in _CONTAINERS
        ]
        if not level:
            return False
    return True
