"""LocalAI: recorded shapes, not verified live.

Quirks: it serves Ollama's endpoints too, and `finish_reason` is an empty text until
the last chunk.
"""

from __future__ import annotations

from typing import Any

from support.fakes.base import MODEL, FakeServer
from support.http_server import Request, Response

COLD = "cold-model"


class FakeLocalAI(FakeServer):
    kind = "localai"

    def __init__(self) -> None:
        super().__init__()
        self.models = [{"id": name, "object": "model"} for name in (MODEL, COLD)]
        self.fixed("GET", "/version", {"version": "v3.5.0 (abc)"})
        self.fixed("GET", "/api/version", {"version": "v3.5.0"})
        self.fixed("GET", "/api/tags", {"models": [{"name": MODEL}]})
        self.fixed("GET", "/api/ps", {"models": [{"name": f"{MODEL}:latest"}]})
        self.routes["GET", "/readyz"] = self._ready

    async def _ready(self, _request: Request) -> Response:
        return Response(body=b"OK", content_type="text/plain")

    def chat_chunk(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        chunk = super().chat_chunk(*args, **kwargs)
        chunk["choices"][0]["finish_reason"] = kwargs.get("finish") or ""
        return chunk
