"""A marked prompt: where it can be found while it is answered, and afterwards.

Coordinator and agent are processes of their own, and the agent's model server repeats
what it is asked, so that the answer is marked like the prompt.

Sealed, the mark is in the node's model server and with whoever asked. It is at no time
in the coordinator's memory, its files, its log, or anything that it serves.

In transit the coordinator's gateway reads the prompt: the mark is in its memory while
the request lives, and never on disk. What Python frees is not overwritten, so that a
freed text may be found for a while in memory that nothing refers to; that is tested in
a coordinator whose allocator overwrites what is freed (`memory_scan.WIPING`), where
whatever is found is still held by something.
"""

from __future__ import annotations

import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from anyio.to_thread import run_sync

from clubai.client import Client
from clubai.errors import TaskFailed, TaskRejected
from support.commands import Started, clubai, started
from support.fakes.base import MODEL, FakeServer, Script
from support.http_server import Request, Response, json_response
from support.memory_scan import WIPING, control, in_files, in_memory, why_unreadable

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    # Under trio httpx leaves generators of its own to the collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

PAUSE_AT = 2
"""The model server says two words, the second one the mark, and waits."""
DIVIDED = ("consensus", "context", "subtasks")
UNTIL_GONE_S = 10.0
"""Less than a connection that says nothing is kept."""
SERVED = (
    *("/", "/health", "/ready", "/openapi.json", "/metrics", "/v1/models"),
    *("/api/me", "/api/keys", "/api/nodes", "/api/models", "/api/tasks", "/api/stats"),
    *("/api/snapshot", "/api/trust", "/log/checkpoint"),
)


class Parrot(FakeServer):
    """Repeats the mark of what it was asked, and waits in the middle when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.mark = ""
        self.refuses = False
        self.breaks_off = False
        self.half_way = anyio.Event()
        self.go_on = anyio.Event()

    def expect(
        self, *, waits: bool = False, refuses: bool = False, breaks_off: bool = False
    ) -> str:
        """A new mark, and how the answer to it goes."""
        self.mark = f"canary-{secrets.token_hex(16)}"
        self.script = Script(words=("I", f" say {self.mark}", " too."))
        self.refuses = refuses
        if breaks_off:
            self.script.error_after = PAUSE_AT
            self.script.error = self.error(f"it fell over {self.mark}")
        self.half_way, self.go_on = anyio.Event(), anyio.Event()
        if not waits:
            self.go_on.set()
        return self.mark

    @property
    def heard(self) -> bool:
        """Whether the mark came as a prompt."""
        return any(self.mark.encode() in each.body for each in self.server.requests)

    async def _generate(
        self, request: Request, chunk: Callable[..., dict[str, Any]]
    ) -> Response:
        if self.refuses:
            body = request.json()
            return json_response(self.error(f"cannot do {body['messages']}"), 400)
        return await super()._generate(request, chunk)

    async def _stumble(self, number: int) -> None:
        if number == PAUSE_AT:
            self.half_way.set()
            await self.go_on.wait()
        await super()._stumble(number)


class Place:
    """A coordinator and an agent, a process and a directory each."""

    def __init__(self, home: Path, parrot: Parrot, running: ExitStack) -> None:
        self.parrot = parrot
        self.home = home
        self.data = home / "club"
        self.coordinator: Started
        self.url = ""
        self.api_key = ""
        self.node = ""
        self._running = running

    async def start(self, loop: str, env: dict[str, str]) -> None:
        command = (
            *("clubai.cli.coordinator", "--json", "--port=0", "--operator-key"),
            *("--log-level=debug", f"--data={self.data}", f"--backend={loop}"),
        )
        self.coordinator = self._start(*command, **env)
        self.url = (await run_sync(self.coordinator.ready))["coordinator"]
        self.api_key = (self.data / "operator.key").read_text()
        why = why_unreadable(self.coordinator.pid)
        if why:
            pytest.skip(why)
        self.node = await self.add_node("node", "parrot-cage")

    async def add_node(self, directory: str, name: str) -> str:
        """Start an agent; gives the id of its node."""
        agent = self._start(
            *("clubai.cli.agent", "--json", f"--coordinator={self.url}"),
            *("--log-level=debug", f"--data={self.home / directory}"),
            *(f"--name={name}", f"--backend-url={self.parrot.url}/v1"),
            CLUBAI_API_KEY=self.api_key,
        )
        ready = await run_sync(agent.ready)
        return str(ready["node"])

    def _start(self, *command: str, **env: str) -> Started:
        return self._running.enter_context(started(*command, home=self.home, **env))

    def http(self) -> httpx.AsyncClient:
        key = {"authorization": f"Bearer {self.api_key}"}
        return httpx.AsyncClient(base_url=self.url, headers=key, timeout=60)

    async def memory(self, text: str) -> dict[str, int]:
        return await run_sync(in_memory, self.coordinator.pid, text)

    async def places(self, text: str) -> list[str]:
        """Where `text` is, apart from the coordinator's memory: everywhere else."""
        found = [f"file {name}" for name in await run_sync(in_files, self.home, text)]
        async with self.http() as http:
            for path in (*SERVED, *await self._log_paths(http)):
                got = await http.get(path)
                assert got.status_code == 200, path
                if text in got.text or text in str(got.headers):
                    found.append(f"served {path}")
            if text in await self._events(http):
                found.append("served /api/events")
        return found

    async def _log_paths(self, http: httpx.AsyncClient) -> tuple[str, ...]:
        size = int((await http.get("/log/checkpoint")).text.splitlines()[1])
        part = f"000.p/{size}"
        return (
            *(f"/log/tile/0/{part}", f"/log/tile/entries/{part}"),
            f"/log/node/{self.node}",
        )

    async def _events(self, http: httpx.AsyncClient) -> str:
        """All that happened since the start."""
        boot = (await http.get("/api/snapshot")).json()["boot"]
        path = f"/api/events?since=0&boot={boot}"
        found = []
        async with http.stream("GET", path) as events:
            async for line in events.aiter_lines():
                found.append(line)
                if line == "event: stats":
                    await events.aclose()
                    return "\n".join(found)
        raise AssertionError("the events ended")


