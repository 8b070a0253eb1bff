"""Who the members are, and how the coordinator knows that it is them.

Everything that makes an account, a token or an API key, or tells whether one is good,
lives here. What is kept is in the store; tries and who was seen last are in memory.
"""

from __future__ import annotations

import base64
import hmac
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, Self, TypeVar

import anyio
import msgspec
from anyio import CapacityLimiter, to_thread

from clubai.coordinator.config import CoordinatorConfig
from clubai.coordinator.recent import Recent
from clubai.coordinator.throttle import Tries, address_key
from clubai.coordinator.tokens import (
    SECRET_BYTES,
    TOKEN_LIFETIME_S,
    Token,
    Tokens,
)
from clubai.crypto.keyfiles import load_or_create
from clubai.crypto.keys import (
    JWT_LABEL,
    PEPPER_LABEL,
    ApiKey,
    derive,
    hash_secret,
    new_api_key,
    parse_api_key,
    random_bytes,
)
from clubai.crypto.passwords import (
    UNKNOWN_MEMBER_HASH,
    hash_password,
    needs_rehash,
    verify_password,
)
from clubai.errors import (
    AuthenticationError,
    ConfigError,
    PermissionDenied,
    StorageError,
)
from clubai.model import MemberId
from clubai.storage.base import ApiKeyRow, MemberRow, Role, Store, name_key

T = TypeVar("T")

PASSWORD_LENGTH: Final = range(10, 257)
API_KEYS_PER_MEMBER: Final = 20
TRIES_PER_ACCOUNT: Final = 5
TRIES_PER_ADDRESS: Final = 20
RECENT_SECONDS: Final = 30.0
RECENT_LIMIT: Final = 4096

_NAME: Final = re.compile(r"[a-zA-Z0-9._@+-]{2,64}")
_BEARER_LENGTH: Final = 2048
_WRONG: Final = "the name or the password is wrong"
_NO_KEY: Final = "the API key is not valid: make a new one"


class Member(msgspec.Struct, frozen=True):
    """Somebody who proved to be a member."""

    id: MemberId
    name: str
    role: Role


class ApiKeySummary(msgspec.Struct, frozen=True, kw_only=True):
    """What can be shown of an API key at any time."""

    id: str
    label: str
    created_at: float
    revoked_at: float | None


