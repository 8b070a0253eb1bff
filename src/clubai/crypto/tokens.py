"""Tokens that mean nothing by themselves: refresh tokens, invites.

One is `<prefix>_<id>_<secret>_<check>` in base 62, like an API key. Whoever issues it
keeps the SHA-256 of all of it: the secret has 256 random bits, which need neither a
salt nor a slow hash.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from clubai.crypto.keys import SECRET_LENGTH, checksum, draw_text
from clubai.model import Redacted

_SHAPE: Final = re.compile(
    rf"(([a-z]{{3}})_([0-9A-Za-z]{{8,32}})_[0-9A-Za-z]{{{SECRET_LENGTH}}})"
    r"_([0-9A-Za-z]{6})"
)


class OpaqueToken(Redacted, frozen=True):
    """A token, for the only time that it can be shown."""

    text: str
    id: str
    """What it has in common with its successors."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of the text: what is kept of it."""
        return hashlib.sha256(self.text.encode("ascii")).digest()

    def __repr__(self) -> str:
        return f"<OpaqueToken {self.text[:3]}>"


def new_token(prefix: str, *, id_length: int) -> OpaqueToken:
    """Draw a token with a new id of `id_length` characters, 8 to 32."""
    return _token(prefix, draw_text(id_length))


def next_token(before: OpaqueToken) -> OpaqueToken:
    """Draw a token with the id of `before` and another secret."""
    return _token(before.text[:3], before.id)


def read_token(text: str, prefix: str) -> OpaqueToken | None:
    """Read a token; None when it is mistyped, cut short or of another kind."""
    match = _SHAPE.fullmatch(text)
    if match is None:
        return None
    body, found, id_, check = match.groups()
    if found != prefix or check != checksum(body):
        return None
    return OpaqueToken(text, id_)


def _token(prefix: str, id_: str) -> OpaqueToken:
    body = f"{prefix}_{id_}_{draw_text(SECRET_LENGTH)}"
    return OpaqueToken(f"{body}_{checksum(body)}", id_)
