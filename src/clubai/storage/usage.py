"""What a store tells of how much members use the club, from the facts of tasks.

Days are UTC days, numbered from 1970-01-01 as 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from clubai.model import MemberId


class MemberUse(msgspec.Struct, frozen=True, kw_only=True):
    """How much one member used the club. Tokens are prompt and answer tokens."""

    tasks_today: int = 0
    tokens_today: int = 0
    tokens_30d: int = 0
    last_asked_at: float = 0.0
    """When the latest of the tasks that have ended was asked; 0: none has."""


class DayUse(msgspec.Struct, frozen=True, kw_only=True):
    """The tasks of one member that ended within one day."""

    tasks: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class UsageStore(Protocol):
    """The part of a `Store` that counts what members use. All raise `StorageError`."""

    async def use_of_members(
        self, *, today: float, since: float
    ) -> Mapping[MemberId, MemberUse]:
        """What each member used who ever asked; the others are left out.

        Args:
            today: When this day began: what ended since then is today's.
            since: From when `tokens_30d` counts; not after `today`.
        """

    async def use_by_day(
        self, member: MemberId, *, first: int, last: int
    ) -> Mapping[int, DayUse]:
        """What a member used in each day from `first` to `last`, by its number.

        Days without a task are left out.
        """