class Accounts:
    """The members of one coordinator. The first account there is becomes an operator.

    Raises:
        ConfigError: `jwt_secret` or `pepper` has fewer than 32 bytes.
    """

    def __init__(
        self,
        store: Store,
        *,
        jwt_secret: bytes,
        pepper: bytes,
        clock: Callable[[], float],
        registration: Literal["open", "closed"] = "open",
        member_limit: int | None = None,
        token_lifetime_s: float = TOKEN_LIFETIME_S,
    ) -> None:
        if len(pepper) < SECRET_BYTES:
            fix = f"give at least {SECRET_BYTES} random bytes"
            raise ConfigError("pepper", f"({len(pepper)} bytes)", fix)
        self._store = store
        self._pepper = pepper
        self._clock = clock
        self._registration = registration
        self._member_limit = member_limit
        self._tokens = Tokens(jwt_secret, clock=clock, lifetime_s=token_lifetime_s)
        self._recent: Recent[Member] = Recent(
            clock=clock, seconds=RECENT_SECONDS, limit=RECENT_LIMIT
        )
        self._account_tries = Tries(
            "tries for this account", per_minute=TRIES_PER_ACCOUNT, clock=clock
        )
        self._address_tries = Tries(
            "tries from this address", per_minute=TRIES_PER_ADDRESS, clock=clock
        )
        # Each hash takes 19 MiB.
        self._hashing = CapacityLimiter(2)
        # Whether there is room, and a row that takes it, belong together. Nobody else
        # writes to the store.
        self._adding = anyio.Lock()

    @classmethod
    def from_config(
        cls, config: CoordinatorConfig, *, store: Store, clock: Callable[[], float]
    ) -> Self:
        """Make it with secrets from the coordinator's one key file, made when missing.

        Whoever replaces the file makes every token and API key worthless.

        Raises:
            ConfigError: the file or `jwt_secret` cannot be used; it says what to do.
        """
        secret = secret_in(config.key_file)
        return cls(
            store,
            jwt_secret=config.jwt_secret_bytes or derive(secret, JWT_LABEL),
            pepper=derive(secret, PEPPER_LABEL),
            clock=clock,
            registration=config.registration_rule,
        )

    async def register(
        self, name: str, password: str, *, address: str = ""
    ) -> MemberRow:
        """Make an account.

        Args:
            name: 2 to 64 of the characters `a-z A-Z 0-9 . _ @ + -`, not yet taken.
            password: 10 to 256 characters.
            address: Whose tries it counts for; empty for somebody local.

        Raises:
            ConfigError: the name or the password cannot be used.
            PermissionDenied: nobody may register, or the club is full.
            RateLimited: too many tries from this address.
        """
        _check_name(name)
        _check_password(password)
        self._take_address_try(address)
        await self._role_of_next()
        if await self._store.member_named(name) is not None:
            raise _name_taken(name)
        phc = await self._hash(lambda: hash_password(password))
        async with self._adding:
            row = MemberRow(
                id=_new_member_id(),
                name=name,
                password=phc,
                role=await self._role_of_next(),
                created_at=self._clock(),
            )
            if not await self._store.add_member(row):
                raise _name_taken(name)
        return row

    async def login(self, name: str, password: str, *, address: str = "") -> Token:
        """Exchange name and password for a token.

        An unknown name costs as much, and is answered the same, as a wrong password.

        Raises:
            AuthenticationError: they do not belong together.
            RateLimited: too many tries for this account or from this address.
        """
        self._take_address_try(address)
        if not _NAME.fullmatch(name) or len(password) not in PASSWORD_LENGTH:
            raise AuthenticationError(_WRONG)
        self._account_tries.take(name_key(name))
        row = await self._store.member_named(name)
        phc = UNKNOWN_MEMBER_HASH if row is None else row.password
        good = await self._hash(lambda: verify_password(phc, password))
        if row is None or not good:
            raise AuthenticationError(_WRONG)
        self._account_tries.give_back(name_key(name))
        if needs_rehash(phc):
            renewed = await self._hash(lambda: hash_password(password))
            await self._store.set_password(row.id, renewed)
        return self._tokens.issue(row.id, token_epoch=row.token_epoch)

    async def log_out_everywhere(self, member: MemberId) -> None:
        """Make every token that `member` has worthless; API keys stay good."""
        try:
            await self._store.bump_token_epoch(member)
        finally:
            self._forget(member)

    async def create_api_key(self, member: MemberId, label: str) -> ApiKey:
        """Make an API key for `member`. Nobody can show it again.

        Raises:
            ConfigError: the label cannot be used.
            PermissionDenied: the member has as many as one may have.
        """
        _check_label(label)
        async with self._adding:
            rows = await self._store.api_keys_of(member)
            if sum(row.revoked_at is None for row in rows) >= API_KEYS_PER_MEMBER:
                raise PermissionDenied(
                    "making another API key",
                    f"you have {API_KEYS_PER_MEMBER}: revoke one first",
                )
            key = new_api_key()
            await self._store.add_api_key(
                ApiKeyRow(
                    id=key.id,
                    member=member,
                    secret_hash=hash_secret(self._pepper, key.secret),
                    label=label,
                    created_at=self._clock(),
                )
            )
        return key

    async def list_api_keys(self, member: MemberId) -> list[ApiKeySummary]:
        """All keys of a member, revoked ones too, oldest first."""
        return [
            ApiKeySummary(
                id=row.id,
                label=row.label,
                created_at=row.created_at,
                revoked_at=row.revoked_at,
            )
            for row in await self._store.api_keys_of(member)
        ]

    async def revoke_api_key(self, member: MemberId, key_id: str) -> None:
        """Make a key of `member` worthless at once; nothing when it already is.

        Raises:
            PermissionDenied: the member has no such key.
        """
        row = await self._store.api_key(key_id)
        if row is None or row.member != member:
            reason = "you have no key with this id"
            raise PermissionDenied(f"revoking the API key {key_id!r}", reason)
        try:
            await self._store.revoke_api_key(key_id, at=self._clock())
        finally:
            self._forget(member)

    async def authenticate(self, bearer: str) -> Member:
        """Tell who sent `bearer`, a token or an API key.

        One that was good in the last seconds is answered without asking the store.

        Raises:
            AuthenticationError: it is not good; the reason says what to do.
        """
        member = self._recent.get(bearer)
        if member is not None:
            return member
        if not bearer:
            raise AuthenticationError("send an API key, or log in for a token")
        generation = self._recent.generation
        if bearer.startswith("cak_"):
            member, until = await self._by_api_key(bearer), math.inf
        else:
            member, until = await self._by_token(bearer)
        self._recent.put(bearer, member, until=until, generation=generation)
        return member

    async def _by_api_key(self, bearer: str) -> Member:
        parsed = parse_api_key(bearer)
        if parsed is None:
            raise AuthenticationError("the API key is mistyped or cut short")
        key_id, secret = parsed
        row = await self._store.api_key(key_id)
        known = bytes(SECRET_BYTES) if row is None else row.secret_hash
        same = hmac.compare_digest(known, hash_secret(self._pepper, secret))
        if row is None or not same:
            raise AuthenticationError(_NO_KEY)
        if row.revoked_at is not None:
            raise AuthenticationError("the API key is revoked: make a new one")
        member = await self._store.member(row.member)
        if member is None:
            raise AuthenticationError(_NO_KEY)
        return _member(member)

    async def _by_token(self, bearer: str) -> tuple[Member, float]:
        if len(bearer) > _BEARER_LENGTH or not bearer.isascii():
            raise AuthenticationError("this is neither an API key nor a token")
        claims = self._tokens.read(bearer)
        row = await self._store.member(claims.sub)
        if row is None or row.token_epoch != claims.token_epoch:
            raise AuthenticationError("the token was revoked: log in again")
        return _member(row), float(claims.exp)

    async def _role_of_next(self) -> Role:
        count = await self._store.count_members()
        if count == 0:
            return "operator"
        if self._registration == "closed":
            reason = "registration is closed: ask an operator of the club"
            raise PermissionDenied("registering", reason)
        if self._member_limit is not None and count >= self._member_limit:
            reason = f"the club is full, it has {count} members: ask an operator"
            raise PermissionDenied("registering", reason)
        return "member"

    async def _hash(self, job: Callable[[], T]) -> T:
        return await to_thread.run_sync(job, limiter=self._hashing)

    def _take_address_try(self, address: str) -> None:
        if address:
            self._address_tries.take(address_key(address))

    def _forget(self, member: MemberId) -> None:
        self._recent.forget(lambda known: known.id == member)


