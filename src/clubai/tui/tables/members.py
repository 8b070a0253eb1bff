"""The tables of the members, of a member's keys, and their use by day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import msgspec

from clubai.model import NodeSnapshot, TaskSnapshot
from clubai.tui.grid import Column, Grid
from clubai.tui.look import Cell, Look, count, day, percent
from clubai.tui.tables.nodes import node_name

_BAR: Final = 8


class MemberRow(msgspec.Struct, frozen=True, kw_only=True):
    """One member, and what they used."""

    id: str
    name: str
    role: str
    created_at: float = 0.0
    tasks_today: int = 0
    """Those that ended since the day (UTC) began."""
    tokens_today: int = 0
    last_asked_at: float = 0.0
    """0: never."""
    tokens_30d: int = 0
    share: float = 0.0
    """Of the tokens of all members in 30 days, 0 to 1."""


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One API key, without its secret."""

    id: str
    label: str
    created_at: float
    revoked_at: float | None = None
    scopes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    """The only ones it may ask for; empty: all."""
    monthly_tokens: int | None = None
    """None: no limit."""
    expires_at: float | None = None
    login: bool = False


class DayRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a member used in one day (UTC)."""

    day: str
    tasks: int
    failed: int
    prompt_tokens: int
    completion_tokens: int

    @property
    def tokens(self) -> int:
        """Both kinds."""
        return self.prompt_tokens + self.completion_tokens


def read_members(answer: dict[str, Any]) -> list[MemberRow]:
    """What `/api/members` answered, with everybody's share.

    Raises:
        KeyError, msgspec.ValidationError: it is no such answer.
    """
    rows = msgspec.convert(answer["members"], list[MemberRow])
    total = sum(row.tokens_30d for row in rows)
    return [
        msgspec.structs.replace(row, share=row.tokens_30d / total if total else 0.0)
        for row in rows
    ]


def read_keys(answer: dict[str, Any]) -> list[KeyRow]:
    """What `/api/keys` answered. Raises as `read_members`."""
    return msgspec.convert(answer["keys"], list[KeyRow])


def read_days(answer: dict[str, Any]) -> list[DayRow]:
    """What `/api/members/ID/usage` answered. Raises as `read_members`."""
    return msgspec.convert(answer["days"], list[DayRow])


def usage_lines(days: Sequence[DayRow], look: Look, width: int) -> list[str]:
    """The days as columns, today at the right, between the words that read them."""
    if not days:
        return ["No day is told."]
    tasks, tokens = sum(each.tasks for each in days), sum(each.tokens for each in days)
    failed = sum(each.failed for each in days)
    most = max(days, key=lambda each: each.tokens)
    each_wide = 2 if width >= 2 * len(days) else 1
    values = [float(each.tokens) for each in days for _ in range(each_wide)]
    bars = [
        line.rstrip() for line in look.spark(values, min(width, len(values)), height=3)
    ]
    first = days[-(min(width, len(values)) // each_wide) :][0].day
    return [
        (
            f"Tokens by day (UTC), {len(days)} days: {count(tokens)} tokens, "
            f"{tasks} tasks, {failed} failed"
        ),
        *bars,
        f"{first} to {days[-1].day}; most: {count(most.tokens)} on {most.day}",
    ]


def nodes_line(
    nodes: Iterable[NodeSnapshot], owner: Collection[str], look: Look
) -> str:
    """The nodes that a member lends, in one line.

    `owner`: the member's name and id. A club that was just started names by ids.
    """
    said = [
        f"{look.fit(node_name(node), 24)} {node.state}"
        + (f" {node.standing.points} points" if node.standing else "")
        for node in nodes
        if node.owner in owner
    ]
    return f"Nodes: {look.rule.join(said)}" if said else "Nodes: none"


def tasks_of(tasks: Iterable[TaskSnapshot], member: str) -> list[TaskSnapshot]:
    """The member's tasks that are remembered, in their order."""
    return [task for task in tasks if task.member == member]


def members_grid() -> Grid[MemberRow]:
    """The members, by name."""
    return Grid(MEMBERS, key=lambda row: row.id, sort="Member")


def keys_grid() -> Grid[KeyRow]:
    """Keys, the newest first."""
    return Grid(KEYS, key=lambda row: row.id, sort="Made")


