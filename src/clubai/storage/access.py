"""What a store keeps of access: refresh tokens, invites, roles and the audit log.

Of every token only its SHA-256 is kept. Each change that must not happen twice is one
method, so that a store can make it in one transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from clubai.model import MemberId, Redacted

if TYPE_CHECKING:
    from clubai.storage.base import MemberRow, Role

Rotation = Literal["rotated", "reused", "over"]
"""What became of a refresh token: exchanged; used before, so that its family is ended
now; or of a family that has ended, expired or never was."""
Admission = Literal["added", "name_taken", "no_invite"]
RoleChange = Literal["changed", "unknown", "last_operator"]


class RefreshRow(Redacted, frozen=True, kw_only=True):
    """One family of refresh tokens: all that came from one login."""

    id: str
    """SHA-256 of what its tokens have in common, in hexadecimal."""
    member: MemberId
    digest: bytes
    """SHA-256 of the one token that is good now."""
    created_at: float
    expires_at: float
    ended_at: float | None = None

    def __repr__(self) -> str:
        return f"RefreshRow(id={self.id[:8]!r}, member={self.member!r})"


class InviteRow(Redacted, frozen=True, kw_only=True):
    """One invite: whoever shows its token may make one account."""

    id: str
    """Names it where the token must not be shown."""
    digest: bytes
    """SHA-256 of the token."""
    sponsor: MemberId
    created_at: float
    expires_at: float
    used_at: float | None = None
    used_by: MemberId | None = None
    revoked_at: float | None = None

    def is_open(self, at: float) -> bool:
        """Tell whether it can be used at that time."""
        return self.used_at is None and self.revoked_at is None and at < self.expires_at

    def __repr__(self) -> str:
        return f"InviteRow(id={self.id!r}, sponsor={self.sponsor!r})"


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the audit log. It names ids, and holds no secret."""

    seq: int = 0
    """Counted by the store from 1; 0 in a row that is still to be added."""
    at: float
    actor: str
    """The member who did it; empty when nobody is known to have."""
    action: str
    object: str = ""
    """What it was done to."""
    detail: str = ""


class AccessStore(Protocol):
    """The part of a `Store` that accounts and access need. All raise `StorageError`."""

    async def add_refresh(self, row: RefreshRow, *, keep: int) -> None:
        """Add a family; those of its member that are over, and all but `keep`, go."""

    async def refresh_family(self, family: str) -> RefreshRow | None:
        """Find a family by its id, an ended one too."""

    async def rotate_refresh(
        self,
        family: str,
        *,
        digest: bytes,
        successor: bytes,
        at: float,
        expires_at: float,
    ) -> Rotation:
        """Exchange the token `digest` for `successor`.

        When it is not the token that is good now, the family is ended. Of many calls
        at once with one token, one exchanges it.
        """

    async def end_refresh(self, family: str, *, at: float) -> None:
        """End a family; nothing when it is unknown or has ended."""

    async def end_refresh_of(self, member: MemberId, *, at: float) -> None:
        """End every family of a member."""

    async def add_invite(self, row: InviteRow, *, most_open: int) -> bool:
        """Add an invite; False when `most_open` of its sponsor are open already."""

    async def invite(self, digest: bytes) -> InviteRow | None:
        """Find an invite by its token's SHA-256."""

    async def invites(self, sponsor: MemberId | None = None) -> list[InviteRow]:
        """The invites of a member, or all, oldest first."""

    async def revoke_invite(self, invite: str, *, at: float) -> bool:
        """End an open invite by its id; False when it was used, revoked or unknown."""

    async def add_invited_member(
        self, row: MemberRow, *, digest: bytes, at: float
    ) -> Admission:
        """Add an account and use the invite up: both, or neither."""

    async def members(self) -> list[MemberRow]:
        """All accounts, oldest first."""

    async def set_role(self, member: MemberId, role: Role) -> RoleChange:
        """Give a member a role, unless no operator would be left."""

    async def append_audit(self, row: AuditRow) -> None:
        """Add a line to the audit log. None is ever changed or removed."""

    async def audit(
        self, *, limit: int, before: int | None = None, object: str | None = None
    ) -> list[AuditRow]:
        """The newest lines, newest first.

        Args:
            limit: As many at most.
            before: Only those with a lower `seq`.
            object: Only what was done to exactly this one.
        """

    async def tokens_of_keys(self, *, since: float) -> dict[str, int]:
        """Prompt and answer tokens of the tasks that ended since then, by API key."""
