"""`clubai gateway` in front of `clubai up`, a process each, asked by a real client."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from anyio.to_thread import run_sync

from support.commands import Started, started
from support.fakes.base import MODEL, FakeServer, Script
from support.serving import port_of

openai = pytest.importorskip("openai", reason="the package openai is not installed")

# Under trio the openai package leaves generators of its own to the collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)

EMBEDDER = "tiny-embedder"
SAID = "The answer."
HI: Any = [{"role": "user", "content": "hi"}]
CHAT: Any = {"model": MODEL, "messages": HI}


class Place:
    """A machine with a club and a gateway on it."""

    def __init__(self, home: Path, fake: FakeServer, running: ExitStack) -> None:
        self.fake = fake
        self.up: Started
        self.club: Any
        self.gateway: Started
        self.ready: Any
        self._home = home
        self._running = running

    async def start_club(self, port: int = 0) -> None:
        """The same data each time."""
        command = (
            *("clubai.cli", "up", "--json", "--agents=1", "--data=club"),
            *(f"--port={port}", f"--backend={self.fake.url}/v1"),
        )
        self.up = self._running.enter_context(started(*command, home=self._home))
        self.club = await run_sync(self.up.ready)

    async def start_gateway(self) -> None:
        command = ("clubai.cli", "gateway", "--port=0", "--json")
        env = {
            "CLUBAI_URL": self.club["coordinator"],
            "CLUBAI_API_KEY": self.club["api_key"],
        }
        self.gateway = self._running.enter_context(
            started(*command, home=self._home, **env)
        )
        self.ready = await run_sync(self.gateway.ready)

    def openai(self, **changes: Any) -> Any:
        settings = {
            "base_url": self.ready["openai"],
            "api_key": self.ready["api_key"],
            "max_retries": 0,
        }
        return openai.AsyncOpenAI(**{**settings, **changes})

    def http(self) -> httpx.AsyncClient:
        key = {"authorization": f"Bearer {self.ready['api_key']}"}
        return httpx.AsyncClient(base_url=self.ready["openai"], headers=key)


@asynccontextmanager
async def opened(home: Path) -> AsyncIterator[Place]:
    async with FakeServer().open() as fake:
        fake.models.append({"id": EMBEDDER, "object": "model"})
        with ExitStack() as running:
            place = Place(home, fake, running)
            await place.start_club()
            await place.start_gateway()
            with anyio.fail_after(60):
                yield place


async def test_what_a_client_asks_for(tmp_path: Path) -> None:
    async with opened(tmp_path) as place, place.openai() as client:
        raw = await client.chat.completions.with_raw_response.create(**CHAT)
        stream = await client.chat.completions.create(
            **CHAT, stream=True, stream_options={"include_usage": True}
        )
        *steps, last = [chunk async for chunk in stream]
        vectors = await client.embeddings.create(model=EMBEDDER, input=["a", "b"])
        models = {model.id async for model in client.models.list()}

    assert raw.parse().choices[0].message.content == SAID
    assert raw.headers["x-clubai-readable-by"] == place.ready["readable_by"]
    text = "".join(step.choices[0].delta.content or "" for step in steps)
    assert text == SAID
    assert last.choices == []
    assert last.usage.total_tokens == 10
    assert [row.embedding for row in vectors.data] == [[0.5, -0.5], [0.5, -0.5]]
    assert models == {MODEL, EMBEDDER}


async def test_who_is_let_in(tmp_path: Path) -> None:
    async with opened(tmp_path) as place, place.http() as http:
        asked = len(place.fake.asked("/v1/chat/completions"))
        async with place.openai(api_key=place.club["api_key"]) as stranger:
            with pytest.raises(openai.AuthenticationError):
                await stranger.chat.completions.create(**CHAT)
        page = await http.post(
            "/chat/completions", json=CHAT, headers={"origin": "https://evil.example"}
        )
        rebound = await http.post(
            "/chat/completions", json=CHAT, headers={"host": "evil.example:8011"}
        )
        preflight = await http.options(
            "/chat/completions",
            headers={
                "origin": "https://evil.example",
                "access-control-request-method": "POST",
                "access-control-request-headers": "authorization",
            },
        )

        assert len(place.fake.asked("/v1/chat/completions")) == asked

    assert (page.status_code, preflight.status_code) == (403, 403)
    assert rebound.status_code == 421
    for refused in (page, rebound, preflight):
        assert set(refused.json()["error"]) == {"message", "type", "param", "code"}
        assert "access-control-allow-origin" not in refused.headers


async def test_a_club_that_is_killed_and_comes_back(tmp_path: Path) -> None:
    async with opened(tmp_path) as place, place.openai() as client:
        await client.chat.completions.create(**CHAT)

        os.kill(place.up.pid, signal.SIGKILL)
        await run_sync(place.up.popen.wait)
        with pytest.raises(openai.InternalServerError) as caught:
            await client.chat.completions.create(**CHAT)
        with pytest.raises(openai.InternalServerError) as again:
            await client.chat.completions.create(**CHAT)
        await place.start_club(port_of(place.club["coordinator"]))
        patient = client.with_options(max_retries=20)
        answer = await patient.chat.completions.create(**CHAT)

        assert place.gateway.popen.poll() is None

    assert answer.choices[0].message.content == SAID
    for error in (caught.value, again.value):
        assert error.status_code == 503
        assert error.code == "coordinator_unreachable"
        assert error.response.headers["x-should-retry"] == "true"
        assert int(error.response.headers["retry-after"]) >= 1


async def test_it_ends_in_time_while_somebody_follows(tmp_path: Path) -> None:
    async with opened(tmp_path) as place, place.http() as http:
        place.fake.script = Script(hang_after=1)
        events: list[Any] = []
        async with http.stream(
            "POST", "/chat/completions", json={**CHAT, "stream": True}
        ) as got:
            before = 0.0
            async for line in got.aiter_lines():
                if not line.startswith("data: "):
                    continue
                events.append(json.loads(line.removeprefix("data: ")))
                if not before:
                    before = anyio.current_time()
                    place.gateway.popen.terminate()
        code = await run_sync(place.gateway.popen.wait)
        took = anyio.current_time() - before

    assert code == 0
    assert took < 5
    assert "error" in events[-1]
    assert place.gateway.err() == ""
