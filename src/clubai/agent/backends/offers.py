"""Reads what servers say about their models, which is never quite what they should."""

from __future__ import annotations

import re
from typing import Any, Final

from clubai.model import Kind
from clubai.protocol.openai import MAX_MODEL_LENGTH

CHAT_KINDS: Final[tuple[Kind, ...]] = ("chat", "completion")
EMBEDDING_KINDS: Final[tuple[Kind, ...]] = ("embedding",)
MOST_COUNT: Final = (1 << 31) - 1
COLD_CONTEXT: Final = 4096
"""What servers that load on demand give a model unless they are told otherwise."""

_EMBEDDING_NAME = re.compile(r"embed|minilm|\b(?:bge|gte|e5)\b", re.IGNORECASE)


def rows(document: dict[str, Any], field: str, key: str) -> list[dict[str, Any]]:
    """The objects in the list `field` that name themselves in `key`, in order, once.

    A name that no request could carry is left out.
    """
    found = document.get(field)
    named: dict[str, dict[str, Any]] = {}
    for row in found if isinstance(found, list) else ():
        name = row.get(key) if isinstance(row, dict) else None
        if isinstance(name, str) and 0 < len(name) <= MAX_MODEL_LENGTH:
            named.setdefault(name, row)
    return list(named.values())


def section(row: dict[str, Any], field: str) -> dict[str, Any]:
    """The object in `field`; empty when there is none."""
    value = row.get(field)
    return value if isinstance(value, dict) else {}


def count(row: dict[str, Any], *fields: str) -> int:
    """The first of the fields that is a positive whole number; 0 if none is."""
    for field in fields:
        value = row.get(field)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return min(value, MOST_COUNT)
    return 0


def text(row: dict[str, Any], field: str) -> str:
    """The text in `field`; empty when there is none."""
    value = row.get(field)
    return value if isinstance(value, str) else ""


def least(*numbers: int) -> int:
    """The smallest of the numbers that are known (above 0); 0 if none is."""
    return min((number for number in numbers if number > 0), default=0)


def kinds_by_name(name: str) -> tuple[Kind, ...]:
    """What a model can be asked, for servers that tell only its name."""
    return EMBEDDING_KINDS if _EMBEDDING_NAME.search(name) else CHAT_KINDS
