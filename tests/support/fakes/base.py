"""What every fake has in common: a script of what the next answers are."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import anyio

from support.http_server import (
    Cut,
    HttpServer,
    Request,
    Response,
    json_response,
    serve_http,
)

MODEL = "tiny-chat"
TOOL_CALL = {
    "index": 0,
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Paris"}'},
}
USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


@dataclass
class Script:
    """How the next generation goes; the whole thing unless a field says otherwise."""

    words: tuple[str, ...] = ("The", " answer", ".")
    finish: str | None = "stop"
    usage: dict[str, Any] | None = None
    no_usage: bool = False
    tools: bool = False
    cut_after: int | None = None
    """Drop the connection after so many words."""
    end_after: int | None = None
    """End the body cleanly after so many words, with neither finish nor `[DONE]`."""
    hang_after: int | None = None
    error_after: int | None = None
    error: Any = None
    refuse: Response | None = None
    raw: list[bytes] | None = None
    """Exactly these chunks in place of an answer."""
    done: bool = True
    cut_at_end: bool = False
    """Drop the connection in place of `[DONE]`."""


Route = Callable[[Request], Awaitable[Response]]


class FakeServer:
    """A generic OpenAI-compatible server: recorded shapes, not verified live."""

    kind = "generic"
    software = ""
    refuses_stream_options = False

    def __init__(self) -> None:
        self.script = Script()
        self.api_key = ""
        self.models: list[dict[str, Any]] = [{"id": MODEL, "object": "model"}]
        self.routes: dict[tuple[str, str], Route] = {
            ("GET", "/v1/models"): self.list_models,
            ("POST", "/v1/chat/completions"): self.chat,
            ("POST", "/v1/completions"): self.completions,
            ("POST", "/v1/embeddings"): self.embeddings,
        }
        self.server: HttpServer

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Self]:
        async with serve_http(self._respond) as server:
            self.server = server
            yield self

    @property
    def url(self) -> str:
        return self.server.url

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.server.requests if request.path == path]

    def fixed(self, method: str, path: str, value: Any, status: int = 200) -> None:
        async def answer(_request: Request) -> Response:
            return json_response(value, status)

        self.routes[method, path] = answer

    async def _respond(self, request: Request) -> Response:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.api_key not in ("", key) and not self.is_open(request):
            return self._signed(self.unauthorized())
        route = self.routes.get((request.method, request.path), self.no_route)
        return self._signed(await route(request))

    def _signed(self, response: Response) -> Response:
        if self.software:
            response.headers["server"] = self.software
        return response

    def is_open(self, request: Request) -> bool:
        return False

    def unauthorized(self) -> Response:
        return json_response(self.error("bad key", "invalid_request_error"), 401)

    async def no_route(self, request: Request) -> Response:
        return json_response({"detail": "Not Found"}, 404)

    def error(self, message: str, type_: str = "api_error") -> Any:
        """An error body in this server's own shape."""
        return {"error": {"message": message, "type": type_, "code": None}}

    def unknown_model(self, model: str) -> Response:
        return json_response(self.error(f"model {model!r} not found"), 404)

    def knows(self, model: str) -> bool:
        return any(row["id"] == model for row in self.models)

    async def list_models(self, _request: Request) -> Response:
        return json_response({"object": "list", "data": self.models})

    async def chat(self, request: Request) -> Response:
        return await self._generate(request, self.chat_chunk)

    async def completions(self, request: Request) -> Response:
        return await self._generate(request, self.text_chunk)

    async def embeddings(self, request: Request) -> Response:
        body = request.json()
        if self.script.refuse is not None:
            return self.script.refuse
        inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
        rows = [
            {"object": "embedding", "index": index, "embedding": [0.5, -0.5]}
            for index, _ in enumerate(inputs)
        ]
        return json_response(
            {
                "object": "list",
                "data": rows,
                "model": body["model"],
                "usage": {"prompt_tokens": 4, "total_tokens": 4},
            }
        )

    async def _generate(
        self, request: Request, chunk: Callable[..., dict[str, Any]]
    ) -> Response:
        body = request.json()
        if self.script.refuse is not None:
            return self.script.refuse
        if self.refuses_stream_options and "stream_options" in body:
            return json_response(
                self.error("Unrecognized request argument: stream_options"), 400
            )
        if not self.knows(body["model"]):
            return self.unknown_model(body["model"])
        assert body["stream"] is True
        with_usage = body.get("stream_options", {}).get("include_usage", False)
        stream = self._stream(chunk, with_usage)
        return Response(content_type="text/event-stream", stream=stream)

    async def _stream(
        self, chunk: Callable[..., dict[str, Any]], with_usage: bool
    ) -> AsyncGenerator[bytes]:
        script = self.script
        if script.raw is not None:
            for raw in script.raw:
                yield raw
            return
        for payload in self.opening(chunk):
            yield event(payload)
        for number in range(len(script.words) + 1):
            if number == script.end_after:
                return
            if number == script.error_after:
                yield self.stream_error(script.error)
                return
            await self._stumble(number)
            if number < len(script.words):
                yield event(chunk(script.words[number]))
        for payload in self.closing(chunk, with_usage and not script.no_usage):
            yield event(payload)
        if script.cut_at_end:
            raise Cut
        if script.done:
            yield b"data: [DONE]\n\n"

    async def _stumble(self, number: int) -> None:
        if number == self.script.cut_after:
            raise Cut
        if number == self.script.hang_after:
            await anyio.sleep_forever()

    def opening(self, chunk: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
        """The chunks before the first word."""
        return [chunk(delta={"role": "assistant", "content": ""})]

    def closing(
        self, chunk: Callable[..., dict[str, Any]], with_usage: bool
    ) -> list[dict[str, Any]]:
        """The chunks after the last word."""
        end = []
        if self.script.tools:
            end.append(chunk(delta={"tool_calls": [TOOL_CALL]}))
        if self.script.finish is not None:
            end.append(chunk(finish=self.script.finish))
        if with_usage:
            usage = self.script.usage or USAGE
            end.append({"object": "chunk", "choices": [], "usage": usage})
        return end

    def stream_error(self, error: Any) -> bytes:
        return event(error)

    def chat_chunk(
        self,
        word: str | None = None,
        *,
        delta: dict[str, Any] | None = None,
        finish: str | None = None,
    ) -> dict[str, Any]:
        if delta is None:
            delta = {} if word is None else {"content": word}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "model": MODEL,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }

    def text_chunk(
        self,
        word: str | None = None,
        *,
        delta: dict[str, Any] | None = None,
        finish: str | None = None,
    ) -> dict[str, Any]:
        return {
            "id": "cmpl-1",
            "object": "text_completion",
            "model": MODEL,
            "choices": [
                {
                    "index": 0,
                    "text": word or "",
                    "logprobs": None,
                    "finish_reason": finish,
                }
            ],
        }


def event(payload: Any) -> bytes:
    return b"data: " + json.dumps(payload).encode() + b"\n\n"