@asynccontextmanager
async def place(home: Path, loop: str, **env: str) -> AsyncIterator[Place]:
    parrot = Parrot()
    with ExitStack() as running:
        async with parrot.open():
            there = Place(home, parrot, running)
            await there.start(loop, env)
            yield there
            parrot.go_on.set()


async def nowhere(there: Place, mark: str) -> None:
    assert await there.memory(mark) == {}
    assert await there.places(mark) == []


Ask = Callable[[Place, str], Awaitable[str]]
"""Asks, and gives the answer or what the error says."""


async def streamed(there: Place, prompt: str) -> str:
    async with Client.connect(there.url, there.api_key) as client:
        try:
            async with client.stream(prompt, model=MODEL) as pieces:
                return "".join([piece async for piece in pieces])
        except (TaskFailed, TaskRejected) as error:
            return error.message


async def whole(there: Place, prompt: str) -> str:
    async with Client.connect(there.url, there.api_key) as client:
        try:
            return (await client.ask(prompt, model=MODEL)).text
        except (TaskFailed, TaskRejected) as error:
            return error.message


async def by_command(there: Place, prompt: str) -> str:
    ask = partial(clubai, "ask", "-", home=asker(there), stdin=prompt, **club(there))
    done = await run_sync(ask)
    return done.out + done.err


async def by_gateway(there: Place, prompt: str) -> str:
    """What any OpenAI client is given at the member's own gateway."""
    command = ("clubai.cli", "gateway", "--port=0", "--json")
    with started(*command, home=asker(there), **club(there)) as gateway:
        ready = await run_sync(gateway.ready)
        key = {"authorization": f"Bearer {ready['api_key']}"}
        address = ready["openai"]
        async with httpx.AsyncClient(
            base_url=address, headers=key, timeout=60, trust_env=False
        ) as http:
            body = {"model": MODEL, "messages": [{"role": "user", "content": prompt}]}
            got = await http.post("/chat/completions", json=body)
    assert got.is_error or got.headers["x-clubai-readable-by"] == "node"
    return got.text


def club(there: Place) -> dict[str, str]:
    return {"CLUBAI_URL": there.url, "CLUBAI_API_KEY": there.api_key}


def asker(there: Place) -> Path:
    """The directory of the member who asks, beside the club's."""
    directory = there.home.parent / "asker"
    directory.mkdir(exist_ok=True)
    return directory


async def test_a_sealed_prompt_is_with_the_node_and_nowhere_else(
    tmp_path: Path, anyio_backend_name: str
) -> None:
    home = tmp_path / "club"
    home.mkdir()
    async with place(home, anyio_backend_name) as there:
        await it_finds_what_is_there(there)
        asks: tuple[Ask, ...] = (streamed, whole, by_command, by_gateway)
        for ask in asks:
            await sealed(there, ask)
        for ask in asks:
            mark = there.parrot.expect(refuses=True)
            assert mark in await ask(there, f"say {mark}"), ask
            assert there.parrot.heard
            await nowhere(there, mark)
        mark = there.parrot.expect(breaks_off=True)
        assert mark in await whole(there, f"say {mark}")
        await nowhere(there, mark)

        assert there.coordinator.stop(signal.SIGTERM) == 0
        assert in_files(home, mark) == []
        assert mark not in there.coordinator.rest()
        there.coordinator = there._start(
            "clubai.cli.coordinator", "--json", "--port=0", f"--data={there.data}"
        )
        await run_sync(there.coordinator.ready)
        assert await there.memory(mark) == {}


async def sealed(there: Place, ask: Ask) -> None:
    mark = there.parrot.expect(waits=True)
    answers: list[str] = []

    async def keep() -> None:
        answers.append(await ask(there, f"say {mark}"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keep)
        await there.parrot.half_way.wait()
        await nowhere(there, mark)
        there.parrot.go_on.set()
    (answer,) = answers
    assert f"I say {mark} too." in answer
    assert there.parrot.heard
    await nowhere(there, mark)


async def it_finds_what_is_there(there: Place) -> None:
    """The same look finds what the coordinator is told in the open."""
    name = "parrot-cage"
    assert set(await there.memory(name)) >= {"plain"}
    places = await there.places(name)
    assert {"served /", "served /api/nodes", "served /api/events"} & set(places) >= {
        "served /api/nodes",
        "served /api/events",
    }
    files = [place for place in places if place.startswith("file ")]
    assert any("clubai.db" in each for each in files), files
    assert any("stderr" in each for each in files), files


async def in_transit(
    there: Place,
    http: httpx.AsyncClient,
    mark: str,
    *,
    stream: bool,
    mode: str,
    **ceilings: int,
) -> str:
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": f"say {mark}"}],
        "stream": stream,
        "clubai": {**dividing(mode, mark), **ceilings},
    }
    got = await http.post("/v1/chat/completions", json=body)
    return got.text


def dividing(mode: str, mark: str) -> dict[str, Any]:
    """How a request is divided, so that each of its parts has the mark."""
    prose = [f"On day {day} it did say {mark}. " * 4 for day in range(3)]
    more: dict[str, dict[str, Any]] = {
        "subtasks": {"parts": [{"prompt": f"say {mark} {n}"} for n in range(2)]},
        "context": {
            "documents": [{"text": "\n\n".join(prose)}],
            "chunk_tokens": 100,
            "cite": True,
        },
    }
    return {"mode": mode, **more.get(mode, {})}


async def until_gone(there: Place, mark: str) -> None:
    """Wait until nothing holds it, while the connection that it came on stays open.

    The event loop reads into a buffer of its own, which it never clears: what came last
    stays there until something as long comes in.
    """
    with anyio.fail_after(UNTIL_GONE_S):
        while await there.memory(mark):
            async with there.http() as http:
                await http.post("/v1/chat/completions", content=b"x" * 100_000)


async def test_in_transit_a_prompt_is_in_memory_while_the_request_lives(
    tmp_path: Path, anyio_backend_name: str
) -> None:
    before, after = await run_sync(control, WIPING)
    assert before > 1, "the look finds nothing"
    if after > 1:
        pytest.skip("the allocator of this machine does not overwrite what is freed")
    async with place(tmp_path, anyio_backend_name, **WIPING) as there:
        await there.add_node("second", "second-cage")  # *consensus* needs two
        async with there.http() as http:
            for stream in (False, True):
                ask = partial(in_transit, there, http, mode="single", stream=stream)
                await lives_and_goes(there, ask)
                for failing in ("refuses", "breaks_off"):
                    mark = there.parrot.expect(**{failing: True})
                    assert mark in await ask(mark)
                    await until_gone(there, mark)
                await left(there, ask)
                assert await there.places(there.parrot.mark) == []
            for mode, stream in product(DIVIDED, (False, True)):
                ask = partial(in_transit, there, http, mode=mode, stream=stream)
                mark = there.parrot.expect()
                assert mark in await ask(mark)
                await until_gone(there, mark)
                mark = there.parrot.expect(refuses=True)
                assert '"error":' in await ask(mark)
                assert there.parrot.heard
                await until_gone(there, mark)
                await left(there, ask)
                mark = there.parrot.expect()
                assert "cannot_be_divided" in await ask(mark, max_parts=1)
                assert not there.parrot.heard
                await until_gone(there, mark)
        mark = there.parrot.mark
        assert there.coordinator.stop(signal.SIGTERM) == 0
        assert in_files(tmp_path, mark) == []


async def lives_and_goes(there: Place, ask: Callable[[str], Awaitable[str]]) -> None:
    mark = there.parrot.expect(waits=True)
    answers: list[str] = []

    async def keep() -> None:
        answers.append(await ask(mark))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keep)
        await there.parrot.half_way.wait()
        assert await there.memory(mark), "the look finds nothing"
        assert await there.places(mark) == []
        there.parrot.go_on.set()
    assert mark in answers[0]
    await until_gone(there, mark)
    assert await there.places(mark) == []


async def left(there: Place, ask: Callable[[str], Awaitable[str]]) -> None:
    """Whoever asked goes away in the middle."""
    mark = there.parrot.expect(waits=True)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask, mark)
        await there.parrot.half_way.wait()
        tasks.cancel_scope.cancel()
    await until_gone(there, mark)
