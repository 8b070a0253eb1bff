"""Members' use in dictionaries: the part of the memory store that counts it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from clubai.model import MemberId
from clubai.reputation.days import day_at
from clubai.storage.base import TaskRow
from clubai.storage.usage import DayUse, MemberUse


class MemoryUsage:
    """What `UsageStore` promises. Each method acts at once, after its turn."""

    _tasks: dict[bytes, TaskRow]

    async def _turn(self) -> None:
        raise NotImplementedError

    async def use_of_members(
        self, *, today: float, since: float
    ) -> Mapping[MemberId, MemberUse]:
        """What each member used who ever asked."""
        await self._turn()
        mine: dict[MemberId, list[TaskRow]] = {}
        for row in self._tasks.values():
            mine.setdefault(row.member, []).append(row)
        return {
            member: MemberUse(
                tasks_today=sum(row.ended_at >= today for row in rows),
                tokens_today=_tokens(row for row in rows if row.ended_at >= today),
                tokens_30d=_tokens(row for row in rows if row.ended_at >= since),
                last_asked_at=max(row.created_at for row in rows),
            )
            for member, rows in mine.items()
        }

    async def use_by_day(
        self, member: MemberId, *, first: int, last: int
    ) -> Mapping[int, DayUse]:
        """What a member used in each day from `first` to `last`."""
        await self._turn()
        found: dict[int, list[TaskRow]] = {}
        for row in self._tasks.values():
            day = day_at(row.ended_at)
            if row.member == member and first <= day <= last:
                found.setdefault(day, []).append(row)
        return {
            day: DayUse(
                tasks=len(rows),
                failed=sum(row.state == "failed" for row in rows),
                prompt_tokens=sum(row.prompt_tokens for row in rows),
                completion_tokens=sum(row.completion_tokens for row in rows),
            )
            for day, rows in found.items()
        }


def _tokens(rows: Iterable[TaskRow]) -> int:
    return sum(row.prompt_tokens + row.completion_tokens for row in rows)
