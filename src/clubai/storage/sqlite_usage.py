"""Members' use in SQLite: the part of the SQLite store that counts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from sqlite_utils import Database

from clubai.model import MemberId
from clubai.reputation.days import DAY_S
from clubai.storage.turns import Turns
from clubai.storage.usage import DayUse, MemberUse

T = TypeVar("T")

_USE: Final = """
    SELECT members.id, coalesce(tasks_today, 0), coalesce(tokens_today, 0),
        coalesce(tokens_30d, 0),
        (SELECT max(created_at) FROM tasks WHERE tasks.member = members.id) AS asked
    FROM members LEFT JOIN (
        SELECT member, sum(ended_at >= :today) AS tasks_today,
            sum((ended_at >= :today) * (prompt_tokens + completion_tokens))
                AS tokens_today,
            sum(prompt_tokens + completion_tokens) AS tokens_30d
        FROM tasks WHERE ended_at >= :since GROUP BY +member
    ) ON member = members.id
    WHERE asked IS NOT NULL
"""
"""`+member` keeps SQLite from reading all tasks in the order of their members."""
_BY_DAY: Final = """
    SELECT CAST(ended_at / :day_s AS INTEGER) AS day, count(*),
        sum(state = 'failed'), sum(prompt_tokens), sum(completion_tokens)
    FROM tasks WHERE member = :member AND ended_at >= :first AND ended_at < :end
    GROUP BY day
"""


def index_usage(db: Database) -> None:
    """What is counted by member and by day, and looked up by object, is indexed."""
    db.table("tasks").create_index(["member", "created_at"])
    db.table("audit").create_index(["object", "seq"])


class SqliteUsage:
    """What `UsageStore` promises, each in one query."""

    _reading: Turns

    async def use_of_members(
        self, *, today: float, since: float
    ) -> Mapping[MemberId, MemberUse]:
        """What each member used who ever asked."""
        names = {"today": today, "since": since}

        def count(db: Database) -> dict[MemberId, MemberUse]:
            return {
                MemberId(member): MemberUse(
                    tasks_today=tasks,
                    tokens_today=tokens,
                    tokens_30d=tokens_30d,
                    last_asked_at=asked,
                )
                for member, tasks, tokens, tokens_30d, asked in db.execute(_USE, names)
            }

        return await self._reading.run(count)

    async def use_by_day(
        self, member: MemberId, *, first: int, last: int
    ) -> Mapping[int, DayUse]:
        """What a member used in each day from `first` to `last`."""
        names = {
            "member": member,
            "day_s": DAY_S,
            "first": first * DAY_S,
            "end": (last + 1) * DAY_S,
        }

        def count(db: Database) -> dict[int, DayUse]:
            return {
                day: DayUse(
                    tasks=tasks,
                    failed=failed,
                    prompt_tokens=prompt,
                    completion_tokens=completion,
                )
                for day, tasks, failed, prompt, completion in db.execute(_BY_DAY, names)
            }

        return await self._reading.run(count)