def secret_in(path: Path) -> bytes:
    """The secret in the coordinator's key file, made when missing.

    Raises:
        ConfigError: the file cannot be used; it says what to do.
    """
    try:
        return load_or_create(
            path, lambda: random_bytes(SECRET_BYTES), size=SECRET_BYTES
        )
    except StorageError as error:
        raise ConfigError("key file", str(path), error.reason) from error


def _member(row: MemberRow) -> Member:
    return Member(row.id, row.name, row.role)


def _new_member_id() -> MemberId:
    return MemberId("m_" + base64.b32encode(random_bytes(10)).decode("ascii").lower())


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        fix = "use 2 to 64 of the characters a-z A-Z 0-9 . _ @ + -"
        raise ConfigError("name", name[:80], fix)


def _name_taken(name: str) -> ConfigError:
    return ConfigError("name", name, "another member has it, choose another one")


def _check_password(password: str) -> None:
    if len(password) not in PASSWORD_LENGTH:
        fix = f"use {PASSWORD_LENGTH[0]} to {PASSWORD_LENGTH[-1]} characters"
        raise ConfigError("password", f"({len(password)} characters)", fix)


def _check_label(label: str) -> None:
    if len(label) > 64 or not label.isprintable():
        raise ConfigError("label", label[:80], "use at most 64 printable characters")
