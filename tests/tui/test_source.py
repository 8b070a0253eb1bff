from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from clubai.client.feed import FeedItem
from clubai.tui.source import Attached, refuse_replay
from support.dashboard import snapshot

URL = "http://club:1"


def test_a_key_is_not_shown() -> None:
    assert repr(Attached(URL, "secret")) == f"Attached({URL!r}, mode='attached')"


def test_its_clock_is_the_machines() -> None:
    before = time.time()

    assert before <= Attached(URL, "k").clock() <= time.time()


async def test_items_are_those_of_the_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[str, str]] = []

    @asynccontextmanager
    async def feed(url: str, key: str) -> AsyncIterator[AsyncIterator[FeedItem]]:
        async def items() -> AsyncIterator[FeedItem]:
            yield snapshot()

        opened.append((url, key))
        yield items()

    monkeypatch.setattr("clubai.tui.source.open_feed", feed)

    assert [item async for item in Attached(URL, "k").items()] == [snapshot()]
    assert opened == [(URL, "k")]


async def test_calls_are_made_with_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []

    async def call(method: str, url: str, path: str, **rest: Any) -> dict[str, Any]:
        called.append((method, url, path, rest))
        return {}

    monkeypatch.setattr("clubai.tui.source.call", call)
    await Attached(URL, "k").call("PUT", "/api/x", {"a": 1})

    assert called == [("PUT", URL, "/api/x", {"body": {"a": 1}, "key": "k"})]


@pytest.mark.parametrize(("asking", "key"), [("", "k"), ("a", "a")])
def test_questions_are_asked_with_their_own_key(
    monkeypatch: pytest.MonkeyPatch, asking: str, key: str
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        "clubai.tui.source.Client.connect",
        lambda url, key, *, trust: asked.append((url, key, trust)),
    )
    Attached(URL, "k", asking_key=asking).client()

    assert asked == [(URL, key, None)]


def test_a_replay_says_why_it_cannot() -> None:
    assert "there is no club behind it" in str(refuse_replay("asking"))
