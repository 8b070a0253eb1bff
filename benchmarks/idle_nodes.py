"""Many nodes on sockets that only say that they are alive.

Run as `python -m benchmarks.idle_nodes URL`; it prints a line of JSON after each phase:
all joined, a silent while, a while with heartbeats.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import struct
import time
from collections import deque
from typing import cast
from urllib.parse import urlsplit

import uvloop

from clubai.crypto.identity import Identity
from clubai.model import ModelOffer
from clubai.protocol.codec import decode_to_node, encode
from clubai.protocol.messages import (
    PROTOCOL_VERSION,
    SUBPROTOCOL,
    Hello,
    Message,
    NodeHeartbeat,
    NodeRegister,
    NodeRegistered,
    Welcome,
)
from clubai.protocol.session import registration_bytes

AT_ONCE = 100
"""Connections that are being opened at one time."""
MODELS = (ModelOffer(name="mock", context=4096, tokens_per_second=50.0),)
BINARY, CLOSE, PING, PONG = 2, 8, 9, 10


def frame(opcode: int, payload: bytes) -> bytes:
    """One masked frame; a mask of zeros changes nothing and is a mask."""
    head = bytes([0x80 | opcode])
    if len(payload) < 126:
        size = struct.pack(">B", 0x80 | len(payload))
    else:
        size = struct.pack(">BH", 0x80 | 126, len(payload))
    return head + size + b"\0\0\0\0" + payload


HEARTBEAT = frame(BINARY, encode(NodeHeartbeat(models=MODELS)))


class Node(asyncio.Protocol):
    """One node: the handshake, the registration, then heartbeats on demand."""

    def __init__(self, number: int, path: str, host: str, key: str) -> None:
        self.number = number
        self.request = (
            f"GET {path} HTTP/1.1\r\nhost: {host}\r\nupgrade: websocket\r\n"
            "connection: Upgrade\r\nsec-websocket-version: 13\r\n"
            "sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
            f"authorization: Bearer {key}\r\n"
            f"sec-websocket-protocol: {SUBPROTOCOL}\r\n\r\n"
        ).encode()
        self.buffer = b""
        self.open = False
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self.request)

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(f"connection lost: {exc}")

    def fail(self, reason: str) -> None:
        self.lost = self.lost or reason
        if not self.joined.done():
            self.joined.set_exception(ConnectionError(reason))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.open:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self.fail(head.decode("latin-1"))
                self.transport.abort()
                return
            self.open, self.buffer = True, rest
            self.say(Hello(versions=(PROTOCOL_VERSION,), program="benchmark"))
        while (taken := self.take_frame()) is not None:
            self.receive(*taken)

    def take_frame(self) -> tuple[int, bytes] | None:
        if len(self.buffer) < 2:
            return None
        size, at = self.buffer[1] & 0x7F, 2
        if size == 126:
            if len(self.buffer) < 4:
                return None
            size, at = int.from_bytes(self.buffer[2:4], "big"), 4
        if len(self.buffer) < at + size:
            return None
        opcode, payload = self.buffer[0] & 0x0F, self.buffer[at : at + size]
        self.buffer = self.buffer[at + size :]
        return opcode, payload

    def receive(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self.transport.write(frame(PONG, payload))
        elif opcode == CLOSE:
            self.fail(f"closed by the coordinator: {payload[2:].decode()}")
        elif opcode == BINARY:
            message = decode_to_node(payload)
            if isinstance(message, Welcome):
                self.register(message.challenge)
            elif isinstance(message, NodeRegistered):
                self.joined.set_result(None)

    def register(self, challenge: bytes) -> None:
        identity, boot = Identity(os.urandom(32)), os.urandom(16)
        self.say(
            NodeRegister(
                key=identity.key,
                sig=identity.sign(registration_bytes(challenge, boot)),
                boot=boot,
                name=f"idle-{self.number}",
                models=MODELS,
                backend="mock",
            )
        )

    def say(self, message: Message) -> None:
        self.transport.write(frame(BINARY, encode(message)))


class Beats:
    """Sends a heartbeat for each node every `interval` seconds, while not paused."""

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.paused = False
        self.sent = 0
        self.due: deque[tuple[float, Node]] = deque()

    def add(self, node: Node) -> None:
        self.due.append((time.perf_counter() + self.interval, node))

    async def run(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            now = time.perf_counter()
            while not self.paused and self.due and self.due[0][0] <= now:
                node = self.due.popleft()[1]
                if not node.lost:
                    node.transport.write(HEARTBEAT)
                    self.sent += 1
                    self.due.append((now + self.interval, node))


async def join(url: str, key: str, count: int, beats: Beats) -> list[Node]:
    parts = urlsplit(url)
    free = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Node:
        async with free, asyncio.timeout(60):
            _, node = await asyncio.get_running_loop().create_connection(
                lambda: Node(number, parts.path, parts.netloc, key),
                parts.hostname or "",
                parts.port or 80,
            )
            await node.joined
            beats.add(node)
            return node

    return list(await asyncio.gather(*(one(number) for number in range(count))))


async def run(args: argparse.Namespace) -> None:
    start = time.perf_counter()
    beats = Beats(args.interval)
    beating = asyncio.create_task(beats.run())
    nodes = await join(args.url, args.key, args.nodes, beats)
    report("joined", nodes, seconds=time.perf_counter() - start, heartbeats=beats.sent)
    beats.paused = True
    await asyncio.sleep(args.silent)
    report("silent", nodes, seconds=args.silent)
    beats.paused, before = False, beats.sent
    await asyncio.sleep(args.seconds)
    report("beating", nodes, seconds=args.seconds, heartbeats=beats.sent - before)
    beating.cancel()


def report(phase: str, nodes: list[Node], **more: float) -> None:
    lost = [node.lost for node in nodes if node.lost]
    row = {"phase": phase, "lost": len(lost), "reason": lost[0] if lost else "", **more}
    print(json.dumps(row), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.idle_nodes")
    parser.add_argument("url", help="ends in /nodes/connect")
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--silent", type=float, default=5.0, help="seconds")
    parser.add_argument("--interval", type=float, default=15.0, help="seconds")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--key", required=True, help="of the nodes' owner")
    uvloop.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
