"""Attacks on a running coordinator: it lives, stays small, and serves the others.

The attackers come from other loopback addresses than the members, and loopback is
counted: one address may do what one address on the internet may do.
"""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import httpx
import pytest

from clubai.protocol.codec import encode
from clubai.protocol.messages import Hello, TaskRequest
from support.attackers import GONE, MEGABYTE, Besieged, Bystander, pour, under_attack
from support.commands import environment, started
from support.websocket_peers import BINARY, CONTINUATION, PING, frame

ROOT = Path(__file__).parents[2]
HELLO = frame(BINARY, encode(Hello(versions=(1,))))
REQUEST = frame(BINARY, encode(TaskRequest(ref=1, model="none", cvk=bytes(32))))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),
    pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="reads /proc, uses 127.0.0.2"
    ),
]


@pytest.fixture
def anyio_backend() -> str:
    """What is attacked is a process of its own: one loop is enough."""
    return "asyncio"


@pytest.fixture(scope="module")
def besieged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    home = tmp_path_factory.mktemp("attacked")
    settings = home / "clubai.toml"
    settings.write_text("[coordinator.edge]\ncount_loopback = true\n")
    mock = [sys.executable, "-m", "benchmarks.mock_backend", "--rate=1000"]
    with subprocess.Popen(
        mock,
        cwd=ROOT,
        env=environment(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as backend:
        assert backend.stdout
        port = int(backend.stdout.readline())
        with started(
            "clubai.cli",
            "up",
            "--processes",
            "--json",
            "--port=0",
            "--agents=1",
            f"--config={settings}",
            f"--data={home / 'club'}",
            f"--backend=http://127.0.0.1:{port}/v1",
            home=home,
        ) as up:
            club = up.ready()
            pid = club["pids"]["coordinator"]
            besieged = Besieged(club["coordinator"], club["api_key"], pid)
            anyio.run(warm_up, besieged)
            yield besieged
            assert up.stop() == 0
        backend.communicate()


async def warm_up(besieged: Besieged) -> None:
    headers = {"authorization": f"Bearer {besieged.key}"}
    async with httpx.AsyncClient(
        base_url=besieged.url, headers=headers, timeout=30, trust_env=False
    ) as http:
        bystander = Bystander(besieged)
        for _ in range(10):
            async with anyio.create_task_group() as tasks:
                for _ in range(16):
                    tasks.start_soon(bystander.ask, http)
        wrong = {"name": "nobody", "password": "wrong password"}
        assert (await http.post("/api/login", json=wrong)).status_code == 401
    besieged.baseline = besieged.memory()


async def test_deflate_bombs(besieged: Besieged) -> None:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = squeeze.compress(bytes(60 * MEGABYTE)) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    async with under_attack(besieged):
        for _ in range(8):
            async with besieged.websocket(
                "Sec-WebSocket-Extensions: permessage-deflate"
            ) as peer:
                await peer.send(frame(BINARY, bomb[:-4], rsv1=True))
                assert await peer.close_code() == 1002


async def test_messages_without_an_end(besieged: Besieged) -> None:
    async def attack() -> None:
        async with besieged.websocket() as peer:
            await peer.send(frame(BINARY, bytes(1000), final=False))
            piece = frame(CONTINUATION, bytes(MEGABYTE // 4), final=False)
            assert await pour(peer, piece, 400) < 100 * MEGABYTE

    async with under_attack(besieged), anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(attack)


async def test_heads_and_bodies_that_dribble(besieged: Besieged) -> None:
    async def dribble(begin: bytes) -> None:
        async with besieged.peer() as peer:
            await peer.send(begin)
            for _ in range(20):
                await peer.send(b"x")
                await anyio.sleep(0.1)

    head = besieged.head("GET /api/me HTTP/1.1", "X-Slow: ")[:-2]
    body = (
        besieged.head("POST /v1/chat/completions HTTP/1.1", "Content-Length: 8000000")
        + b"\r\n"
    )
    async with under_attack(besieged), anyio.create_task_group() as tasks:
        for number in range(48):
            tasks.start_soon(dribble, body if number % 2 else head)


async def test_readers_that_never_read(besieged: Besieged) -> None:
    """Answers of a megabyte each, asked for and left lying."""
    body = (
        b'{"model":"mock","stream":true,"max_tokens":20000,'
        b'"messages":[{"role":"user","content":"go"}]}'
    )
    request = (
        besieged.head(
            "POST /v1/chat/completions HTTP/1.1", f"Content-Length: {len(body)}"
        )
        + b"\r\n"
        + body
    )
    async with under_attack(besieged), AsyncExitStack() as stack:
        for _ in range(16):
            peer = await stack.enter_async_context(besieged.peer())
            await peer.send(request)
        await anyio.sleep(3)


async def test_a_flood_of_requests_for_tasks(besieged: Besieged) -> None:
    async def attack() -> None:
        async with besieged.websocket() as peer:
            await peer.send(HELLO)
            requests = [
                frame(BINARY, encode(TaskRequest(ref=ref, model="none", cvk=bytes(32))))
                for ref in range(1, 5001)
            ]
            with_all = b"".join(requests)
            await pour(peer, with_all, 4)
            said = await peer.rest()
            assert b"GOODBYE" in said[-400:] or not said

    async with under_attack(besieged), anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(attack)


async def test_a_flood_that_is_never_read(besieged: Besieged) -> None:
    async with under_attack(besieged), AsyncExitStack() as stack:
        for _ in range(8):
            peer = await stack.enter_async_context(besieged.websocket())
            with anyio.move_on_after(0.5):
                await pour(peer, HELLO + REQUEST * 500, 1000)


async def test_floods_of_pings(besieged: Besieged) -> None:
    async def attack() -> None:
        async with besieged.websocket() as peer:
            await peer.send(HELLO)
            with anyio.move_on_after(2):
                await pour(peer, frame(PING, b"p" * 100) * 500, 1000)

    async with under_attack(besieged), anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(attack)


async def test_bursts_of_bad_logins(besieged: Besieged) -> None:
    body = b'{"name":"operator","password":"a wrong password"}'
    request = (
        besieged.head("POST /api/login HTTP/1.1", f"Content-Length: {len(body)}")
        + b"\r\n"
        + body
    )
    answers: list[bytes] = []

    async def attack(source: str) -> None:
        async with besieged.peer(source) as peer:
            with anyio.move_on_after(2), anyio.CancelScope():
                try:
                    while True:
                        await peer.send(request * 20)
                        for _ in range(20):
                            head = await peer.until(b"\r\n\r\n")
                            answers.append(head.split()[1])
                            length = head.lower().partition(b"content-length: ")[2]
                            await peer.exactly(int(length.split()[0]))
                except GONE:
                    return

    # Two passwords are hashed at a time, 19 MiB each.
    async with under_attack(besieged, most_mb=60), anyio.create_task_group() as tasks:
        for number in range(40):
            tasks.start_soon(attack, f"127.0.2.{number % 4 + 1}")
    assert len(answers) > 500
    assert answers.count(b"429") > 0.8 * len(answers)
    assert set(answers) == {b"401", b"429"}
    assert besieged.memory() - besieged.baseline < 20 * MEGABYTE


async def test_bursts_of_bad_keys(besieged: Besieged) -> None:
    """Refused before the upgrade, and others connect meanwhile."""
    good = besieged.key
    async with under_attack(besieged):
        for number in range(300):
            besieged.key = f"cak_{number:040}"
            request = besieged.upgrade()
            besieged.key = good
            async with besieged.peer() as peer:
                await peer.send(request)
                assert (await peer.until(b"\r\n")).split()[1] in (b"401", b"429")


async def test_a_thousand_half_open_upgrades_of_one_address(
    besieged: Besieged,
) -> None:
    answers = []
    async with under_attack(besieged), AsyncExitStack() as stack:
        for number in range(1000):
            peer = await stack.enter_async_context(besieged.peer())
            await pour(peer, besieged.upgrade()[:-2], 1)
            if number >= 100 and number % 100 == 0:
                answers.append((await peer.rest())[:13])
    # Refused in so many words, or, when too many are, without any.
    assert set(answers) <= {b"HTTP/1.1 429 ", b""}
    assert b"HTTP/1.1 429 " in answers


async def test_a_thousand_half_open_upgrades_of_twenty_addresses(
    besieged: Besieged,
) -> None:
    # All of them are let in: 20 KiB each.
    async with under_attack(besieged, most_mb=30), AsyncExitStack() as stack:
        for number in range(1000):
            source = f"127.0.1.{number % 20 + 1}"
            peer = await stack.enter_async_context(besieged.peer(source))
            await peer.send(besieged.upgrade()[:-2])
        refused = await stack.enter_async_context(besieged.peer("127.0.1.1"))
        assert (await refused.rest()).startswith(b"HTTP/1.1 429 ")
