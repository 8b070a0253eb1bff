"""A store that forgets everything when it is closed: for tests, simulations and demos.

It keeps the same promises as the SQLite store but durability, and grows until then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from anyio.lowlevel import checkpoint

from clubai.errors import StorageError
from clubai.model import MemberId, NodeId
from clubai.storage.base import ApiKeyRow, MemberRow, NodeRow, TaskRow, name_key
from clubai.storage.memory_access import MemoryAccess
from clubai.storage.memory_books import MemoryBooks
from clubai.storage.memory_checks import MemoryChecks
from clubai.storage.memory_enrolment import MemoryEnrolment
from clubai.storage.memory_keylog import MemoryKeyLog
from clubai.storage.memory_standing import MemoryStanding
from clubai.storage.memory_usage import MemoryUsage
from clubai.storage.memory_verdicts import MemoryVerdicts

WHERE: Final = "memory://"


class MemoryStore(
    MemoryAccess,
    MemoryBooks,
    MemoryChecks,
    MemoryEnrolment,
    MemoryKeyLog,
    MemoryStanding,
    MemoryUsage,
    MemoryVerdicts,
):
    """A `Store` in dictionaries.

    Every method waits for its turn first and then acts at once, so that a cancelled
    call has either changed nothing or finished.
    """

    def __init__(self) -> None:
        MemoryAccess.__init__(self)
        MemoryBooks.__init__(self)
        MemoryChecks.__init__(self)
        MemoryEnrolment.__init__(self)
        MemoryKeyLog.__init__(self)
        MemoryStanding.__init__(self)
        MemoryVerdicts.__init__(self)
        self._members: dict[MemberId, MemberRow] = {}
        self._member_names: dict[str, MemberId] = {}
        self._api_keys: dict[str, ApiKeyRow] = {}
        self._nodes: dict[NodeId, NodeRow] = {}
        self._node_names: dict[str, NodeId] = {}
        self._tasks: dict[bytes, TaskRow] = {}
        self._closed = False

    async def add_member(self, row: MemberRow) -> bool:
        """Add an account; False, and no change, when the name is taken."""
        await self._turn()
        if name_key(row.name) in self._member_names:
            return False
        if row.id in self._members:
            raise StorageError(WHERE, f"there is a member {row.id!r} already")
        self._members[row.id] = row
        self._member_names[name_key(row.name)] = row.id
        return True

    async def member_named(self, name: str) -> MemberRow | None:
        """Find an account by its name, without regard to case."""
        await self._turn()
        member = self._member_names.get(name_key(name))
        return None if member is None else self._members[member]

    async def member(self, member: MemberId) -> MemberRow | None:
        """Find an account by its id."""
        await self._turn()
        return self._members.get(member)

    async def count_members(self) -> int:
        """Count the accounts."""
        await self._turn()
        return len(self._members)

    async def set_password(self, member: MemberId, password: str) -> None:
        """Replace the argon2id string of an account; nothing when it is unknown."""
        await self._turn()
        if row := self._members.get(member):
            self._members[member] = msgspec.structs.replace(row, password=password)

    async def bump_token_epoch(self, member: MemberId) -> None:
        """Make every token of an account worthless; nothing when it is unknown."""
        await self._turn()
        if row := self._members.get(member):
            self._members[member] = msgspec.structs.replace(
                row, token_epoch=row.token_epoch + 1
            )

    async def add_api_key(self, row: ApiKeyRow) -> None:
        """Add a key; `StorageError` when there is one with this id."""
        await self._turn()
        if row.id in self._api_keys:
            raise StorageError(WHERE, f"there is an API key {row.id!r} already")
        self._api_keys[row.id] = row

    async def api_key(self, key_id: str) -> ApiKeyRow | None:
        """Find a key by its public id, a revoked one too."""
        await self._turn()
        return self._api_keys.get(key_id)

    async def api_keys_of(self, member: MemberId) -> list[ApiKeyRow]:
        """All keys of a member, oldest first."""
        await self._turn()
        mine = (row for row in self._api_keys.values() if row.member == member)
        return sorted(mine, key=lambda row: row.created_at)

    async def revoke_api_key(self, key_id: str, *, at: float) -> None:
        """Mark a key as no longer good; nothing when it is unknown or was revoked."""
        await self._turn()
        row = self._api_keys.get(key_id)
        if row is not None and row.revoked_at is None:
            self._api_keys[key_id] = msgspec.structs.replace(row, revoked_at=at)

    async def nodes(self) -> list[NodeRow]:
        """All nodes that ever joined, oldest first."""
        await self._turn()
        return sorted(self._nodes.values(), key=lambda row: row.first_seen_at)

    async def put_node(self, row: NodeRow) -> bool:
        """Add a node, or replace what is known of the one with this id."""
        await self._turn()
        if self._node_names.get(name_key(row.name), row.id) != row.id:
            return False
        if before := self._nodes.get(row.id):
            del self._node_names[name_key(before.name)]
        self._nodes[row.id] = row
        self._node_names[name_key(row.name)] = row.id
        return True

    async def append_tasks(self, rows: Sequence[TaskRow]) -> None:
        """Add ended tasks; a row whose id is there is skipped."""
        await self._turn()
        for row in tuple(rows):
            self._tasks.setdefault(row.id, row)

    async def tasks(
        self, *, limit: int, member: MemberId | None = None
    ) -> list[TaskRow]:
        """The most recently ended tasks, newest first."""
        await self._turn()
        newest_first = sorted(
            (
                row
                for row in reversed(self._tasks.values())
                if member is None or row.member == member
            ),
            key=lambda row: -row.ended_at,
        )
        return newest_first[: max(limit, 0)]

    async def count_tasks(self) -> int:
        """Count the ended tasks."""
        await self._turn()
        return len(self._tasks)

    async def aclose(self) -> None:
        """Refuse every later call; safe to call twice."""
        self._closed = True
        await checkpoint()

    async def _turn(self) -> None:
        await checkpoint()
        if self._closed:
            raise StorageError(WHERE, "the store is closed")
