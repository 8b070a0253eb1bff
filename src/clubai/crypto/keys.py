"""API keys, random bytes, and secrets made from one secret.

An API key is `cak_<id>_<secret>_<check>` in base 62: 8 characters that name it, 43
characters (256 bits) that prove it, and a checksum of 6 by which a mistyped key is told
from a wrong one, and a leaked one from other text, without asking anybody. The key of a
gateway on a member's own machine is `cgk_<secret>_<check>`: it needs no name.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
import zlib
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from clubai.model import Redacted

ID_LENGTH: Final = 8
SECRET_LENGTH: Final = 43
CHECK_LENGTH: Final = 6
API_KEY_LENGTH: Final = 4 + ID_LENGTH + 1 + SECRET_LENGTH + 1 + CHECK_LENGTH
GATEWAY_KEY_LENGTH: Final = 4 + SECRET_LENGTH + 1 + CHECK_LENGTH

PEPPER_LABEL: Final = b"clubai/1 pepper"
JWT_LABEL: Final = b"clubai/1 jwt"
DERIVED_BYTES: Final = 32

_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SHAPE: Final = re.compile(
    rf"(cak_([0-9A-Za-z]{{{ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}}))"
    rf"_([0-9A-Za-z]{{{CHECK_LENGTH}}})"
)


class ApiKey(Redacted, frozen=True):
    """A new API key, for the only time that it can be shown."""

    text: str
    """All of it: what the member keeps."""
    id: str
    secret: str

    def __repr__(self) -> str:
        return f"<ApiKey {self.id}>"


def new_api_key() -> ApiKey:
    """Draw a new API key."""
    key_id, secret = draw_text(ID_LENGTH), draw_text(SECRET_LENGTH)
    body = f"cak_{key_id}_{secret}"
    return ApiKey(text=f"{body}_{checksum(body)}", id=key_id, secret=secret)


def new_gateway_key() -> str:
    """Draw a new key for a gateway on a member's own machine."""
    body = f"cgk_{draw_text(SECRET_LENGTH)}"
    return f"{body}_{checksum(body)}"


def parse_api_key(text: str) -> tuple[str, str] | None:
    """Split an API key into id and secret; None when it is mistyped or none at all."""
    match = _SHAPE.fullmatch(text)
    if match is None:
        return None
    body, key_id, secret, check = match.groups()
    return (key_id, secret) if check == checksum(body) else None


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


def draw_text(length: int) -> str:
    """Draw `length` characters of base 62; 43 of them are 256 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def checksum(body: str) -> str:
    """The six characters by which a mistyped key or token is told from a wrong one."""
    left, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECK_LENGTH):
        left, digit = divmod(left, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
