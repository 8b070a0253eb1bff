"""Access tokens: what a member gets for a password, and shows instead of it.

A token is a JWT under HS256 and nothing else. Who reads one must still ask the store
for the member and the login, and compare the epoch. There is one audience, because one
address takes them all: a token says who somebody is, and nothing of what they may do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

import jwt
import msgspec

from clubai.crypto.keys import random_bytes
from clubai.errors import AuthenticationError, ConfigError
from clubai.model import MemberId, Redacted

SECRET_BYTES: Final = 32
TOKEN_LIFETIME_S: Final = 600.0

_ALGORITHM: Final = "HS256"
_ISSUER: Final = "clubai"
_AUDIENCE: Final = "clubai/api"
_CLAIMS: Final = [
    *("exp", "iat", "aud", "iss", "sub", "jti", "token_epoch", "login"),
]


class Token(Redacted, frozen=True, kw_only=True):
    """A new token."""

    access: str
    """What is sent as the bearer."""
    expires_at: float

    def __repr__(self) -> str:
        return f"<Token until {self.expires_at}>"


class Claims(msgspec.Struct, frozen=True):
    """What a good token says."""

    sub: MemberId
    exp: int
    token_epoch: int
    login: str
    """The family of refresh tokens that it was made with."""


class Tokens:
    """Issues tokens, and reads them. The time is the clock's, never the machine's.

    Args:
        secrets: The first one signs, all of them verify: to replace a secret, put the
            new one in front, and take the old one away ten minutes later.
        clock: Unix seconds.
        lifetime_s: How long a token is good.

    Raises:
        ConfigError: a secret has fewer than 32 bytes, or there is none.
    """

    def __init__(
        self,
        secrets: Sequence[bytes],
        *,
        clock: Callable[[], float],
        lifetime_s: float = TOKEN_LIFETIME_S,
    ) -> None:
        for secret in secrets or (b"",):
            _check_secret(secret)
        self._secrets = {_kid(secret): secret for secret in secrets}
        self._signing = _kid(secrets[0])
        self._clock = clock
        self._lifetime_s = lifetime_s

    def issue(self, member: MemberId, *, token_epoch: int, login: str) -> Token:
        """Make a token for a member who has just proved to be one.

        Args:
            member: Who it is for.
            token_epoch: The member's.
            login: The family of refresh tokens that it goes with.
        """
        now = int(self._clock())
        expires_at = now + int(self._lifetime_s)
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": member,
            "iat": now,
            "exp": expires_at,
            "jti": random_bytes(16).hex(),
            "token_epoch": token_epoch,
            "login": login,
        }
        access = jwt.encode(
            claims,
            self._secrets[self._signing],
            algorithm=_ALGORITHM,
            headers={"kid": self._signing},
        )
        return Token(access=access, expires_at=float(expires_at))

    def read(self, access: str) -> Claims:
        """Check a token and return what it says.

        Raises:
            AuthenticationError: it is not one of ours, or its time is over.
        """
        try:
            payload = jwt.decode(
                access,
                self._secret_of(access),
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                issuer=_ISSUER,
                options={
                    "require": _CLAIMS,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            claims = msgspec.convert(payload, Claims)
        # A header of many brackets is parsed, and overflows, before any signature.
        except (
            jwt.InvalidTokenError,
            msgspec.ValidationError,
            RecursionError,
        ) as error:
            reason = "the token is not valid: log in again"
            raise AuthenticationError(reason) from error
        if self._clock() >= claims.exp:
            raise AuthenticationError("the token has expired: log in again")
        return claims

    def _secret_of(self, access: str) -> bytes:
        kid = jwt.get_unverified_header(access).get("kid")
        secret = self._secrets.get(kid) if isinstance(kid, str) else None
        if secret is None:
            raise jwt.InvalidTokenError
        return secret


def _kid(secret: bytes) -> str:
    return hashlib.sha256(b"clubai/1 kid" + secret).hexdigest()[:16]


def _check_secret(secret: bytes) -> None:
    if len(secret) < SECRET_BYTES:
        raise ConfigError(
            "JWT_SECRET",
            f"({len(secret)} bytes)",
            f"give at least {SECRET_BYTES} bytes (`openssl rand -hex 32` makes some),"
            " or leave it out to have one made from the coordinator's key file",
        )
