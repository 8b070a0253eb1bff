"""Raw sockets that speak HTTP and WebSocket as wrongly as a test wants."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from support.serving import port_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from anyio.abc import SocketStream

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
GET = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def frame(
    opcode: int, payload: bytes = b"", *, final: bool = True, rsv1: bool = False
) -> bytes:
    """A client's frame, masked with zeros."""
    first = opcode | (0x80 if final else 0) | (0x40 if rsv1 else 0)
    if len(payload) < 126:
        head = struct.pack("!BB", first, 0x80 | len(payload))
    elif len(payload) < 1 << 16:
        head = struct.pack("!BBH", first, 0x80 | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, len(payload))
    return head + bytes(4) + payload


class RawPeer:
    """One TCP connection to the server under test."""

    def __init__(self, stream: SocketStream) -> None:
        self.stream = stream
        self._seen = b""

    async def send(self, data: bytes) -> None:
        await self.stream.send(data)

    async def until(self, mark: bytes) -> bytes:
        """Read up to and with `mark`."""
        while mark not in self._seen:
            self._seen += await self.stream.receive()
        found, mark, self._seen = self._seen.partition(mark)
        return found + mark

    def take(self) -> bytes:
        """What was read already and not asked for."""
        seen, self._seen = self._seen, b""
        return seen

    async def rest(self) -> bytes:
        """Read until the server closes or resets."""
        try:
            while True:
                self._seen += await self.stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return self.take()

    async def upgrade(self, headers: bytes = b"") -> bytes:
        await self.send(UPGRADE + headers + b"\r\n")
        return await self.until(b"\r\n\r\n")

    async def read_frame(self) -> tuple[int, bytes]:
        head = await self.exactly(2)
        length = head[1] & 0x7F
        if length == 126:
            [length] = struct.unpack("!H", await self.exactly(2))
        elif length == 127:
            [length] = struct.unpack("!Q", await self.exactly(8))
        return head[0] & 0x0F, await self.exactly(length)

    async def close_code(self) -> int:
        """Read frames until the server's close frame; return its code."""
        while True:
            opcode, payload = await self.read_frame()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big")

    async def exactly(self, size: int) -> bytes:
        while len(self._seen) < size:
            self._seen += await self.stream.receive()
        found, self._seen = self._seen[:size], self._seen[size:]
        return found


@asynccontextmanager
async def raw_peer(url: str) -> AsyncIterator[RawPeer]:
    async with await anyio.connect_tcp("127.0.0.1", port_of(url)) as stream:
        yield RawPeer(stream)


@contextmanager
def server_process(backend: str) -> Iterator[tuple[str, int]]:
    """The echo server in a process of its own; yield its address and process id."""
    script = Path(__file__).with_name("echo_server.py")
    path = os.pathsep.join(p for p in sys.path if p)
    process = subprocess.Popen(
        [sys.executable, script, backend],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline()), process.pid
    finally:
        process.communicate()


def memory_of(pid: int) -> int:
    """The highest number of bytes that the process ever had in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError
