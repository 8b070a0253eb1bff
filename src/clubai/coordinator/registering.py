"""How an account comes to be: who may make one, and what it may be called."""

from __future__ import annotations

import base64
from collections.abc import Callable

import anyio

from clubai.coordinator.audit import AuditLog
from clubai.coordinator.config import Registration
from clubai.coordinator.grants import CLUB
from clubai.coordinator.guard import Guard
from clubai.coordinator.invites import Invites, no_invite
from clubai.coordinator.passwords import Passwords, check_name, check_password
from clubai.crypto.keys import random_bytes
from clubai.crypto.tokens import OpaqueToken
from clubai.errors import ConfigError, PermissionDenied
from clubai.model import MemberId
from clubai.storage.base import MemberRow, Role, Store, name_key


class Registering:
    """Makes the accounts of one coordinator. The first becomes an operator."""

    def __init__(
        self,
        store: Store,
        *,
        rule: Registration,
        member_limit: int | None,
        clock: Callable[[], float],
        guard: Guard,
        passwords: Passwords,
        invites: Invites,
        audit: AuditLog,
    ) -> None:
        self._store = store
        self._rule = rule
        self._member_limit = member_limit
        self._clock = clock
        self._guard = guard
        self._passwords = passwords
        self._invites = invites
        self._audit = audit
        # Whether there is room, and a row that takes it, belong together. Nobody else
        # writes to the store.
        self._adding = anyio.Lock()

    async def register(
        self, name: str, password: str, *, address: str, invite: str
    ) -> MemberRow:
        """Make an account; arguments and errors as of `Accounts.register`."""
        check_name(name)
        check_password(password, name)
        self._guard.take_address(address)
        await self._role_of_next(invited=bool(invite))
        token = await self._invites.check(invite) if invite else None
        is_own = name_key(name) == name_key(CLUB.name)
        if is_own or await self._store.member_named(name) is not None:
            raise _name_taken(name)
        phc = await self._passwords.hash(password)
        async with self._adding:
            row = MemberRow(
                id=_new_member_id(),
                name=name,
                password=phc,
                role=await self._role_of_next(invited=bool(invite)),
                created_at=self._clock(),
            )
            await self._add(row, token)
        if token is not None:
            await self._audit.write("invite.used", actor=row.id, object=token.id)
        await self._audit.write(
            "member.registered", actor=row.id, object=row.id, detail=row.role
        )
        return row

    async def _add(self, row: MemberRow, invite: OpaqueToken | None) -> None:
        if invite is None:
            added = await self._store.add_member(row)
            outcome = "added" if added else "name_taken"
        else:
            outcome = await self._store.add_invited_member(
                row, digest=invite.digest, at=row.created_at
            )
        if outcome == "no_invite":
            raise no_invite()
        if outcome == "name_taken":
            raise _name_taken(row.name)

    async def _role_of_next(self, *, invited: bool) -> Role:
        count = await self._store.count_members()
        if count == 0:
            return "operator"
        if self._rule == "closed":
            reason = "registration is closed: ask an operator of the club"
            raise PermissionDenied("registering", reason)
        if self._rule == "invite" and not invited:
            reason = "it takes an invite: ask a member of the club for one"
            raise PermissionDenied("registering", reason)
        if self._member_limit is not None and count >= self._member_limit:
            reason = f"the club is full, it has {count} members: ask an operator"
            raise PermissionDenied("registering", reason)
        return "member"


def _new_member_id() -> MemberId:
    return MemberId("m_" + base64.b32encode(random_bytes(10)).decode("ascii").lower())


def _name_taken(name: str) -> ConfigError:
    return ConfigError("name", name, "another member has it, choose another one")
