from __future__ import annotations

from typing import Any

import anyio

from clubai.errors import ConnectFailed, PermissionDenied
from clubai.tui.screens.exchange import ExchangeScreen
from clubai.tui.screens.task import TaskScreen
from support.dashboard import LARGE, SMALL, Scripted, script, settled, shown, text_of
from support.talking import answer_of

ANSWERS: dict[str, Any] = {
    "GET /api/me": {
        "id": "m_ana",
        "name": "ana",
        "role": "member",
        "grants": {"scopes": ["chat"], "monthly_tokens": 100_000, "key_id": "k"},
    },
    "GET /api/members/m_ana/usage?days=30": {
        "days": [
            {
                "day": f"2026-09-{day:02d}",
                "tasks": 2,
                "failed": 0,
                "prompt_tokens": 10,
                "completion_tokens": 10 * day,
            }
            for day in range(1, 22)
        ]
    },
    "GET /api/balance": {
        "balance_minor": 500,
        "spendable_minor": 400,
        "currency": "EUR",
    },
}
KEYS = ("escape", "2")


async def test_use_and_tasks_are_shown_and_asked_for_again() -> None:
    source = Scripted(script(), answers=ANSWERS)
    async with shown(source, size=LARGE, view="member", keys=KEYS) as (board, pilot):
        await settled(pilot)
        seen = text_of(board)

        assert "ana · member · this key: chat · limit 100k tokens a month" in seen
        assert "today 2 tasks, 220 tokens · this month 2.5k" in seen
        assert "500 minor units of EUR, 400 of them can be spent" in seen
        assert "5 of 6 nodes alive" in seen
        assert "m_ana" in seen
        assert "m_bo" not in seen  # an operator's feed has everybody's
        asked = len(source.calls)
        await pilot.press("r")
        await settled(pilot)
        assert len(source.calls) == 2 * asked


async def test_what_cannot_be_read_says_so() -> None:
    refused = PermissionDenied("this", "the key may not read")
    answers = {**ANSWERS, "GET /api/me": refused, "GET /api/balance": refused}
    source = Scripted(script(), answers=answers)
    async with shown(source, size=SMALL, view="member", keys=KEYS) as (board, pilot):
        await settled(pilot)

        assert "not answered: this is not allowed" in text_of(board)
        assert "minor units" not in text_of(board)
        assert "qwen3-8b" not in text_of(board)  # whose tasks they are is not known


async def test_a_members_feed_has_their_own_tasks_alone() -> None:
    refused = PermissionDenied("this", "the key may not read")
    source = Scripted(script(role="member"), answers={"GET /api/me": refused})
    async with shown(source, size=SMALL, view="member", keys=KEYS) as (board, pilot):
        await settled(pilot)

        assert "qwen3-8b" in text_of(board)


async def test_no_tasks_are_shown_while_it_is_not_known_who_asks() -> None:
    async with shown(Silent(script()), size=SMALL, view="member", keys=KEYS) as (
        board,
        _pilot,
    ):
        assert "asking the club" in text_of(board)
        assert "qwen3-8b" not in text_of(board)


class Silent(Scripted):
    """A club that does not answer."""

    async def call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        await anyio.sleep_forever()
        raise AssertionError


async def test_who_one_is_is_asked_again_when_it_is_shown_again() -> None:
    refused = ConnectFailed("http://club.example", "no answer")
    source = Scripted(script(), answers={**ANSWERS, "GET /api/me": refused})
    async with shown(source, size=LARGE, view="member", keys=KEYS) as (board, pilot):
        await settled(pilot)
        assert "not answered" in text_of(board)

        source.answers = ANSWERS
        await pilot.press("1", "escape", "2")
        await settled(pilot)
        assert "ana · member" in text_of(board)
        assert "m_ana" in text_of(board)


async def test_enter_opens_what_was_asked_here_with_its_answer() -> None:
    source = Scripted(script(), answers=ANSWERS)
    async with shown(source, size=LARGE, view="member", keys=KEYS) as (board, pilot):
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(board.screen, TaskScreen)
        task = board.screen.task_id
        await pilot.press("escape")

        exchange = board.conversation.begin("why?", now=0.0)
        exchange.finish(answer_of("so", task=task), 1.0)
        await pilot.press("enter")
        await settled(pilot)

        assert isinstance(board.screen, ExchangeScreen)
        assert "why?" in text_of(board)


async def test_ids_are_copied_and_live_tasks_cancelled_only_after_a_question() -> None:
    source = Scripted(script(), answers=ANSWERS)
    async with shown(source, size=LARGE, view="member", keys=KEYS) as (board, pilot):
        await settled(pilot)
        await pilot.press("i")
        assert len(board.clipboard) == 32
        await pilot.press("x")
        await settled(pilot)
        assert "Cancel" in text_of(board)
        await pilot.press("n")
        assert all(method == "GET" for method, _, _ in source.calls)
