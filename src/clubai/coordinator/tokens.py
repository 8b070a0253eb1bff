"""Tokens: what a member gets for a password, and shows instead of it for a while.

A token is a JWT under HS256 and nothing else. Who reads one must still ask the store
for the member, and compare the epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import jwt
import msgspec

from clubai.crypto.keys import random_bytes
from clubai.errors import AuthenticationError, ConfigError
from clubai.model import MemberId

SECRET_BYTES: Final = 32
TOKEN_LIFETIME_S: Final = 12 * 3600.0
"""As long as a working day, because there is nothing yet to refresh a token with."""

_ALGORITHM: Final = "HS256"
_ISSUER: Final = "clubai"
_AUDIENCE: Final = "clubai/api"
_CLAIMS: Final = ["exp", "iat", "aud", "iss", "sub", "jti", "token_epoch"]


class Token(msgspec.Struct, frozen=True, kw_only=True):
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


class Tokens:
    """Issues tokens, and reads them. The time is the clock's, never the machine's.

    Raises:
        ConfigError: the secret has fewer than 32 bytes.
    """

    def __init__(
        self,
        secret: bytes,
        *,
        clock: Callable[[], float],
        lifetime_s: float = TOKEN_LIFETIME_S,
    ) -> None:
        _check_secret(secret)
        self._secret = secret
        self._clock = clock
        self._lifetime_s = lifetime_s

    def issue(self, member: MemberId, *, token_epoch: int) -> Token:
        """Make a token for a member who has just proved to be one."""
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
        }
        access = jwt.encode(claims, self._secret, algorithm=_ALGORITHM)
        return Token(access=access, expires_at=float(expires_at))

    def read(self, access: str) -> Claims:
        """Check a token and return what it says.

        Raises:
            AuthenticationError: it is not one of ours, or its time is over.
        """
        try:
            payload = jwt.decode(
                access,
                self._secret,
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


def _check_secret(secret: bytes) -> None:
    if len(secret) < SECRET_BYTES:
        raise ConfigError(
            "JWT_SECRET",
            f"({len(secret)} bytes)",
            f"give at least {SECRET_BYTES} bytes (`openssl rand -hex 32` makes some),"
            " or leave it out to have one made from the coordinator's key file",
        )
