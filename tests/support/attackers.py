"""Whoever attacks a running coordinator, and whoever is to be served meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpx

from support.websocket_peers import RawPeer

MEGABYTE = 1 << 20
GONE = (
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
    OSError,
)


class Besieged:
    """A coordinator's process under attack."""

    def __init__(self, url: str, key: str, pid: int) -> None:
        self.url = url
        self.key = key
        self.pid = pid
        self.baseline = 0

    def memory(self) -> int:
        """Bytes that the process has in memory now."""
        return self._status("VmRSS")

    def peak(self) -> int:
        """The most it had since `forget_peak`."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def _status(self, field: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("the process has ended")

    @asynccontextmanager
    async def peer(self, source: str = "127.0.0.2") -> AsyncIterator[RawPeer]:
        """A raw connection from another address of this machine."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        stream = await anyio.connect_tcp(
            parts.hostname, parts.port, local_host=source, happy_eyeballs_delay=1
        )
        async with stream:
            yield RawPeer(stream)

    def head(self, line: str, *headers: str) -> bytes:
        """The head of a request with this member's key, and without its end."""
        lines = [line, "Host: 127.0.0.1", f"Authorization: Bearer {self.key}", *headers]
        return "\r\n".join(lines).encode() + b"\r\n"

    def upgrade(self, *headers: str) -> bytes:
        """A whole request for a client's connection."""
        return (
            self.head(
                "GET /clients/connect HTTP/1.1",
                "Upgrade: websocket",
                "Connection: Upgrade",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
                "Sec-WebSocket-Protocol: clubai.1",
                *headers,
            )
            + b"\r\n"
        )

    @asynccontextmanager
    async def websocket(self, *headers: str) -> AsyncIterator[RawPeer]:
        """A member's WebSocket, on which an attacker says what it likes."""
        async with self.peer() as peer:
            await peer.send(self.upgrade(*headers))
            assert b" 101 " in await peer.until(b"\r\n\r\n")
            yield peer


class Bystander:
    """A member who asks all the time, and how long the answers took."""

    def __init__(self, besieged: Besieged) -> None:
        self._besieged = besieged
        self.seconds: list[float] = []

    async def ask(self, http: httpx.AsyncClient) -> None:
        start = time.perf_counter()
        body = {
            "model": "mock",
            "messages": [{"role": "user", "content": "go"}],
            "max_tokens": 4,
        }
        response = await http.post("/v1/chat/completions", json=body)
        assert response.status_code == 200, response.text
        self.seconds.append(time.perf_counter() - start)

    async def run(self) -> None:
        headers = {"authorization": f"Bearer {self._besieged.key}"}
        async with httpx.AsyncClient(
            base_url=self._besieged.url, headers=headers, timeout=30, trust_env=False
        ) as http:
            while True:
                await self.ask(http)
                await anyio.sleep(0.02)


@asynccontextmanager
async def under_attack(
    besieged: Besieged, *, most_mb: int = 20, most_seconds: float = 3.0
) -> AsyncIterator[Bystander]:
    """Attack inside the block: memory and answers must stay within their bounds."""
    bystander = Bystander(besieged)
    besieged.forget_peak()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bystander.run)
        yield bystander
        answered = len(bystander.seconds)
        with anyio.fail_after(most_seconds):
            while len(bystander.seconds) < answered + 2:
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    os.kill(besieged.pid, 0)
    grown = (besieged.peak() - besieged.baseline) / MEGABYTE
    assert grown < most_mb, f"memory grew by {grown:.1f} MB"
    assert max(bystander.seconds) < most_seconds


async def pour(peer: RawPeer, data: bytes, times: int) -> int:
    """Send until the other side ends it; return the bytes that were sent."""
    sent = 0
    with suppress(*GONE):
        for _ in range(times):
            await peer.send(data)
            sent += len(data)
    return sent
