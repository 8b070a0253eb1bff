"""Model servers on loopback in front of the embedded model: an honest one, and cheats.

To an agent each is an OpenAI-compatible server that has the model, streams, and counts
its tokens.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import cycle
from random import Random
from typing import Any, Final

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from clubai.agent.backends.base import Backend, UsageReport
from clubai.agent.backends.models import DEFAULT_MODEL
from clubai.protocol.records import Choice
from clubai.transport.server import serve_app

LETTERS: Final = "etaoinshrdlucmfwypvbgk    "
OTHERS: Final = (
    "Name three rivers, and where each of them ends.",
    "What is a good way to clean a pair of old boots?",
    "Tell me in two sentences what a lighthouse is for.",
    "Write a birthday wish for a colleague who likes chess.",
    "How is glass made? Answer in two sentences.",
)
PACE_S: Final = 0.02
"""From one word of garbage to the next: at once would be the fastest node by far."""
Answer = Callable[[dict[str, Any]], AsyncIterator[dict[str, Any]]]
"""Gives the parts of the chunks of a streamed answer to a request."""


def of(backend: Backend) -> Answer:
    """Whatever the model says."""

    async def answer(body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        async with backend.run("chat", DEFAULT_MODEL, body) as pieces:
            async for piece in pieces:
                if isinstance(piece, Choice):
                    yield chunk(msgspec.json.decode(piece.delta), piece.finish_reason)
                elif isinstance(piece, UsageReport):
                    yield counted(piece.prompt_tokens, piece.completion_tokens)

    return answer


def another_prompt(backend: Backend) -> Answer:
    """What the model says to something else, in turn."""
    others = cycle(OTHERS)
    honest = of(backend)

    def answer(body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        return honest({**body, "messages": [{"role": "user", "content": next(others)}]})

    return answer


def garbage(seed: int) -> Answer:
    """Letters, drawn anew each time, as fast as the model would be."""
    rng = Random(seed)

    async def answer(body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        words = "".join(rng.choices(LETTERS, k=240)).split()
        for word in words[: body.get("max_tokens") or len(words)]:
            await anyio.sleep(PACE_S)
            yield chunk({"content": f"{word} "}, None)
        yield chunk({}, "stop")
        yield counted(40, len(words))

    return answer


def chunk(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish or None}]}


def counted(prompt: int, answer: int) -> dict[str, Any]:
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer,
    }
    return {"choices": [], "usage": usage}


@asynccontextmanager
async def served(answer: Answer) -> AsyncIterator[str]:
    """Serve on a free port of loopback until the block ends; the address."""

    async def models(_: Request) -> Response:
        model = {"id": DEFAULT_MODEL, "object": "model", "owned_by": "owner"}
        return JSONResponse({"object": "list", "data": [model]})

    async def chat(request: Request) -> Response:
        body = msgspec.json.decode(await request.body())
        return StreamingResponse(events(answer(body)), media_type="text/event-stream")

    app = Starlette(
        routes=[
            Route("/v1/models", models),
            Route("/v1/chat/completions", chat, methods=["POST"]),
        ]
    )
    async with anyio.create_task_group() as tasks:
        [url] = await tasks.start(partial(serve_app, app, host="127.0.0.1", port=0))
        yield url
        tasks.cancel_scope.cancel()


async def events(parts: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    head = {"id": "chat", "object": "chat.completion.chunk", "model": DEFAULT_MODEL}
    async for part in parts:
        yield b"data: " + json.dumps({**head, **part}).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"
