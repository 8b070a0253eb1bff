"""Nodes that are killed while they work: nothing is lost, nothing is answered twice."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from support.paced_club import MODEL, model_server, paced_club

REQUESTS = 200
AGENTS = 5
TOKENS = 48
RATE = 8
"""Tokens a second: an answer lasts six seconds. Were it quicker, then on a busy machine
the answers would have left the nodes before the test has read enough to kill any."""
# Streams that have begun when nodes are killed: more than the nodes that live hold.
BEGUN = REQUESTS * 3 // 8

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def anyio_backend() -> str:
    """It is other processes that are killed: one loop is enough to ask them."""
    return "asyncio"


class Outcome:
    """How one request ended."""

    def __init__(self, *, stream: bool) -> None:
        self.stream = stream
        self.words = 0
        self.finished = False
        self.error: dict[str, Any] | None = None
        self.attempts = 0

    @property
    def answered(self) -> bool:
        return self.finished and self.error is None and self.words == TOKENS


class Asking:
    """Two hundred members' requests at once."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self.outcomes: list[Outcome] = []
        self.begun = 0
        self.well_under_way = anyio.Event()

    async def ask(self, *, stream: bool) -> None:
        outcome = Outcome(stream=stream)
        body = {
            "model": MODEL,
            "messages": [{"role": "user", "content": "go"}],
            "max_tokens": TOKENS,
            "stream": stream,
        }
        async with self._http.stream("POST", "/chat/completions", json=body) as got:
            outcome.attempts = int(got.headers.get("x-clubai-attempts", 0))
            if stream and got.status_code == 200:
                await self._follow(got, outcome)
            else:
                self._take(json.loads(await got.aread()), outcome)
        self.outcomes.append(outcome)

    async def _follow(self, got: httpx.Response, outcome: Outcome) -> None:
        async for line in got.aiter_lines():
            if line == "data: [DONE]":
                outcome.finished = True
            elif line.startswith("data: "):
                self._take_chunk(json.loads(line.removeprefix("data: ")), outcome)

    def _take_chunk(self, chunk: dict[str, Any], outcome: Outcome) -> None:
        if "error" in chunk:
            outcome.error = chunk["error"]
            return
        for choice in chunk["choices"]:
            if choice["delta"].get("content"):
                if not outcome.words:
                    self._begin()
                outcome.words += 1

    def _begin(self) -> None:
        self.begun += 1
        if self.begun == BEGUN:
            self.well_under_way.set()

    def _take(self, whole: dict[str, Any], outcome: Outcome) -> None:
        if "error" in whole:
            outcome.error = whole["error"]
            return
        outcome.words = len(whole["choices"][0]["message"]["content"].split())
        outcome.finished = True


async def test_killed_nodes_lose_nothing_that_had_not_begun(tmp_path: Path) -> None:
    with (
        model_server(rate=RATE) as backend,
        paced_club(tmp_path, backend, agents=AGENTS) as up,
    ):
        club = up.ready()
        headers = {"authorization": f"Bearer {club['api_key']}"}
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(
            base_url=club["openai"], headers=headers, timeout=120, limits=limits
        ) as http:
            asking = Asking(http)
            async with anyio.create_task_group() as tasks:
                for number in range(REQUESTS):
                    tasks.start_soon(lambda s=number % 2 == 0: asking.ask(stream=s))
                await asking.well_under_way.wait()
                for pid in club["pids"]["agents"][:2]:
                    os.kill(pid, signal.SIGKILL)
            tasks_seen = await facts(http, club["coordinator"])

    check(asking.outcomes)
    assert tasks_seen["tasks_done"] + tasks_seen["tasks_failed"] == REQUESTS
    answered = sum(outcome.answered for outcome in asking.outcomes)
    assert tasks_seen["tasks_done"] == answered
    assert tasks_seen["completion_tokens"] == answered * TOKENS
    assert tasks_seen["tasks_retried"] > 0


async def facts(http: httpx.AsyncClient, url: str) -> dict[str, int]:
    got: dict[str, int] = (await http.get(f"{url}/api/stats")).json()
    return got


def check(outcomes: list[Outcome]) -> None:
    assert len(outcomes) == REQUESTS
    for outcome in outcomes:
        if outcome.answered:
            continue
        # a clear error, and only where part of the answer had been given
        assert outcome.stream
        assert outcome.error is not None
        assert outcome.error["code"] == "node_lost"
        assert not outcome.finished
        assert 0 < outcome.words <= TOKENS
    whole = [outcome for outcome in outcomes if not outcome.stream]
    assert all(outcome.answered for outcome in whole)
    assert any(outcome.attempts > 1 for outcome in whole)
    assert any(not outcome.answered for outcome in outcomes)
