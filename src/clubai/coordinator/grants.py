"""What somebody may do here, by who they are and by what they showed.

Whoever showed a login's token, or an API key that stands for a login, acts in person:
with their role, and with every scope. Any other API key does what its scopes say and
nothing else, and never has a role.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from clubai.errors import ConfigError, PermissionDenied
from clubai.model import CLUB_ID, Kind, MemberId
from clubai.storage.base import SCOPES, ApiKeyRow, MemberRow, Role, Scope

SCOPE_OF_KIND: Final[Mapping[Kind, Scope]] = {
    "chat": "chat",
    "completion": "chat",
    "embedding": "embed",
}
ASKING: Final[tuple[Scope, ...]] = ("chat", "embed", "read")
"""Any of these opens the doors that only clients use."""
MODELS_PER_KEY: Final = 64
_CENTURY_S: Final = 100 * 365.25 * 86_400
_NAMED: Final = 3
"""Models that a refusal names: it has to fit its message."""


class Grants(msgspec.Struct, frozen=True, kw_only=True):
    """What is allowed to whoever showed one key or token."""

    scopes: tuple[Scope, ...] = SCOPES
    models: tuple[str, ...] = ()
    """The only models that may be asked for; empty: all."""
    key_id: str = ""
    """Public id of the API key; empty: a login's token."""
    monthly_tokens: int | None = None
    """Prompt and answer tokens of one calendar month (UTC); None: no limit."""
    expires_at: float | None = None
    login: bool = True
    """They act in person."""
    family: str = ""
    """The login that a token belongs to; empty: an API key."""

    def any_of(self, *scopes: Scope) -> bool:
        """Tell whether one of the scopes is granted."""
        return any(scope in self.scopes for scope in scopes)

    def allows_model(self, model: str) -> bool:
        """Tell whether this model may be asked for."""
        return not self.models or model in self.models


class Member(msgspec.Struct, frozen=True):
    """Somebody who proved to be a member."""

    id: MemberId
    name: str
    role: Role
    grants: Grants = Grants()


CLUB: Final = Member(CLUB_ID, "club", "member")
"""The club itself, as it asks its checks. No account has this id, and none may have the
name: nobody logs in as it."""


class KeyWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a new API key shall be good for; None: as much as its maker's is."""

    scopes: tuple[Scope, ...] | None = None
    models: tuple[str, ...] | None = None
    monthly_tokens: int | None = None
    expires_at: float | None = None
    login: bool = False


def member_of(row: MemberRow, grants: Grants) -> Member:
    """The member as they act by `grants`: the role is for those who act in person."""
    return Member(row.id, row.name, row.role if grants.login else "member", grants)


def grants_of(row: ApiKeyRow) -> Grants:
    """What an API key allows."""
    return Grants(
        scopes=row.scopes,
        models=row.models,
        key_id=row.id,
        monthly_tokens=row.monthly_tokens,
        expires_at=row.expires_at,
        login=row.login,
    )


def require(member: Member, action: str, *scopes: Scope) -> None:
    """Refuse `action` to whoever has none of `scopes`. Raises `PermissionDenied`."""
    if not member.grants.any_of(*scopes):
        needed = " or ".join(scopes)
        raise PermissionDenied(action, f"the API key has no scope {needed}")


def require_in_person(member: Member, action: str) -> None:
    """Refuse `action` to API keys that stand for no login.

    Raises:
        PermissionDenied: it is one of those.
    """
    if not member.grants.login:
        reason = "an API key cannot do this: use what `clubai login` gives"
        raise PermissionDenied(action, reason)


def require_role(member: Member, action: str, *roles: Role) -> None:
    """Refuse `action` to whoever has none of `roles`. Raises `PermissionDenied`."""
    require_in_person(member, action)
    if member.role not in roles:
        needed = " or ".join(roles)
        raise PermissionDenied(action, f"it takes the role {needed}")


def forbidden(grants: Grants, *, kind: Kind, model: str) -> str:
    """Why a request may not be made by `grants`; empty when it may."""
    scope = SCOPE_OF_KIND[kind]
    if scope not in grants.scopes:
        return f"the API key has no scope {scope}"
    if not grants.allows_model(model):
        some = ", ".join(grants.models[:_NAMED])
        more = " and others" if len(grants.models) > _NAMED else ""
        return f"the API key is not for this model, but for {some}{more}"
    return ""


def granted(wish: KeyWish, maker: Grants, *, now: float) -> KeyWish:
    """Fill in what was left open, and see that nothing exceeds the maker's own.

    Args:
        wish: What was asked for.
        maker: What the maker of the key showed.
        now: An expiry must lie after it.

    Raises:
        ConfigError: a wish that no key can have.
        PermissionDenied: it is more than its maker has.
    """
    action = "making this API key"
    if not maker.login:
        raise PermissionDenied(action, "an API key makes no further keys: log in")
    if wish.login and maker.key_id:
        raise PermissionDenied(action, "only a password makes a key for a login")
    _check_wish(wish, now)
    expires_at = maker.expires_at if wish.expires_at is None else wish.expires_at
    if maker.expires_at is not None and (expires_at or 0.0) > maker.expires_at:
        raise PermissionDenied(action, "it would outlive the key that makes it")
    scopes = maker.scopes if wish.scopes is None else wish.scopes
    if not set(scopes) <= set(maker.scopes):
        raise PermissionDenied(action, "it would have scopes that its maker has not")
    return msgspec.structs.replace(
        wish,
        scopes=tuple(scope for scope in SCOPES if scope in scopes),
        models=tuple(dict.fromkeys(wish.models or ())),
        expires_at=expires_at,
    )


def _check_wish(wish: KeyWish, now: float) -> None:
    if wish.scopes is not None and not wish.scopes:
        raise ConfigError("scopes", [], f"name some of {', '.join(SCOPES)}")
    models = wish.models or ()
    if len(models) > MODELS_PER_KEY or any(not 0 < len(name) <= 256 for name in models):
        fix = f"give at most {MODELS_PER_KEY} names of 1 to 256 characters"
        raise ConfigError("models", f"({len(models)} names)", fix)
    if wish.monthly_tokens is not None and not 0 < wish.monthly_tokens < 2**53:
        fix = "give a number of tokens above 0"
        raise ConfigError("monthly_tokens", wish.monthly_tokens, fix)
    if wish.expires_at is not None and not now < wish.expires_at < now + _CENTURY_S:
        fix = "give a time to come, within a hundred years"
        raise ConfigError("expires_at", wish.expires_at, fix)
    if wish.login and (wish.scopes or models or wish.monthly_tokens is not None):
        fix = "a key that stands for a login has no limits but its expiry"
        raise ConfigError("login", True, fix)
