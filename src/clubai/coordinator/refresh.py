"""Refresh tokens: what a login goes on with when its access token is over.

Each is good once, and is exchanged for the next one of its family. One that comes a
second time was stolen, before or after: the family ends, for whoever has it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

import msgspec

from clubai.coordinator.audit import AuditLog
from clubai.crypto.tokens import OpaqueToken, new_token, next_token, read_token
from clubai.errors import AuthenticationError
from clubai.model import MemberId
from clubai.storage.access import AccessStore, RefreshRow

PREFIX: Final = "crt"
REFRESH_LIFETIME_S: Final = 30 * 86_400.0
"""From the last exchange on."""
FAMILIES_PER_MEMBER: Final = 20
"""Logins at the same time; the oldest one ends when there are more."""
_ID_LENGTH: Final = 22

_OVER: Final = "the login has ended: log in again"


class Refresh(msgspec.Struct, frozen=True, kw_only=True):
    """A refresh token that is good now."""

    token: OpaqueToken
    member: MemberId
    expires_at: float

    @property
    def family(self) -> str:
        """Id of its family."""
        return family_of(self.token)


class RefreshTokens:
    """The refresh tokens of one coordinator's members."""

    def __init__(
        self, store: AccessStore, *, clock: Callable[[], float], audit: AuditLog
    ) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit

    async def begin(self, member: MemberId) -> Refresh:
        """Make the first token of a new family, for a member who logged in."""
        now = self._clock()
        token = new_token(PREFIX, id_length=_ID_LENGTH)
        row = RefreshRow(
            id=family_of(token),
            member=member,
            digest=token.digest,
            created_at=now,
            expires_at=now + REFRESH_LIFETIME_S,
        )
        await self._store.add_refresh(row, keep=FAMILIES_PER_MEMBER)
        return Refresh(token=token, member=member, expires_at=row.expires_at)

    async def exchange(self, text: str) -> Refresh:
        """Exchange a token for the next one of its family.

        Raises:
            TokenReused: it was exchanged before; its family has ended now.
            AuthenticationError: it is not good.
        """
        token = _read(text)
        row = await self._store.refresh_family(family_of(token))
        if row is None:
            raise AuthenticationError(_OVER)
        now, successor = self._clock(), next_token(token)
        outcome = await self._store.rotate_refresh(
            row.id,
            digest=token.digest,
            successor=successor.digest,
            at=now,
            expires_at=now + REFRESH_LIFETIME_S,
        )
        if outcome == "reused":
            await self._audit.write(
                "refresh.reused", actor=row.member, object=row.id[:12]
            )
            raise TokenReused(row.id)
        if outcome == "over":
            raise AuthenticationError(_OVER)
        return Refresh(
            token=successor, member=row.member, expires_at=now + REFRESH_LIFETIME_S
        )

    async def end(self, text: str) -> str:
        """End the family of a token, a used one too; gives the family's id.

        Raises:
            AuthenticationError: there is no such family.
        """
        row = await self._store.refresh_family(family_of(_read(text)))
        if row is None:
            raise AuthenticationError(_OVER)
        await self._store.end_refresh(row.id, at=self._clock())
        return row.id

    async def end_all(self, member: MemberId) -> None:
        """End every family of a member."""
        await self._store.end_refresh_of(member, at=self._clock())

    async def is_live(self, family: str) -> bool:
        """Tell whether the login that this family stands for goes on."""
        row = await self._store.refresh_family(family)
        return row is not None and row.ended_at is None


class TokenReused(AuthenticationError):
    """A refresh token came a second time; `family` has ended."""

    def __init__(self, family: str) -> None:
        super().__init__(
            "the refresh token was used before, so the login has ended: log in again"
        )
        self.family = family


def family_of(token: OpaqueToken) -> str:
    """The id of a token's family. It is a hash: whoever reads it cannot end it."""
    return hashlib.sha256(token.id.encode("ascii")).hexdigest()


def _read(text: str) -> OpaqueToken:
    token = read_token(text, PREFIX)
    if token is None:
        raise AuthenticationError("this is no refresh token, or it is cut short")
    return token
