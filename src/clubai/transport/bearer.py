"""The key or token with which an HTTP request speaks for somebody."""

from __future__ import annotations

from clubai.errors import AuthenticationError


def bearer_token(authorization: str | None) -> str:
    """Read the token out of an `Authorization: Bearer` header.

    Raises:
        AuthenticationError: there is none.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise AuthenticationError(
            "no API key was given: send the header 'Authorization: Bearer KEY'"
        )
    return token.strip()
