"""API keys: made, listed, revoked, and told whether they are good."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final

import anyio
import msgspec

from clubai.coordinator.audit import AuditLog
from clubai.coordinator.grants import (
    Grants,
    KeyWish,
    Member,
    granted,
    require_in_person,
    require_role,
)
from clubai.crypto.keys import ApiKey, hash_secret, new_api_key, parse_api_key
from clubai.errors import AuthenticationError, ConfigError, PermissionDenied
from clubai.model import MemberId
from clubai.storage.base import SCOPES, ApiKeyRow, Scope, Store

API_KEYS_PER_MEMBER: Final = 20

_NO_KEY: Final = "the API key is not valid: make a new one"
_UNKNOWN_HASH: Final = bytes(32)


class ApiKeySummary(msgspec.Struct, frozen=True, kw_only=True):
    """What can be shown of an API key at any time."""

    id: str
    label: str
    created_at: float
    revoked_at: float | None
    scopes: tuple[Scope, ...] = SCOPES
    models: tuple[str, ...] = ()
    monthly_tokens: int | None = None
    expires_at: float | None = None
    login: bool = False


class ApiKeys:
    """The API keys of one coordinator's members."""

    def __init__(
        self,
        store: Store,
        *,
        pepper: bytes,
        clock: Callable[[], float],
        audit: AuditLog,
    ) -> None:
        self._store = store
        self._pepper = pepper
        self._clock = clock
        self._audit = audit
        # The count and the row that it allows belong together. Nobody else writes.
        self._adding = anyio.Lock()

    async def create(
        self, member: MemberId, label: str, *, wish: KeyWish, maker: Grants
    ) -> ApiKey:
        """Make an API key for `member`. Nobody can show it again.

        Raises:
            ConfigError: the label or the wish cannot be used.
            PermissionDenied: the maker may not, or the member has as many as one may.
        """
        _check_label(label)
        now = self._clock()
        wish = granted(wish, maker, now=now)
        key = new_api_key()
        row = ApiKeyRow(
            id=key.id,
            member=member,
            secret_hash=hash_secret(self._pepper, key.secret),
            label=label,
            created_at=now,
            scopes=wish.scopes or SCOPES,
            models=wish.models or (),
            monthly_tokens=wish.monthly_tokens,
            expires_at=wish.expires_at,
            login=wish.login,
        )
        async with self._adding:
            rows = await self._store.api_keys_of(member)
            if sum(_is_good(each, now) for each in rows) >= API_KEYS_PER_MEMBER:
                raise PermissionDenied(
                    "making another API key",
                    f"you have {API_KEYS_PER_MEMBER}: revoke one first",
                )
            await self._store.add_api_key(row)
        kind = "for a login" if row.login else " ".join(row.scopes)
        await self._audit.write("key.made", actor=member, object=key.id, detail=kind)
        return key

    async def may_list(self, asker: Member, member: MemberId) -> None:
        """Tell whether somebody may see a member's keys: their own, or as an operator.

        Raises:
            PermissionDenied: they may not.
            ConfigError: there is no such member.
        """
        require_in_person(asker, "listing API keys")
        if member == asker.id:
            return
        require_role(asker, "listing another member's API keys", "operator")
        if await self._store.member(member) is None:
            raise ConfigError("member", member[:64], "there is no such member")

    async def all_of(self, member: MemberId) -> list[ApiKeySummary]:
        """All keys of a member, revoked ones too, oldest first."""
        return [
            ApiKeySummary(
                id=row.id,
                label=row.label,
                created_at=row.created_at,
                revoked_at=row.revoked_at,
                scopes=row.scopes,
                models=row.models,
                monthly_tokens=row.monthly_tokens,
                expires_at=row.expires_at,
                login=row.login,
            )
            for row in await self._store.api_keys_of(member)
        ]

    async def revoke(
        self, member: MemberId, key_id: str, *, any_member: bool = False
    ) -> MemberId:
        """Make a key worthless; nothing when it already is. Gives whose it is.

        Args:
            member: Who does it.
            key_id: Its public id.
            any_member: It may be another member's: the audit log says whose it was.

        Raises:
            PermissionDenied: the member has no such key, or nobody has.
        """
        row = await self._store.api_key(key_id)
        if row is None or not (any_member or row.member == member):
            reason = (
                f"{'nobody has a' if any_member else 'you have no'} key with this id"
            )
            raise PermissionDenied(f"revoking the API key {key_id[:32]!r}", reason)
        await self._store.revoke_api_key(key_id, at=self._clock())
        if row.revoked_at is None:
            whose = "" if row.member == member else f"of {row.member}"
            await self._audit.write(
                "key.revoked", actor=member, object=key_id, detail=whose
            )
        return row.member

    async def check(self, bearer: str) -> ApiKeyRow:
        """Find the key that `bearer` is.

        Raises:
            BadKey: it is none.
            AuthenticationError: it is one that is no longer good.
        """
        parsed = parse_api_key(bearer)
        if parsed is None:
            raise BadKey("", "the API key is mistyped or cut short")
        key_id, secret = parsed
        row = await self._store.api_key(key_id)
        known = _UNKNOWN_HASH if row is None else row.secret_hash
        same = hmac.compare_digest(known, hash_secret(self._pepper, secret))
        if row is None or not same:
            raise BadKey(key_id, _NO_KEY)
        if row.revoked_at is not None:
            raise AuthenticationError("the API key is revoked: make a new one")
        if not _is_good(row, self._clock()):
            raise AuthenticationError("the API key has expired: make a new one")
        return row


class BadKey(AuthenticationError):
    """This is no API key; `key_id` is the public id that it names, or empty."""

    def __init__(self, key_id: str, reason: str = _NO_KEY) -> None:
        super().__init__(reason)
        self.key_id = key_id


def _is_good(row: ApiKeyRow, now: float) -> bool:
    return row.revoked_at is None and (row.expires_at is None or now < row.expires_at)


def _check_label(label: str) -> None:
    if len(label) > 64 or not label.isprintable():
        raise ConfigError("label", label[:80], "use at most 64 printable characters")
