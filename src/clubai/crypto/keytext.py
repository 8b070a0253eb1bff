"""Public keys as people see, compare and type them: 52 characters of base32."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from typing import Final

from clubai.errors import ConfigError

KEY_TEXT_LENGTH: Final = 52
_KEY_BYTES: Final = 32


def key_text(key: bytes) -> str:
    """Show 32 bytes as 52 characters of lower-case base32."""
    return base64.b32encode(key).decode("ascii").rstrip("=").lower()


@lru_cache(maxsize=64)
def read_key(text: str, field: str) -> bytes:
    """Read what `key_text` shows, whatever its case.

    Raises:
        ConfigError: it is no such text; the error names `field`.
    """
    padded = text.strip().upper() + "=" * (-len(text.strip()) % 8)
    try:
        key = base64.b32decode(padded)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES or key_text(key) != text.strip().lower():
        fix = f"give all {KEY_TEXT_LENGTH} characters, a to z and 2 to 7"
        raise ConfigError(field, text[:80], fix)
    return key
