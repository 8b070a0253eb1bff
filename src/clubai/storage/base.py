"""The `Store` protocol, and the rows that it keeps.

A store keeps ids, sizes, counts, times and states. No prompt and no answer of a member,
only the club's own questions (`checks`); no password and no key in clear: passwords are
argon2id strings, API keys are keyed hashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol, get_args

import msgspec

from clubai.model import MemberId, NodeId, Redacted, TaskFacts
from clubai.storage.access import AccessStore
from clubai.storage.books import BookStore
from clubai.storage.checks import CheckStore
from clubai.storage.enrolment import EnrolmentStore
from clubai.storage.keylog import KeyLogStore
from clubai.storage.standing import StandingStore
from clubai.storage.usage import UsageStore
from clubai.storage.verdicts import VerdictStore

Role = Literal["member", "moderator", "treasurer", "operator", "auditor"]
Scope = Literal["chat", "embed", "node", "read"]
"""What an API key may do: ask, embed, speak for its member's nodes, look."""
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)


class MemberRow(Redacted, frozen=True, kw_only=True):
    """One account."""

    id: MemberId
    name: str
    """Unique without regard to case."""
    password: str
    """An argon2id PHC string."""
    role: Role
    created_at: float
    token_epoch: int = 0
    """Tokens of an older epoch are no longer good."""

    def __repr__(self) -> str:
        return f"MemberRow(id={self.id!r}, name={self.name!r}, role={self.role!r})"


class ApiKeyRow(Redacted, frozen=True, kw_only=True):
    """One API key. The secret itself is shown once and not kept."""

    id: str
    """The eight public characters of the key."""
    member: MemberId
    secret_hash: bytes
    """HMAC-SHA256 of the secret under the coordinator's pepper."""
    label: str
    created_at: float
    revoked_at: float | None = None
    scopes: tuple[Scope, ...] = SCOPES
    models: tuple[str, ...] = ()
    """The only models it may ask for; empty: all."""
    monthly_tokens: int | None = None
    """Prompt and answer tokens of one calendar month (UTC); None: no limit."""
    expires_at: float | None = None
    login: bool = False
    """It stands for a login: it has its member's role, and may manage keys."""

    def __repr__(self) -> str:
        return f"ApiKeyRow(id={self.id!r}, member={self.member!r})"


class NodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A node that has joined at least once, and who it belongs to."""

    id: NodeId
    key: bytes
    """Its Ed25519 identity key."""
    name: str
    """Unique in the club without regard to case."""
    owner: MemberId
    first_seen_at: float
    last_seen_at: float


TaskRow = TaskFacts
"""The facts of one ended task, as the core states them, are what is kept of it."""


def name_key(name: str) -> str:
    """Reduce a name to what must be unique: two names with one key are the same."""
    return name.casefold()


class Store(
    AccessStore,
    BookStore,
    CheckStore,
    EnrolmentStore,
    KeyLogStore,
    StandingStore,
    UsageStore,
    VerdictStore,
    Protocol,
):
    """Where the coordinator keeps what must outlive it.

    Every method may be called from any task of one event loop. A method that returns
    has made its change durable against the death of the process. All raise
    `StorageError` when the data cannot be read or written.
    """

    async def add_member(self, row: MemberRow) -> bool:
        """Add an account; False, and no change, when the name is taken."""

    async def member_named(self, name: str) -> MemberRow | None:
        """Find an account by its name, without regard to case."""

    async def member(self, member: MemberId) -> MemberRow | None:
        """Find an account by its id."""

    async def count_members(self) -> int:
        """Count the accounts."""

    async def set_password(self, member: MemberId, password: str) -> None:
        """Replace the argon2id string of an account; nothing when it is unknown."""

    async def bump_token_epoch(self, member: MemberId) -> None:
        """Make every token of an account worthless; nothing when it is unknown."""

    async def add_api_key(self, row: ApiKeyRow) -> None:
        """Add a key; `StorageError` when there is one with this id."""

    async def api_key(self, key_id: str) -> ApiKeyRow | None:
        """Find a key by its public id, a revoked one too."""

    async def api_keys_of(self, member: MemberId) -> list[ApiKeyRow]:
        """All keys of a member, oldest first."""

    async def revoke_api_key(self, key_id: str, *, at: float) -> None:
        """Mark a key as no longer good; nothing when it is unknown or was revoked."""

    async def nodes(self) -> list[NodeRow]:
        """All nodes that ever joined, oldest first."""

    async def put_node(self, row: NodeRow) -> bool:
        """Add a node, or replace what is known of the one with this id.

        False, and no change, when another node has the name.
        """

    async def append_tasks(self, rows: Sequence[TaskRow]) -> None:
        """Add ended tasks in one transaction; a row whose id is there is skipped."""

    async def tasks(
        self, *, limit: int, member: MemberId | None = None
    ) -> list[TaskRow]:
        """The most recently ended tasks, newest first."""

    async def count_tasks(self) -> int:
        """Count the ended tasks."""

    async def aclose(self) -> None:
        """Write what is pending and let go of the files; safe to call twice."""
