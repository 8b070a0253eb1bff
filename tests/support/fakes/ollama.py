"""Ollama: recorded shapes, not verified live.

Quirks: a model is `name:tag`; a full queue is 503; an error in the midst of an answer
is a bare JSON line under status 200; the /v1 error has `param` and `code` as null.
"""

from __future__ import annotations

import json
from typing import Any

from support.fakes.base import FakeServer
from support.http_server import Request, Response, json_response

WARM = "tiny-chat"
COLD = "cold:8b"
COLD_SET = "cold-set:1b"
EMBEDDER = "nomic-embed-text:latest"

SHOWN: dict[str, dict[str, Any]] = {
    WARM: {"capabilities": ["completion", "tools"], "parameters": ""},
    COLD: {"capabilities": ["completion"], "parameters": 'stop "x"'},
    COLD_SET: {
        "capabilities": ["completion"],
        "parameters": "temperature 1\nnum_ctx                        16384",
    },
    EMBEDDER: {"capabilities": ["embedding"], "parameters": ""},
}


class FakeOllama(FakeServer):
    kind = "ollama"

    def __init__(self) -> None:
        super().__init__()
        self.models = [
            {"id": name, "object": "model", "owned_by": "library"} for name in SHOWN
        ]
        tags = [
            {
                "name": name,
                "model": name,
                "digest": f"sha-{name}",
                "details": {"format": "gguf", "quantization_level": "Q4_0"},
            }
            for name in SHOWN
        ]
        self.loaded = [{"name": WARM, "model": WARM, "context_length": 8192}]
        self.fixed("GET", "/api/version", {"version": "0.14.2"})
        self.fixed("GET", "/api/tags", {"models": tags})
        self.routes["GET", "/"] = self._home
        self.routes["GET", "/api/ps"] = self._ps
        self.routes["POST", "/api/show"] = self._show

    async def _home(self, _request: Request) -> Response:
        return Response(body=b"Ollama is running", content_type="text/plain")

    async def _ps(self, _request: Request) -> Response:
        return json_response({"models": self.loaded})

    async def _show(self, request: Request) -> Response:
        name = request.json()["model"]
        if name not in SHOWN:
            return json_response({"error": f"model '{name}' not found"}, 404)
        info = {"general.architecture": "llama", "llama.context_length": 131072}
        return json_response({**SHOWN[name], "model_info": info})

    async def no_route(self, request: Request) -> Response:
        return Response(404, b"404 page not found", "text/plain")

    def error(self, message: str, type_: str = "api_error") -> Any:
        fields = {"message": message, "type": type_, "param": None, "code": None}
        return {"error": fields}

    def stream_error(self, error: Any) -> bytes:
        return json.dumps(error).encode() + b"\n"
