"""How many tokens each API key has used in the calendar month, in UTC.

The counts of earlier runs come from the store once, at the start; what this run adds
is counted as its tasks end. What is under way when a limit is reached still ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from clubai.coordinator.grants import Grants
from clubai.errors import RateLimited
from clubai.model import TaskFacts


class MonthlyLimit(RateLimited):
    """An API key has used the tokens that it has for a month."""

    def __init__(self, limit: int, resets_at: float, *, now: float) -> None:
        super().__init__("tokens in a month", resets_at - now)
        self.limit = limit
        self.resets_at = resets_at
        when = datetime.fromtimestamp(resets_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        spent = f"the API key has used its {limit} tokens of this month"
        self.args = (f"{spent}: it resets at {when}",)


class Spending:
    """Counts the tokens of one month by API key.

    Args:
        counted: Tokens by key of the tasks that ended since `month_start(clock())`.
        clock: Unix seconds.
    """

    def __init__(
        self, counted: Mapping[str, int], *, clock: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._tokens = dict(counted)
        self._since = month_start(clock())

    def add(self, facts: TaskFacts) -> None:
        """Count an ended task."""
        self._turn_page()
        if facts.key_id and facts.ended_at >= self._since:
            used = facts.prompt_tokens + facts.completion_tokens
            self._tokens[facts.key_id] = self._tokens.get(facts.key_id, 0) + used

    def used(self, key_id: str) -> int:
        """Tokens that a key has used this month."""
        self._turn_page()
        return self._tokens.get(key_id, 0)

    def check(self, grants: Grants) -> None:
        """Refuse a key that has used up its month. Raises `MonthlyLimit`."""
        limit = grants.monthly_tokens
        if limit is not None and self.used(grants.key_id) >= limit:
            now = self._clock()
            raise MonthlyLimit(limit, next_month(now), now=now)

    def _turn_page(self) -> None:
        since = month_start(self._clock())
        if since != self._since:
            self._since = since
            self._tokens.clear()


def month_start(at: float) -> float:
    """When the calendar month of `at` began, in UTC."""
    day = datetime.fromtimestamp(at, UTC)
    return datetime(day.year, day.month, 1, tzinfo=UTC).timestamp()


def next_month(at: float) -> float:
    """When the calendar month after that of `at` begins, in UTC."""
    day = datetime.fromtimestamp(at, UTC)
    year, month = divmod(day.year * 12 + day.month, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC).timestamp()
