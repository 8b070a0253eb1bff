"""One-use tokens: what a member gives a machine, and what a login gives an agent."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

from clubai.crypto.keys import random_bytes

ENROLMENT_PREFIX: Final = "cet_"
TICKET_PREFIX: Final = "cwt_"
ENROLMENT_BYTES: Final = 16
TICKET_BYTES: Final = 32


def new_enrolment_token() -> str:
    """Draw a token of 128 bits: `cet_` and 26 characters of lower-case base32."""
    return ENROLMENT_PREFIX + _text(ENROLMENT_BYTES)


def new_ticket() -> str:
    """Draw a ticket of 256 bits: `cwt_` and 52 characters of lower-case base32."""
    return TICKET_PREFIX + _text(TICKET_BYTES)


def new_enrolment_id() -> str:
    """Draw the public name of an enrolment token: 8 characters."""
    return _text(5)


def token_hash(token: str) -> bytes:
    """Hash a token for keeping. It is random, so that it needs no salt."""
    return hashlib.sha256(token.encode()).digest()


def _text(count: int) -> str:
    return base64.b32encode(random_bytes(count)).decode("ascii").rstrip("=").lower()
