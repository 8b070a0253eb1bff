"""LM Studio: recorded shapes, not verified live.

Quirks: an unknown endpoint answers 200 with a plain-string error; with loading on
demand `/v1/models` lists what is on disk, without it only what is loaded; a too long
prompt is an error object under status 200; a stream may end early.
"""

from __future__ import annotations

from typing import Any

from support.fakes.base import MODEL, FakeServer, event
from support.http_server import Request, Response, json_response

COLD = "big-cold"
EMBEDDER = "nomic-embed"


def llm(key: str, instances: list[dict[str, Any]], kind: str = "llm") -> dict[str, Any]:
    return {
        "type": kind,
        "publisher": "someone",
        "key": key,
        "display_name": key,
        "architecture": "llama",
        "quantization": {"name": "Q4_K_M", "bits_per_weight": 4},
        "size_bytes": 1000,
        "params_string": "1B",
        "loaded_instances": instances,
        "max_context_length": 32768,
        "format": "gguf",
        "capabilities": {"vision": False, "trained_for_tool_use": True},
    }


def instance(id_: str, context: int, parallel: int) -> dict[str, Any]:
    config = {"context_length": context, "parallel": parallel, "flash_attention": True}
    return {"id": id_, "config": config}


class FakeLMStudio(FakeServer):
    kind = "lmstudio"

    def __init__(self, *, api: int = 1, on_demand: bool = True) -> None:
        super().__init__()
        self.native = [
            llm(MODEL, [instance(f"{MODEL}:2", 8192, 4)]),
            llm(COLD, []),
            llm(EMBEDDER, [instance(EMBEDDER, 2048, 1)], "embedding"),
        ]
        listed = [MODEL, EMBEDDER, *([COLD] if on_demand else [])]
        self.models = [{"id": name, "object": "model"} for name in listed]
        if api == 1:
            self.fixed("GET", "/api/v1/models", {"models": self.native})
        self.fixed(
            "GET",
            "/api/v0/models",
            {"object": "list", "data": [_row_v0(row) for row in self.native]},
        )

    def knows(self, model: str) -> bool:
        return super().knows(model) or model == f"{MODEL}:2"

    async def no_route(self, request: Request) -> Response:
        said = f"Unexpected endpoint or method. ({request.method} {request.path})"
        return json_response({"error": said})

    def error(self, message: str, type_: str = "api_error") -> Any:
        return {"error": message}

    def unknown_model(self, model: str) -> Response:
        said = {"message": f"Model {model} not found", "code": "model_not_found"}
        return json_response({"error": said}, 400)

    def stream_error(self, error: Any) -> bytes:
        return b"event: error\n" + event(error)


def _row_v0(row: dict[str, Any]) -> dict[str, Any]:
    loaded = row["loaded_instances"]
    found = {
        "id": row["key"],
        "object": "model",
        "type": "embeddings" if row["type"] == "embedding" else row["type"],
        "arch": "llama",
        "compatibility_type": "gguf",
        "quantization": "Q4_K_M",
        "state": "loaded" if loaded else "not-loaded",
        "max_context_length": row["max_context_length"],
    }
    if loaded:
        found["loaded_context_length"] = loaded[0]["config"]["context_length"]
    return found
