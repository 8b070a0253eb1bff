"""What a member may use and did use, in lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from clubai.tui import plain
from clubai.tui.asked import Asked
from clubai.tui.look import Cell, Look, count, day, duration
from clubai.tui.picture import Picture

SPARK_WIDTH: Final = 30
USE_DAYS: Final = 30


class MyGrants(msgspec.Struct, frozen=True, kw_only=True):
    """What the key that was shown allows."""

    scopes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    monthly_tokens: int | None = None
    expires_at: float | None = None


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, as the club knows them."""

    id: str
    name: str
    role: str
    grants: MyGrants = MyGrants()


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """What was used in one day of UTC."""

    day: str
    tasks: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Of prompts and answers."""
        return self.prompt_tokens + self.completion_tokens


class Days(msgspec.Struct, frozen=True, kw_only=True):
    """The last days, the oldest first."""

    days: tuple[Day, ...] = ()


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What one has in the club's books."""

    balance_minor: int
    spendable_minor: int
    currency: str


def read_me(answer: dict[str, Any]) -> Me:
    """Read `GET /api/me`. Raises `msgspec.ValidationError`."""
    return msgspec.convert(answer, Me)


def read_days(answer: dict[str, Any]) -> Days:
    """Read a member's use. Raises `msgspec.ValidationError`."""
    return msgspec.convert(answer, Days)


def read_balance(answer: dict[str, Any]) -> Balance:
    """Read `GET /api/balance`. Raises `msgspec.ValidationError`."""
    return msgspec.convert(answer, Balance)


def use_lines(
    me: Asked[Me],
    used: Asked[Days],
    balance: Asked[Balance],
    picture: Picture,
    look: Look,
) -> list[Sequence[Cell]]:
    """Who one is, what one may and did use, and how the club is."""
    lines: list[Sequence[Cell]] = [_me(me, look), *_used(me, used, look)]
    if balance.value is not None:
        lines.append(_balance(balance.value))
    lines.append([Cell("club   ", "muted"), Cell(health(picture, look))])
    return lines


def _me(asked: Asked[Me], look: Look) -> list[Cell]:
    me = asked.value
    if me is None:
        return [Cell("me     ", "muted"), _age(asked, look)]
    grants = me.grants
    parts = [plain.name(me.name), plain.name(me.role)]
    if grants.scopes:
        parts.append(f"this key: {plain.name(', '.join(grants.scopes))}")
    if grants.monthly_tokens is None:
        parts.append("no token limit")
    else:
        parts.append(f"limit {count(grants.monthly_tokens)} tokens a month")
    if grants.models:
        parts.append(f"only {plain.name(', '.join(grants.models))}")
    if grants.expires_at is not None:
        parts.append(f"ends {day(grants.expires_at)}")
    return [Cell("me     ", "muted"), Cell(look.rule.join(parts))]


def _used(me: Asked[Me], asked: Asked[Days], look: Look) -> list[list[Cell]]:
    head = Cell("used   ", "muted")
    if asked.value is None:
        refused = me.value is None and bool(me.refused)
        return [[head, Cell("-", "muted") if refused else _age(asked, look)]]
    days = asked.value.days
    tasks = sum(each.tasks for each in days)
    failed = sum(each.failed for each in days)
    tokens = sum(each.tokens for each in days)
    today = days[-1] if days else Day(day="")
    month = sum(each.tokens for each in days if each.day[:7] == today.day[:7])
    parts = [
        f"today {today.tasks} tasks, {count(today.tokens)} tokens",
        f"this month {count(month)}",
        f"{len(days)} days {tasks} tasks ({failed} failed), {count(tokens)} tokens",
    ]
    text = look.rule.join(parts)
    (spark,) = look.spark([each.tokens for each in days], min(len(days), SPARK_WIDTH))
    by_day = [Cell("by day ", "muted"), Cell(f"{spark} ", "accent"), _age(asked, look)]
    return [[head, Cell(text)], by_day]


def _balance(balance: Balance) -> list[Cell]:
    currency = plain.name(balance.currency, 8)
    text = (
        f"{balance.balance_minor} minor units of {currency}, "
        f"{balance.spendable_minor} of them can be spent"
    )
    return [Cell("balance", "muted"), Cell(f" {text}")]


def health(picture: Picture, look: Look) -> str:
    """How the club is, in one line."""
    stats = picture.stats
    if stats is None:
        return "-"
    latency = picture.latency()
    parts = [
        f"{stats.nodes_alive} of {stats.nodes_known} nodes alive",
        f"{stats.slots_used} of {stats.slots} slots in use",
        f"{stats.tasks_queued} queued",
    ]
    if latency.tasks:
        parts.append(f"my first tokens after {duration(latency.p50)}")
    return look.rule.join(parts)


def _age(asked: Asked[Any], look: Look) -> Cell:
    return Cell(asked.age(look), "warn" if asked.refused else "muted")
