"""Many nodes on sockets that only say that they are alive.

Run as `python -m benchmarks.idle_nodes URL`; it prints a line of JSON after each phase:
all enrolled, all joined, a silent while, a while with heartbeats.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import struct
import time
from collections import deque
from typing import TypeVar, cast
from urllib.parse import urlsplit

import msgspec
import uvloop
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from clubai.crypto.bundles import make_bundle
from clubai.crypto.epochs import VALIDITY_MS
from clubai.crypto.identity import Identity
from clubai.model import ModelOffer
from clubai.protocol.codec import decode_to_node, encode
from clubai.protocol.login import (
    CHALLENGE_PATH,
    ENROL_PATH,
    ENROLMENTS_PATH,
    LOGIN_PATH,
    Challenge,
    ChallengeRequest,
    EnrolmentMade,
    EnrolReply,
    EnrolRequest,
    LoginReply,
    LoginRequest,
    origin_of,
)
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
from clubai.protocol.session import enrol_bytes, login_bytes

T = TypeVar("T")

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

    def __init__(self, caller: Caller, path: str, host: str, ticket: str) -> None:
        self.caller = caller
        self.request = (
            f"GET {path} HTTP/1.1\r\nhost: {host}\r\nupgrade: websocket\r\n"
            "connection: Upgrade\r\nsec-websocket-version: 13\r\n"
            "sec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
            f"authorization: Bearer {ticket}\r\n"
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
                self.register()
            elif isinstance(message, NodeRegistered):
                self.joined.set_result(None)

    def register(self) -> None:
        identity, boot = self.caller.identity, self.caller.boot
        bundle = self.caller.bundle
        self.say(
            NodeRegister(
                key=identity.key,
                boot=boot,
                bundle=bundle.body,
                bundle_sig=bundle.sig,
                name=f"idle-{self.caller.number}",
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


class Caller:
    """What one node says over HTTP, on one connection for each occasion."""

    def __init__(self, number: int, url: str) -> None:
        self.number = number
        self.parts = urlsplit(url)
        self.identity, self.boot = Identity(os.urandom(32)), os.urandom(16)
        now_ms = time.time_ns() // 1_000_000
        self.bundle = make_bundle(
            self.identity,
            X25519PrivateKey.generate().public_key().public_bytes_raw(),
            epoch=1,
            nbf_ms=now_ms,
            naf_ms=now_ms + VALIDITY_MS,
        )

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self.parts.hostname or "", self.parts.port or 80
        return await asyncio.open_connection(host, port)

    async def post(
        self,
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        path: str,
        body: object,
        kind: type[T],
        key: str = "",
    ) -> T:
        reader, writer = connection
        content = msgspec.json.encode(body)
        bearer = f"authorization: Bearer {key}\r\n" if key else ""
        head = (
            f"POST {path} HTTP/1.1\r\nhost: {self.parts.netloc}\r\n{bearer}"
            f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        )
        writer.write(head.encode() + content)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        size = int(answer.partition("content-length:")[2].split()[0])
        found = await reader.readexactly(size)
        if answer.split()[1] not in ("200", "201"):
            raise ConnectionError(found.decode())
        return msgspec.json.decode(found, type=kind)

    async def enrol(self, key: str) -> None:
        connection = await self.connect()
        made = await self.post(connection, ENROLMENTS_PATH, {}, EnrolmentMade, key)
        node = self.identity.node_id
        origin = origin_of(self.parts.netloc)
        request = EnrolRequest(
            token=made.token,
            node=node,
            key=self.identity.key,
            now_ms=time.time_ns() // 1_000_000,
            sig=self.identity.sign(enrol_bytes(made.token, origin, node)),
        )
        await self.post(connection, ENROL_PATH, request, EnrolReply)
        connection[1].close()

    async def ticket(self) -> str:
        connection = await self.connect()
        node = self.identity.node_id
        asked = ChallengeRequest(node=node)
        nonce = (await self.post(connection, CHALLENGE_PATH, asked, Challenge)).nonce
        now_ms = time.time_ns() // 1_000_000
        signed = login_bytes(origin_of(self.parts.netloc), nonce, self.boot, now_ms)
        request = LoginRequest(
            node=node,
            nonce=nonce,
            boot=self.boot,
            now_ms=now_ms,
            sig=self.identity.sign(signed),
        )
        reply = await self.post(connection, LOGIN_PATH, request, LoginReply)
        connection[1].close()
        return reply.ticket


async def enrol(callers: list[Caller], key: str) -> None:
    free = asyncio.Semaphore(AT_ONCE)

    async def one(caller: Caller) -> None:
        async with free, asyncio.timeout(60):
            await caller.enrol(key)

    await asyncio.gather(*map(one, callers))


async def join(callers: list[Caller], beats: Beats) -> list[Node]:
    free = asyncio.Semaphore(AT_ONCE)

    async def one(caller: Caller) -> Node:
        parts = caller.parts
        async with free, asyncio.timeout(60):
            ticket = await caller.ticket()
            _, node = await asyncio.get_running_loop().create_connection(
                lambda: Node(caller, parts.path, parts.netloc, ticket),
                parts.hostname or "",
                parts.port or 80,
            )
            await node.joined
            beats.add(node)
            return node

    return list(await asyncio.gather(*map(one, callers)))


async def run(args: argparse.Namespace) -> None:
    start = time.perf_counter()
    callers = [Caller(number, args.url) for number in range(args.nodes)]
    await enrol(callers, args.key)
    report("enrolled", [], seconds=time.perf_counter() - start)
    start = time.perf_counter()
    beats = Beats(args.interval)
    beating = asyncio.create_task(beats.run())
    nodes = await join(callers, beats)
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