def _key_state(row: KeyRow, look: Look) -> Cell:
    if row.revoked_at is not None:
        return Cell("revoked", "muted")
    if row.expires_at is not None and row.expires_at <= look.now:
        return Cell("expired", "muted")
    return Cell("good", "good")


def _limit(row: KeyRow, _look: Look) -> Cell:
    return Cell("none" if row.monthly_tokens is None else count(row.monthly_tokens))


MEMBERS: Final[tuple[Column[MemberRow], ...]] = (
    Column(
        name="Member",
        width=14,
        grow=True,
        cell=lambda row, _: Cell(row.name),
        sort=lambda row: row.name.lower(),
        says="The member's name.",
    ),
    Column(
        name="Role",
        width=9,
        cell=lambda row, _: Cell(row.role, "accent" if row.role != "member" else ""),
        sort=lambda row: row.role,
        says="What they may do: member, moderator, treasurer, operator, auditor.",
    ),
    Column(
        name="Today",
        width=6,
        right=True,
        cell=lambda row, _: Cell(str(row.tasks_today)),
        sort=lambda row: row.tasks_today,
        falling=True,
        says="Requests that ended since the day (UTC) began, failed ones too.",
    ),
    Column(
        name="Tokens",
        width=7,
        right=True,
        cell=lambda row, _: Cell(count(row.tokens_today)),
        sort=lambda row: row.tokens_today,
        falling=True,
        says="Prompt and answer tokens of these.",
    ),
    Column(
        name="30 days",
        rank=2,
        width=8,
        right=True,
        cell=lambda row, _: Cell(count(row.tokens_30d)),
        sort=lambda row: row.tokens_30d,
        falling=True,
        says="Tokens of today and the 29 days before.",
    ),
    Column(
        name="Share",
        rank=3,
        width=_BAR + 7,
        cell=lambda row, look: Cell(
            f"{look.bar(row.share, 1.0, _BAR)} {percent(row.share)}"
        ),
        sort=lambda row: row.share,
        falling=True,
        says="Of all members' tokens in these 30 days. No quota: only keys have one.",
    ),
    Column(
        name="Last use",
        rank=1,
        width=8,
        right=True,
        cell=lambda row, look: Cell(
            look.age(row.last_asked_at) if row.last_asked_at else "never"
        ),
        sort=lambda row: -row.last_asked_at,
        says="How long ago they asked the latest of the tasks that have ended.",
    ),
    Column(
        name="Since",
        rank=4,
        width=10,
        cell=lambda row, _: Cell(day(row.created_at or None)),
        sort=lambda row: row.created_at,
        falling=True,
        says="The day on which they joined.",
    ),
    Column(
        name="Id",
        rank=5,
        width=18,
        cell=lambda row, _: Cell(row.id, "muted"),
        sort=lambda row: row.id,
        says="As tasks and the audit log name them.",
    ),
)
KEYS: Final[tuple[Column[KeyRow], ...]] = (
    Column(
        name="Key",
        width=10,
        cell=lambda row, _: Cell(row.id),
        sort=lambda row: row.id,
        says="Its public part.",
    ),
    Column(
        name="State",
        width=8,
        cell=_key_state,
        sort=lambda row: row.revoked_at or 0.0,
        says="Good, revoked, or expired.",
    ),
    Column(
        name="For",
        width=10,
        grow=True,
        cell=lambda row, _: Cell(row.label or "-"),
        sort=lambda row: row.label.lower(),
        says="What its owner made it for.",
    ),
    Column(
        name="May",
        rank=1,
        width=20,
        cell=lambda row, _: Cell("log in" if row.login else ", ".join(row.scopes)),
        sort=lambda row: row.scopes,
        says="What it allows; `log in`: all that its member may.",
    ),
    Column(
        name="Quota",
        rank=2,
        width=6,
        right=True,
        cell=_limit,
        sort=lambda row: row.monthly_tokens or 0,
        falling=True,
        says="Tokens in a calendar month (UTC); what is used of them is not told.",
    ),
    Column(
        name="Until",
        rank=3,
        width=10,
        cell=lambda row, _: Cell(day(row.expires_at)),
        sort=lambda row: row.expires_at or 0.0,
        says="When it ends by itself.",
    ),
    Column(
        name="Made",
        rank=4,
        width=10,
        cell=lambda row, _: Cell(day(row.created_at)),
        sort=lambda row: row.created_at,
        falling=True,
        says="The day on which it was made.",
    ),
)
