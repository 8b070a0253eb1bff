"""API keys, random bytes, and secrets made from one secret.

An API key is `cak_<id>_<secret>_<check>` in base 62: 8 characters that name it, 43
characters (256 bits) that prove it, and a checksum of 6 by which a mistyped key is told
from a wrong one, and a leaked one from other text, without asking anybody.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from typing import Final

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

ID_LENGTH: Final = 8
SECRET_LENGTH: Final = 43
CHECK_LENGTH: Final = 6
API_KEY_LENGTH: Final = 4 + ID_LENGTH + 1 + SECRET_LENGTH + 1 + CHECK_LENGTH

PEPPER_LABEL: Final = b"clubai/1 pepper"
JWT_LABEL: Final = b"clubai/1 jwt"
DERIVED_BYTES: Final = 32

_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SHAPE: Final = re.compile(
    rf"(cak_([0-9A-Za-z]{{{ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}}))"
    rf"_([0-9A-Za-z]{{{CHECK_LENGTH}}})"
)


class ApiKey(msgspec.Struct, frozen=True):
    """A new API key, for the only time that it can be shown."""

    text: str
    """All of it: what the member keeps."""
    id: str
    secret: str

    def __repr__(self) -> str:
        return f"<ApiKey {self.id}>"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("id", self.id)]


def new_api_key() -> ApiKey:
    """Draw a new API key."""
    key_id, secret = _draw(ID_LENGTH), _draw(SECRET_LENGTH)
    body = f"cak_{key_id}_{secret}"
    return ApiKey(text=f"{body}_{_check(body)}", id=key_id, secret=secret)


def parse_api_key(text: str) -> tuple[str, str] | None:
    """Split an API key into id and secret; None when it is mistyped or none at all."""
    match = _SHAPE.fullmatch(text)
    if match is None:
        return None
    body, key_id, secret, check = match.groups()
    return (key_id, secret) if check == _check(body) else None


def hash_secret(pepper: bytes, secret: str) -> bytes:
    """Hash the secret of an API key for the store, under the coordinator's pepper."""
    return hmac.digest(pepper, secret.encode(), hashlib.sha256)


def random_bytes(count: int) -> bytes:
    """Draw bytes that nobody can guess."""
    return secrets.token_bytes(count)


def derive(secret: bytes, label: bytes) -> bytes:
    """Make the 32 bytes of `secret` that are for `label`, by HKDF-SHA256.

    Of two labels neither tells anything about the other. `secret` is random already,
    32 bytes or more: it is expanded, not extracted from.
    """
    return HKDFExpand(SHA256(), length=DERIVED_BYTES, info=label).derive(secret)


def _draw(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _check(body: str) -> str:
    left, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECK_LENGTH):
        left, digit = divmod(left, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
