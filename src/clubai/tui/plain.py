"""Text that is safe to print. Names and answers come from other people's machines.

Control characters could move the cursor, change the title or write to the clipboard
of whoever reads them, and direction overrides could make one name look like another.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Final

import msgspec

MAX_NAME: Final = 64
_NOT_IN_NAMES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_NOT_IN_TEXT: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def name(text: str, limit: int = MAX_NAME) -> str:
    """One line: what cannot be seen becomes `?`, what is too long ends in `…`."""
    seen = "".join(
        "?" if unicodedata.category(c) in _NOT_IN_NAMES else c
        for c in text[: limit * 2]
    )
    return seen if len(seen) <= limit else seen[: limit - 1] + "…"


def text(answer: str) -> str:
    """A text of several lines, without anything a terminal would obey."""
    return _NOT_IN_TEXT.sub("", answer.replace("\r\n", "\n"))


def to_json(value: object) -> str:
    """One line of JSON; what a terminal would obey stays escaped."""
    line = json.dumps(msgspec.to_builtins(value), ensure_ascii=False)
    return _NOT_IN_TEXT.sub(lambda match: f"\\u{ord(match[0]):04x}", line)
