"""Invites: a member vouches for one more, once, for two weeks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import msgspec

from clubai.coordinator.audit import AuditLog
from clubai.coordinator.grants import Member, require_in_person
from clubai.crypto.tokens import OpaqueToken, new_token, read_token
from clubai.errors import PermissionDenied
from clubai.model import MemberId
from clubai.storage.access import AccessStore, InviteRow

PREFIX: Final = "civ"
INVITE_LIFETIME_S: Final = 14 * 86_400.0
OPEN_PER_MEMBER: Final = 3
_ID_LENGTH: Final = 8

InviteState = Literal["open", "used", "revoked", "expired"]


class NewInvite(msgspec.Struct, frozen=True, kw_only=True):
    """An invite, for the only time that its token can be shown."""

    token: OpaqueToken
    expires_at: float


class InviteSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What can be shown of an invite at any time."""

    id: str
    sponsor: MemberId
    state: InviteState
    created_at: float
    expires_at: float
    used_by: MemberId | None


class Invites:
    """The invites of one coordinator's members."""

    def __init__(
        self, store: AccessStore, *, clock: Callable[[], float], audit: AuditLog
    ) -> None:
        self._store = store
        self._clock = clock
        self._audit = audit

    async def create(self, sponsor: Member) -> NewInvite:
        """Make an invite. Nobody can show its token again.

        Raises:
            PermissionDenied: as many are open as a member may have, or an API key that
                stands for no login asked.
        """
        require_in_person(sponsor, "inviting")
        now = self._clock()
        token = new_token(PREFIX, id_length=_ID_LENGTH)
        row = InviteRow(
            id=token.id,
            digest=token.digest,
            sponsor=sponsor.id,
            created_at=now,
            expires_at=now + INVITE_LIFETIME_S,
        )
        if not await self._store.add_invite(row, most_open=OPEN_PER_MEMBER):
            reason = f"{OPEN_PER_MEMBER} of your invites are open: revoke one first"
            raise PermissionDenied("inviting", reason)
        await self._audit.write("invite.made", actor=sponsor.id, object=row.id)
        return NewInvite(token=token, expires_at=row.expires_at)

    async def all(self, member: Member) -> list[InviteSummary]:
        """The member's invites, oldest first; an operator's are all."""
        require_in_person(member, "listing invites")
        sponsor = None if member.role == "operator" else member.id
        now = self._clock()
        return [
            InviteSummary(
                id=row.id,
                sponsor=row.sponsor,
                state=_state(row, now),
                created_at=row.created_at,
                expires_at=row.expires_at,
                used_by=row.used_by,
            )
            for row in await self._store.invites(sponsor)
        ]

    async def revoke(self, member: Member, invite: str) -> None:
        """End an open invite of the member; an operator may end any.

        Raises:
            PermissionDenied: the member has no such open invite.
        """
        require_in_person(member, "revoking an invite")
        own = await self.all(member)
        if any(each.id == invite for each in own) and await self._store.revoke_invite(
            invite, at=self._clock()
        ):
            await self._audit.write("invite.revoked", actor=member.id, object=invite)
            return
        reason = "you have no open invite with this id"
        raise PermissionDenied(f"revoking the invite {invite[:32]!r}", reason)

    async def check(self, text: str) -> OpaqueToken:
        """Read an invite's token, and see that it is open now.

        Raises:
            PermissionDenied: it is not.
        """
        token = read_token(text, PREFIX)
        row = None if token is None else await self._store.invite(token.digest)
        if token is None or row is None or not row.is_open(self._clock()):
            raise no_invite()
        return token


def no_invite() -> PermissionDenied:
    """The one answer to every invite that is not good."""
    return PermissionDenied(
        "registering",
        "the invite is mistyped, used, revoked or older than 14 days: ask for another",
    )


def _state(row: InviteRow, now: float) -> InviteState:
    if row.used_at is not None:
        return "used"
    if row.revoked_at is not None:
        return "revoked"
    return "open" if now < row.expires_at else "expired"
