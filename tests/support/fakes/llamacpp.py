"""llama.cpp's server: these shapes were recorded from a running one.

Quirks: the first chunk has `content: null`; a comment comes when it is slow; any model
name is served; `code` is a number; a list of prompts begins with `data: null`; and
with several choices each has a usage of its own. The router's rows are documented
shapes, not verified live.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from support.fakes.base import MODEL, FakeServer
from support.http_server import Request, Response, json_response


class FakeLlamaCpp(FakeServer):
    kind = "llamacpp"
    software = "llama.cpp"

    def __init__(self, *, embeds: bool = False, name: str = MODEL) -> None:
        super().__init__()
        self.embeds = embeds
        self.models = [
            {
                "id": name,
                "object": "model",
                "owned_by": "llamacpp",
                "meta": {"n_ctx": 2048, "n_ctx_train": 8192, "ftype": "Q4_1"},
            }
        ]
        self.props = {
            "default_generation_settings": {"params": {}, "n_ctx": 2048},
            "total_slots": 2,
            "build_info": "b7000-abc",
        }
        self.routes["GET", "/props"] = self._props
        self.fixed("GET", "/health", {"status": "ok"})

    async def _props(self, _request: Request) -> Response:
        return json_response(self.props)

    def is_open(self, request: Request) -> bool:
        return request.path == "/health"

    def knows(self, model: str) -> bool:
        return True

    def unauthorized(self) -> Response:
        return json_response(self.error("Invalid API Key", "authentication_error"), 401)

    def error(self, message: str, type_: str = "server_error") -> Any:
        return {"error": {"code": 500, "message": message, "type": type_}}

    async def no_route(self, request: Request) -> Response:
        return json_response(self.error("File Not Found", "not_found_error"), 404)

    async def embeddings(self, request: Request) -> Response:
        if self.embeds or self.script.refuse is not None:
            return await super().embeddings(request)
        said = "This server does not support embeddings. Start it with `--embeddings`"
        return json_response(self.error(said, "not_supported_error"), 501)

    def opening(self, chunk: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
        return [chunk(delta={"role": "assistant", "content": None})]

    async def _stream(
        self, chunk: Callable[..., dict[str, Any]], with_usage: bool
    ) -> AsyncGenerator[bytes]:
        if self.script.raw is None:
            yield b": ping\n\n"
        async with aclosing(super()._stream(chunk, with_usage)) as chunks:
            async for piece in chunks:
                yield piece


class FakeRouter(FakeLlamaCpp):
    def __init__(self) -> None:
        super().__init__()
        self.models = [
            {"id": MODEL, "object": "model", "status": {"value": "loaded"}},
            {"id": "other", "object": "model", "status": {"value": "unloaded"}},
        ]
