"""The HTTP routes of accounts: logins, keys, invites, members, the audit log."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from clubai.coordinator.accounts import LoggedIn
from clubai.coordinator.callers import api_route, caller
from clubai.coordinator.coordinator import Coordinator
from clubai.coordinator.grants import KeyWish, Member, require_in_person
from clubai.coordinator.replies import (
    address_of,
    json_reply,
    read_body,
    whole_number,
)
from clubai.model import MemberId, Redacted
from clubai.storage.base import Role, Scope

MOST_ENTRIES: Final = 1000
"""Of the audit log, in one answer."""


class Credentials(Redacted, frozen=True, forbid_unknown_fields=True):
    """A name and its password."""

    name: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials(name={self.name!r})"


class NewAccount(Credentials, frozen=True, forbid_unknown_fields=True):
    """An account to be, and the invite that it comes by."""

    invite: str = ""

    def __repr__(self) -> str:
        return f"NewAccount(name={self.name!r})"


class RefreshRequest(Redacted, frozen=True, forbid_unknown_fields=True):
    """A refresh token."""

    refresh_token: str

    def __repr__(self) -> str:
        return "RefreshRequest()"


class KeyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a new API key is for."""

    label: str = ""
    scopes: tuple[Scope, ...] | None = None
    models: tuple[str, ...] | None = None
    monthly_tokens: int | None = None
    expires_at: float | None = None
    login: bool = False

    def wish(self) -> KeyWish:
        """All but the label."""
        return KeyWish(
            scopes=self.scopes,
            models=self.models,
            monthly_tokens=self.monthly_tokens,
            expires_at=self.expires_at,
            login=self.login,
        )


class RoleRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The role that a member gets."""

    role: Role


class AccountApi:
    """The endpoints of one coordinator's accounts."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator
        self._accounts = coordinator.accounts

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            api_route("/api/register", self.register, "POST"),
            api_route("/api/login", self.login, "POST"),
            api_route("/api/refresh", self.refresh, "POST"),
            api_route("/api/logout", self.log_out, "POST"),
            api_route("/api/logout-everywhere", self.log_out_everywhere, "POST"),
            api_route("/api/me", self.me, "GET"),
            api_route("/api/keys", self.make_key, "POST"),
            api_route("/api/keys", self.list_keys, "GET"),
            api_route("/api/keys/{key_id}", self.revoke_key, "DELETE"),
            api_route("/api/invites", self.make_invite, "POST"),
            api_route("/api/invites", self.list_invites, "GET"),
            api_route("/api/invites/{invite_id}", self.revoke_invite, "DELETE"),
            api_route("/api/members", self.members, "GET"),
            api_route("/api/members/{member_id}/role", self.set_role, "PUT"),
            api_route("/api/members/{member_id}/usage", self.usage, "GET"),
            api_route("/api/audit", self.audit, "GET"),
        ]

    async def _caller(self, request: Request) -> Member:
        return await caller(self._accounts, request)

    async def register(self, request: Request) -> ASGIApp:
        """Make an account."""
        wanted = await read_body(request, NewAccount)
        row = await self._accounts.register(
            wanted.name,
            wanted.password,
            address=address_of(request),
            invite=wanted.invite,
        )
        self._coordinator.feed.members += 1
        member = {"id": row.id, "name": row.name, "role": row.role}
        return json_reply({"member": member}, status_code=201)

    async def login(self, request: Request) -> ASGIApp:
        """Exchange a name and its password for an access and a refresh token."""
        given = await read_body(request, Credentials)
        login = await self._accounts.login(
            given.name, given.password, address=address_of(request)
        )
        return json_reply(_tokens(login))

    async def refresh(self, request: Request) -> ASGIApp:
        """Exchange a refresh token, once, for the next two tokens."""
        given = await read_body(request, RefreshRequest)
        login = await self._accounts.refresh(
            given.refresh_token, address=address_of(request)
        )
        return json_reply(_tokens(login))

    async def log_out(self, request: Request) -> ASGIApp:
        """End the login of a refresh token."""
        given = await read_body(request, RefreshRequest)
        await self._accounts.log_out(given.refresh_token, address=address_of(request))
        return Response(status_code=204)

    async def log_out_everywhere(self, request: Request) -> ASGIApp:
        """End all of the caller's logins."""
        member = await self._caller(request)
        require_in_person(member, "logging out everywhere")
        await self._accounts.log_out_everywhere(member.id)
        return Response(status_code=204)

    async def me(self, request: Request) -> ASGIApp:
        """Who the caller is, and what the key that was shown allows."""
        return json_reply(await self._caller(request))

    async def make_key(self, request: Request) -> ASGIApp:
        """Make an API key for the caller; its text is in this answer and nowhere."""
        member = await self._caller(request)
        wanted = await read_body(request, KeyRequest)
        key = await self._accounts.create_api_key(
            member.id, wanted.label, wish=wanted.wish(), maker=member.grants
        )
        return json_reply({"id": key.id, "api_key": key.text}, status_code=201)

    async def list_keys(self, request: Request) -> ASGIApp:
        """The caller's keys, or for operators a `member`'s, without their secrets."""
        asker = await self._caller(request)
        member = MemberId(request.query_params.get("member", asker.id))
        rows = await self._accounts.list_api_keys(member, asker=asker)
        return json_reply({"keys": rows})

    async def revoke_key(self, request: Request) -> ASGIApp:
        """End one of the caller's keys, or for operators any. A key may end itself."""
        member = await self._caller(request)
        key_id = request.path_params["key_id"]
        if key_id != member.grants.key_id:
            require_in_person(member, "revoking another API key")
        await self._accounts.revoke_api_key(
            member.id, key_id, any_member=member.role == "operator"
        )
        return Response(status_code=204)

    async def make_invite(self, request: Request) -> ASGIApp:
        """Invite somebody; the token is in this answer and nowhere."""
        made = await self._accounts.invites.create(await self._caller(request))
        return json_reply(
            {
                "id": made.token.id,
                "invite": made.token.text,
                "expires_at": made.expires_at,
            },
            status_code=201,
        )

    async def list_invites(self, request: Request) -> ASGIApp:
        """The caller's invites; an operator's are all."""
        invites = await self._accounts.invites.all(await self._caller(request))
        return json_reply({"invites": invites})

    async def revoke_invite(self, request: Request) -> ASGIApp:
        """End an open invite."""
        member = await self._caller(request)
        await self._accounts.invites.revoke(member, request.path_params["invite_id"])
        return Response(status_code=204)

    async def members(self, request: Request) -> ASGIApp:
        """All members, for those who look after them."""
        members = await self._accounts.members.all(await self._caller(request))
        return json_reply({"members": members})

    async def set_role(self, request: Request) -> ASGIApp:
        """Give a member a role."""
        asker = await self._caller(request)
        wanted = await read_body(request, RoleRequest)
        member = MemberId(request.path_params["member_id"])
        await self._accounts.members.set_role(asker, member, wanted.role)
        return Response(status_code=204)

    async def usage(self, request: Request) -> ASGIApp:
        """What a member used by day, the oldest first: the caller, or for operators."""
        asker = await self._caller(request)
        days = whole_number(request.query_params.get("days", "30"), "days", digits=3)
        member = MemberId(request.path_params["member_id"])
        used = await self._accounts.members.usage(asker, member, days=days)
        return json_reply({"days": used})

    async def audit(self, request: Request) -> ASGIApp:
        """The audit log, newest first; `next` is the `before` of the next page.

        With `object` only what was done to exactly that one.
        """
        asker = await self._caller(request)
        query = request.query_params
        limit = min(whole_number(query.get("limit", "50"), "limit"), MOST_ENTRIES)
        before = query.get("before")
        entries = await self._accounts.members.read_audit(
            asker,
            limit=limit,
            before=None if before is None else whole_number(before, "before", digits=9),
            object=query.get("object"),
        )
        is_last = len(entries) < limit or not entries or entries[-1].seq <= 1
        following = None if is_last else entries[-1].seq
        return json_reply({"entries": entries, "next": following})


def _tokens(login: LoggedIn) -> dict[str, Any]:
    member = login.member
    return {
        "access_token": login.access,
        "token_type": "Bearer",
        "expires_at": login.expires_at,
        "refresh_token": login.refresh,
        "refresh_expires_at": login.refresh_expires_at,
        "member": {"id": member.id, "name": member.name, "role": member.role},
    }
