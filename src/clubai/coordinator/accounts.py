"""Who the members are, and how the coordinator knows that it is them.

Everything that makes an account or a login, or tells whether a token or an API key is
good, begins here. What is kept is in the store; tries and who was seen last are in
memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Self

from clubai.coordinator.api_keys import ApiKeys, ApiKeySummary, BadKey
from clubai.coordinator.audit import AuditLog
from clubai.coordinator.config import CoordinatorConfig, Registration
from clubai.coordinator.grants import (
    Grants,
    KeyWish,
    Member,
    grants_of,
    member_of,
)
from clubai.coordinator.guard import Guard
from clubai.coordinator.invites import Invites
from clubai.coordinator.members import Members
from clubai.coordinator.passwords import Passwords, is_possible
from clubai.coordinator.recent import Recent
from clubai.coordinator.refresh import Refresh, RefreshTokens, TokenReused
from clubai.coordinator.registering import Registering
from clubai.coordinator.tokens import SECRET_BYTES, TOKEN_LIFETIME_S, Tokens
from clubai.crypto.keyfiles import load_or_create
from clubai.crypto.keys import (
    JWT_LABEL,
    PEPPER_LABEL,
    ApiKey,
    derive,
    random_bytes,
)
from clubai.errors import (
    AuthenticationError,
    ConfigError,
    RateLimited,
    StorageError,
)
from clubai.model import MemberId, Redacted
from clubai.storage.base import MemberRow, Store

__all__ = ["Accounts", "LoggedIn", "Member"]

RECENT_SECONDS: Final = 30.0
RECENT_LIMIT: Final = 4096

_BEARER_LENGTH: Final = 2048
_WRONG: Final = "the name or the password is wrong"
_IN_PERSON: Final = Grants()

Gone = Callable[[Member], bool]
"""Tells of a member, as they showed themselves, whether that counts no longer."""


class LoggedIn(Redacted, frozen=True, kw_only=True):
    """What a member gets for a password, or for a refresh token."""

    access: str
    """What is sent as the bearer."""
    expires_at: float
    refresh: str
    """What is exchanged for the next of these, once."""
    refresh_expires_at: float
    member: Member

    def __repr__(self) -> str:
        return f"<LoggedIn {self.member.name} until {self.expires_at}>"


class Accounts:
    """The members of one coordinator. The first account there is becomes an operator.

    Raises:
        ConfigError: one of `jwt_secrets`, or `pepper`, has fewer than 32 bytes.
    """

    def __init__(
        self,
        store: Store,
        *,
        jwt_secrets: Sequence[bytes],
        pepper: bytes,
        clock: Callable[[], float],
        registration: Registration = "open",
        member_limit: int | None = None,
        token_lifetime_s: float = TOKEN_LIFETIME_S,
    ) -> None:
        if len(pepper) < SECRET_BYTES:
            fix = f"give at least {SECRET_BYTES} random bytes"
            raise ConfigError("pepper", f"({len(pepper)} bytes)", fix)
        self._store = store
        self._tokens = Tokens(jwt_secrets, clock=clock, lifetime_s=token_lifetime_s)
        self._recent: Recent[Member] = Recent(
            clock=clock, seconds=RECENT_SECONDS, limit=RECENT_LIMIT
        )
        self._guard = Guard(clock=clock)
        self._passwords = Passwords()
        self.audit = AuditLog(store, clock=clock)
        self.invites = Invites(store, clock=clock, audit=self.audit)
        self._refresh = RefreshTokens(store, clock=clock, audit=self.audit)
        self._keys = ApiKeys(store, pepper=pepper, clock=clock, audit=self.audit)
        self._registering = Registering(
            store,
            rule=registration,
            member_limit=member_limit,
            clock=clock,
            guard=self._guard,
            passwords=self._passwords,
            invites=self.invites,
            audit=self.audit,
        )
        self.members = Members(
            store,
            audit=self.audit,
            changed=lambda member: self._end(lambda known: known.id == member),
            clock=clock,
        )
        self.on_ended: Callable[[Gone], None] = _nobody_listens
        """Told what counts no longer: what was opened by it has to end."""

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
            jwt_secrets=config.jwt_secrets or (derive(secret, JWT_LABEL),),
            pepper=derive(secret, PEPPER_LABEL),
            clock=clock,
            registration=config.registration_rule,
        )

    async def register(
        self, name: str, password: str, *, address: str = "", invite: str = ""
    ) -> MemberRow:
        """Make an account.

        Args:
            name: 2 to 64 of the characters `a-z A-Z 0-9 . _ @ + -`, not yet taken.
            password: 10 to 256 characters, not a common one, without the name in it.
            address: Whose tries it counts for; empty for somebody local.
            invite: The token of an invite, used up by the account and nothing else.

        Raises:
            ConfigError: the name or the password cannot be used.
            PermissionDenied: nobody may register so, or the club is full.
            RateLimited: too many tries from this address.
        """
        return await self._registering.register(
            name, password, address=address, invite=invite
        )

    async def login(self, name: str, password: str, *, address: str = "") -> LoggedIn:
        """Exchange name and password for tokens.

        An unknown name costs as much, and is answered the same, as a wrong password.

        Raises:
            AuthenticationError: they do not belong together.
            RateLimited: too many tries for this account or from this address.
        """
        self._guard.take_address(address)
        if not is_possible(name, password):
            raise AuthenticationError(_WRONG)
        try:
            self._guard.take_login(name, address)
        except RateLimited:
            self._guard.give_back_address(address)
            raise
        row = await self._store.member_named(name)
        phc = None if row is None else row.password
        good, renewed = await self._passwords.check(phc, password)
        if row is None or not good:
            await self.audit.write_failed_login("" if row is None else row.id, address)
            raise AuthenticationError(_WRONG)
        self._guard.good_login(name, address)
        if renewed is not None:
            await self._store.set_password(row.id, renewed)
        return self._logged_in(row, await self._refresh.begin(row.id))

    async def refresh(self, token: str, *, address: str = "") -> LoggedIn:
        """Exchange a refresh token, once, for the next tokens.

        One that was exchanged before ends its login: for whoever stole it, too.

        Raises:
            AuthenticationError: it is not good.
            RateLimited: too many from this address were not.
        """
        try:
            refresh = await self._refresh.exchange(token)
        except AuthenticationError as error:
            if isinstance(error, TokenReused):
                self._end_login(error.family)
            self._guard.take_address(address)
            raise
        row = await self._store.member(refresh.member)
        if row is None:
            raise AuthenticationError("the account is gone")
        return self._logged_in(row, refresh)

    async def log_out(self, token: str, *, address: str = "") -> None:
        """End the login that a refresh token belongs to, its access tokens too.

        Raises:
            AuthenticationError: it is not good.
            RateLimited: too many from this address were not.
        """
        try:
            family = await self._refresh.end(token)
        except AuthenticationError:
            self._guard.take_address(address)
            raise
        self._end_login(family)

    async def log_out_everywhere(self, member: MemberId) -> None:
        """Make every token that `member` has worthless; API keys stay good."""
        try:
            await self._store.bump_token_epoch(member)
            await self._refresh.end_all(member)
        finally:
            self._end(lambda known: known.id == member and not known.grants.key_id)
        await self.audit.write("logout.everywhere", actor=member, object=member)

    async def create_api_key(
        self,
        member: MemberId,
        label: str,
        *,
        wish: KeyWish | None = None,
        maker: Grants = _IN_PERSON,
    ) -> ApiKey:
        """Make an API key for `member`. Nobody can show it again.

        Args:
            member: Whose it is.
            label: For people.
            wish: What it shall be good for; None: for all that a key can be.
            maker: What the maker of the key showed.

        Raises:
            ConfigError: the label or the wish cannot be used.
            PermissionDenied: the maker may not, or the member has as many as one may.
        """
        wish = wish or KeyWish()
        return await self._keys.create(member, label, wish=wish, maker=maker)

    async def list_api_keys(
        self, member: MemberId, *, asker: Member | None = None
    ) -> list[ApiKeySummary]:
        """All keys of a member, revoked ones too, oldest first.

        Raises:
            PermissionDenied, ConfigError: the asker may not see them, or nobody could.
        """
        if asker is not None:
            await self._keys.may_list(asker, member)
        return await self._keys.all_of(member)

    async def revoke_api_key(
        self, member: MemberId, key_id: str, *, any_member: bool = False
    ) -> None:
        """Make a key worthless at once; nothing when it already is.

        `any_member`: it may be another member's than of `member`, who does it.

        Raises:
            PermissionDenied: the member has no such key, or nobody has.
        """
        try:
            await self._keys.revoke(member, key_id, any_member=any_member)
        finally:
            self._end(
                lambda known: (
                    known.grants.key_id == key_id and (any_member or known.id == member)
                )
            )

    def guard(self, address: str) -> None:
        """Use a try of `address`, for what may be guessed elsewhere, such as enrolment.

        Raises:
            RateLimited: none is left.
        """
        self._guard.take_address(address)

    async def authenticate(self, bearer: str, address: str = "") -> Member:
        """Tell who sent `bearer`, a token or an API key.

        One that was good in the last seconds is answered without asking the store.

        Raises:
            AuthenticationError: it is not good; the reason says what to do.
            RateLimited: it is no key, as too many from this address, or with its id.
        """
        member = self._recent.get(bearer)
        if member is not None:
            return member
        if not bearer:
            raise AuthenticationError("send an API key, or log in for a token")
        generation = self._recent.generation
        if bearer.startswith("cak_"):
            member, until = await self._by_api_key(bearer, address)
        else:
            member, until = await self._by_token(bearer)
        self._recent.put(bearer, member, until=until, generation=generation)
        return member

    async def _by_api_key(self, bearer: str, address: str) -> tuple[Member, float]:
        try:
            row = await self._keys.check(bearer)
        except BadKey as error:
            self._guard.failed_key(error.key_id, address)
            raise
        member = await self._store.member(row.member)
        if member is None:
            raise AuthenticationError("the API key is not valid: its member is gone")
        until = math.inf if row.expires_at is None else row.expires_at
        return member_of(member, grants_of(row)), until

    async def _by_token(self, bearer: str) -> tuple[Member, float]:
        if len(bearer) > _BEARER_LENGTH or not bearer.isascii():
            raise AuthenticationError("this is neither an API key nor a token")
        claims = self._tokens.read(bearer)
        row = await self._store.member(claims.sub)
        live = await self._refresh.is_live(claims.login)
        if row is None or row.token_epoch != claims.token_epoch or not live:
            raise AuthenticationError("the token was revoked: log in again")
        return member_of(row, Grants(family=claims.login)), float(claims.exp)

    def _logged_in(self, row: MemberRow, refresh: Refresh) -> LoggedIn:
        token = self._tokens.issue(
            row.id, token_epoch=row.token_epoch, login=refresh.family
        )
        return LoggedIn(
            access=token.access,
            expires_at=token.expires_at,
            refresh=refresh.token.text,
            refresh_expires_at=refresh.expires_at,
            member=member_of(row, Grants(family=refresh.family)),
        )

    def _end_login(self, family: str) -> None:
        self._end(lambda known: known.grants.family == family)

    def _end(self, gone: Gone) -> None:
        self._recent.forget(gone)
        self.on_ended(gone)


def _nobody_listens(gone: Gone) -> None:
    pass


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
