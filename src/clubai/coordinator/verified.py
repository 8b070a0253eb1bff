"""How much of the club's work is its own checks: counted by day, for those who look."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from clubai.model import CLUB_ID, TaskFacts

DAY_S: Final = 86_400
DAYS: Final = 30


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of prompts and answers in a span of time."""

    days: int
    tokens: int
    check_tokens: int
    share: float
    """The checks' part of all, 0 to 1."""


class Verified:
    """Counts since the coordinator started, of the last `DAYS` days at most."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._days: OrderedDict[int, tuple[int, int]] = OrderedDict()

    def add(self, facts: TaskFacts) -> None:
        """Count an ended task."""
        day = int(facts.ended_at) // DAY_S
        tokens = facts.prompt_tokens + facts.completion_tokens
        every, checks = self._days.get(day, (0, 0))
        if facts.member == CLUB_ID:
            checks += tokens
        self._days[day] = (every + tokens, checks)
        while len(self._days) > DAYS:
            self._days.popitem(last=False)

    def share(self, days: int) -> Share:
        """The checks' share of the last `days` days, today included."""
        since = int(self._clock()) // DAY_S - days + 1
        counted = [both for day, both in self._days.items() if day >= since]
        tokens = sum(every for every, _ in counted)
        checks = sum(checks for _, checks in counted)
        return Share(
            days=days,
            tokens=tokens,
            check_tokens=checks,
            share=checks / tokens if tokens else 0.0,
        )

    def shares(self) -> dict[str, Share]:
        """Of the last day and of the last month."""
        return {"day": self.share(1), "month": self.share(DAYS)}
