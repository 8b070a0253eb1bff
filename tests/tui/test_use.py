from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from clubai.tui.asked import Asked
from clubai.tui.look import Look
from clubai.tui.picture import Picture
from clubai.tui.use import (
    Balance,
    Days,
    Me,
    health,
    read_balance,
    read_days,
    read_me,
    use_lines,
)
from support.dashboard import NOW, script

T = TypeVar("T")

LOOK = Look(now=NOW + 5, ascii=True)
DAYS = (
    {"day": "2026-10-31", "tasks": 1, "prompt_tokens": 1000},
    {"day": "2026-11-23", "tasks": 2, "failed": 1, "completion_tokens": 300},
    {"day": "2026-11-24", "tasks": 3, "prompt_tokens": 20, "completion_tokens": 30},
)


def asked(read: Callable[[dict[str, Any]], T], answer: Any = None) -> Asked[T]:
    made = Asked(read)
    if answer is not None:
        made.take(answer, NOW)
    return made


def me(**fields: Any) -> Asked[Me]:
    answer = {"id": "m_ana", "name": "ana", "role": "member", **fields}
    return asked(read_me, answer)


NO_DAYS, NO_BALANCE = asked(read_days), asked(read_balance)


def told(me: Asked[Me], used: Asked[Days], balance: Asked[Balance]) -> list[str]:
    lines = use_lines(me, used, balance, Picture(), LOOK)
    return ["".join(cell.text for cell in line) for line in lines]


def test_the_use_of_today_the_month_and_all_days() -> None:
    lines = told(me(), asked(read_days, {"days": DAYS}), NO_BALANCE)

    assert "today 3 tasks, 50 tokens | this month 350" in lines[1]
    assert "3 days 6 tasks (1 failed), 1.4k tokens" in lines[1]
    assert lines[2].endswith("asked 5 s ago (r: now)")


def test_what_a_key_allows() -> None:
    grants = {
        "scopes": ["chat"],
        "models": ["m1"],
        "monthly_tokens": 100_000,
        "expires_at": NOW,
    }

    line = told(me(name="a\x1bna", grants=grants), NO_DAYS, NO_BALANCE)[0]

    assert "a?na | member | this key: chat | limit 100k tokens a month" in line
    assert line.endswith("only m1 | ends 2026-09-21")


def test_what_is_not_known_says_so() -> None:
    waiting = told(asked(read_me), NO_DAYS, NO_BALANCE)
    nobody = asked(read_me, "no key")
    refused = told(nobody, NO_DAYS, asked(read_balance, "no books"))

    assert "asking the club" in waiting[0]
    assert "not answered: no key" in refused[0]
    assert not any("balance" in line for line in refused)


def test_an_answer_that_is_none_is_refused() -> None:
    line = told(asked(read_me, {"odd": 1}), NO_DAYS, NO_BALANCE)[0]

    assert "this version cannot read" in line


def test_a_balance_is_in_minor_units() -> None:
    answer = {"balance_minor": 1234, "spendable_minor": 1000, "currency": "EUR"}

    lines = told(me(), NO_DAYS, asked(read_balance, answer))

    assert "1234 minor units of EUR, 1000 of them can be spent" in lines[-2]


def test_the_club_in_one_line() -> None:
    picture = Picture()
    assert health(picture, LOOK) == "-"
    for item in script():
        picture.take(item, NOW)

    line = health(picture, LOOK)

    assert line.startswith("5 of 6 nodes alive | 5 of 13 slots in use | 2 queued")
    assert "my first tokens after" in line
