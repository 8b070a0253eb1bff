"""A model server without a model, quick enough not to be what is measured.

It answers as a llama.cpp server with many slots: `max_tokens` tokens, all the same. The
model `mock` answers at once; `mock-paced` gives `--rate` tokens a second. With
`--numbered` there is `mock-numbered`, too: as paced, and no two answers are the same.
Run as `python -m benchmarks.mock_backend`; it prints its port and ends with its stdin.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from typing import Final, cast

import msgspec
import uvloop

TOKEN: Final = "tok "
MODELS: Final = ("mock", "mock-paced")
NUMBERED: Final = "mock-numbered"
DEFAULT_TOKENS: Final = 64


class StreamOptions(msgspec.Struct):
    include_usage: bool = False


class Request(msgspec.Struct):
    """What the mock looks at in a request."""

    model: str = "mock"
    stream: bool = False
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stream_options: StreamOptions | None = None


_decode = msgspec.json.Decoder(Request).decode
_numbers = count(1)


def first_token(model: str) -> str:
    """The token by which answers differ, if they do: other mocks have other numbers."""
    return f"{os.getpid()}x{next(_numbers)} " if model == NUMBERED else TOKEN


def response(status: str, body: object) -> bytes:
    payload = json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\nserver: llama.cpp\r\n"
        f"content-length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(model: str, choices: list[object], **more: object) -> bytes:
    body = {
        "id": "chatcmpl-mock",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": model,
        "choices": choices,
        **more,
    }
    return chunk(b"data: " + json.dumps(body).encode() + b"\n\n")


def usage(tokens: int) -> dict[str, int]:
    return {
        "prompt_tokens": 16,
        "completion_tokens": tokens,
        "total_tokens": 16 + tokens,
    }


@lru_cache(maxsize=64)
def whole_answer(model: str, tokens: int, first: str) -> bytes:
    message = {"role": "assistant", "content": first + TOKEN * (tokens - 1)}
    return response(
        "200 OK",
        {
            "id": "chatcmpl-mock",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": usage(tokens),
        },
    )


@lru_cache(maxsize=64)
def stream_parts(
    model: str, tokens: int, with_usage: bool, first: str
) -> tuple[bytes, ...]:
    """The head, one part a token, and the end."""
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nserver: llama.cpp\r\n"
        b"transfer-encoding: chunked\r\n\r\n"
    )

    def step(delta: dict[str, object], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return event(model, [choice])

    start = head + step({"role": "assistant", "content": None})
    end = step({}, "stop")
    if with_usage:
        end += event(model, [], usage=usage(tokens))
    end += chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"
    others = [step({"content": TOKEN})] * (tokens - 1)
    return (start, step({"content": first}), *others, end)


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests are answered one after another."""

    def __init__(self, interval: float, pages: dict[str, bytes]) -> None:
        self.interval = interval
        self.pages = pages
        self.buffer = b""
        self.loop = asyncio.get_running_loop()
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods of asyncio.Transport, not the class
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            length = 0
            if (at := head.find(b"\r\ncontent-length:")) >= 0:
                length = int(head[at + 17 :].split(b"\r\n", 1)[0])
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            method, path, _ = head.split(b" ", 2)
            self.answer(method, path.decode("latin-1"), body)

    def answer(self, method: bytes, path: str, body: bytes) -> None:
        if method == b"get":
            self.transport.write(self.pages.get(path, self.pages[""]))
        elif path != "/v1/chat/completions":
            self.transport.write(self.pages[""])
        else:
            self.complete(_decode(body))

    def complete(self, request: Request) -> None:
        tokens = request.max_completion_tokens or request.max_tokens or DEFAULT_TOKENS
        first = first_token(request.model)
        if not request.stream:
            self.transport.write(whole_answer(request.model, tokens, first))
            return
        options = request.stream_options
        with_usage = options is not None and options.include_usage
        parts = stream_parts(request.model, tokens, with_usage, first)
        if request.model == "mock":
            self.transport.write(b"".join(parts))
        else:
            self.transport.write(parts[0])
            self.pace(parts, 1, self.loop.time())

    def pace(self, parts: tuple[bytes, ...], at: int, start: float) -> None:
        def write() -> None:
            last = at + 2 == len(parts)
            self.transport.write(parts[at] + parts[at + 1] if last else parts[at])
            if not last:
                self.pace(parts, at + 1, start)

        self.timer = self.loop.call_at(start + at * self.interval, write)


def pages(slots: int, context: int, names: Sequence[str]) -> dict[str, bytes]:
    models = [{"id": name, "object": "model", "owned_by": "mock"} for name in names]
    settings = {"n_ctx": context, "total_slots": slots}
    return {
        "": response("404 Not Found", {"error": {"message": "not here", "code": 404}}),
        "/health": response("200 OK", {"status": "ok"}),
        "/v1/models": response("200 OK", {"object": "list", "data": models}),
        "/props": response(
            "200 OK",
            {"total_slots": slots, "default_generation_settings": settings},
        ),
    }


async def serve(rate: float, answers: dict[str, bytes]) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(1 / rate, answers), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mock_backend")
    parser.add_argument("--rate", type=float, default=50.0, help="tokens a second")
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--context", type=int, default=8192, help="tokens of a slot")
    parser.add_argument("--numbered", action="store_true")
    args = parser.parse_args()
    names = (*MODELS, NUMBERED) if args.numbered else MODELS
    uvloop.run(serve(args.rate, pages(args.slots, args.context, names)))


if __name__ == "__main__":
    main()
