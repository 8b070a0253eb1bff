"""A load generator of raw connections: N of them, each asking again and again.

Run as `python -m benchmarks.load URL ...`; it prints one JSON object. An answer counts
only when it has status 200 and exactly the tokens that were asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import Final, cast
from urllib.parse import urlsplit

import msgspec
import uvloop

TOKEN: Final = b"tok "
PROMPT: Final = "Say something long. " * 8
GIVE_UP: Final = 30.0
"""Seconds that one answer may take."""
MOST_ERRORS: Final = 1000


class LoadResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of the generator saw."""

    requests: int
    errors: int
    first_error: str
    seconds: float
    tokens: int
    first_token_ms: tuple[float, float]
    """Median and 95th percentile."""
    total_ms: tuple[float, float]
    per_token_ms: float
    """Mean time between two tokens of one stream."""

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


class Sample(msgspec.Struct, frozen=True):
    first: float
    total: float
    tokens: int


class Connection(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.done: asyncio.Future[bytes] | None = None
        self.first = 0.0
        self.end = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods of asyncio.Transport, not the class
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.done is not None and not self.done.done():
            self.done.set_exception(ConnectionError("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        if not self.first and TOKEN in data:
            self.first = time.perf_counter()
        self.buffer += data
        if self.is_whole() and self.done is not None and not self.done.done():
            self.done.set_result(bytes(self.buffer))

    def is_whole(self) -> bool:
        if self.end < 0:
            at = self.buffer.find(b"\r\n\r\n")
            if at < 0:
                return False
            head = bytes(self.buffer[:at]).lower()
            self.end = 0
            if (length := head.find(b"\r\ncontent-length:")) >= 0:
                body = int(head[length + 17 :].split(b"\r\n", 1)[0])
                self.end = at + 4 + body
        if self.end:
            return len(self.buffer) >= self.end
        return self.buffer.endswith(b"\r\n0\r\n\r\n")

    async def ask(self, request: bytes, tokens: int) -> Sample:
        self.buffer.clear()
        self.first, self.end = 0.0, -1
        self.done = asyncio.get_running_loop().create_future()
        start = time.perf_counter()
        self.transport.write(request)
        async with asyncio.timeout(GIVE_UP):
            answer = await self.done
        stop = time.perf_counter()
        if not answer.startswith(b"HTTP/1.1 200") or answer.count(TOKEN) != tokens:
            raise ConnectionError(answer[:400].decode("latin-1"))
        return Sample(self.first - start, stop - start, tokens)


async def run(
    url: str, key: str, *, model: str, tokens: int, stream: bool, at_once: int, s: float
) -> LoadResult:
    parts = urlsplit(url)
    request = build_request(
        parts.path + "/chat/completions", parts.netloc, key, model, tokens, stream
    )
    samples: list[Sample] = []
    errors: list[str] = []
    start = time.perf_counter()

    async def worker() -> None:
        loop = asyncio.get_running_loop()
        connection: Connection | None = None
        while time.perf_counter() < start + s and len(errors) < MOST_ERRORS:
            try:
                if connection is None:
                    _, connection = await loop.create_connection(
                        Connection, parts.hostname or "", parts.port or 80
                    )
                samples.append(await connection.ask(request, tokens))
            except (OSError, TimeoutError) as error:
                errors.append(str(error) or "no answer in time")
                if connection is not None:
                    connection.transport.abort()
                    connection = None
        if connection is not None:
            connection.transport.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(worker())
    return summary(samples, errors, time.perf_counter() - start)


def build_request(
    path: str, host: str, key: str, model: str, tokens: int, stream: bool
) -> bytes:
    body: dict[str, object] = {
        "model": model,
        "messages": [{"role": "user", "content": PROMPT}],
        "max_tokens": tokens,
    }
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    payload = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload


def summary(samples: list[Sample], errors: list[str], seconds: float) -> LoadResult:
    gaps = [
        (sample.total - sample.first) / (sample.tokens - 1)
        for sample in samples
        if sample.tokens > 1
    ]
    return LoadResult(
        requests=len(samples),
        errors=len(errors),
        first_error=errors[0] if errors else "",
        seconds=seconds,
        tokens=sum(sample.tokens for sample in samples),
        first_token_ms=percentiles([sample.first for sample in samples]),
        total_ms=percentiles([sample.total for sample in samples]),
        per_token_ms=1000 * sum(gaps) / len(gaps) if gaps else 0.0,
    )


def percentiles(seconds: list[float]) -> tuple[float, float]:
    if not seconds:
        return (0.0, 0.0)
    ordered = sorted(seconds)
    return (
        1000 * ordered[len(ordered) // 2],
        1000 * ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))],
    )


def parse(program: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m {program}")
    parser.add_argument("url", help="of the API, ending in /v1, or of a coordinator")
    parser.add_argument("--key", default="none")
    parser.add_argument("--model", default="mock")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0)
    return parser.parse_args()


def main() -> None:
    args = parse("benchmarks.load")
    result = uvloop.run(
        run(
            args.url,
            args.key,
            model=args.model,
            tokens=args.tokens,
            stream=args.stream,
            at_once=args.at_once,
            s=args.seconds,
        )
    )
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
