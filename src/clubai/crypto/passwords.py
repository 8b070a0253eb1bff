"""Passwords as argon2id strings. All of it is slow on purpose: call it in a thread."""

from __future__ import annotations

import unicodedata
from typing import Final

from nacl.exceptions import InvalidkeyError
from nacl.pwhash import argon2id

MEMORY_KIB: Final = 19_456
PASSES: Final = 2

_PREFIX: Final = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1$"

UNKNOWN_MEMBER_HASH: Final = f"{_PREFIX}{'A' * 22}${'A' * 43}"
"""What nobody's password is, at the price of a real one: checked for unknown names."""


def hash_password(password: str) -> str:
    """Hash `password` with a new salt into a PHC string."""
    hashed = argon2id.str(_bytes(password), opslimit=PASSES, memlimit=MEMORY_KIB * 1024)
    return hashed.decode("ascii")


def verify_password(phc: str, password: str) -> bool:
    """Tell whether `phc` was made from `password`; False when it is no PHC string."""
    try:
        return argon2id.verify(phc.encode(), _bytes(password))
    except (InvalidkeyError, ValueError):
        return False


def needs_rehash(phc: str) -> bool:
    """Tell whether `phc` was made with other parameters than those of today."""
    return not phc.startswith(_PREFIX)


def _bytes(password: str) -> bytes:
    # One password, however the keyboard composes its letters.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
