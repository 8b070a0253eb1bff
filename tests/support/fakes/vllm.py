"""vLLM: recorded shapes, not verified live. Its error's `code` is a number."""

from __future__ import annotations

from typing import Any

from support.fakes.base import MODEL, FakeServer
from support.http_server import Response, json_response


class FakeVLLM(FakeServer):
    kind = "vllm"

    def __init__(self) -> None:
        super().__init__()
        self.models = [
            {"id": MODEL, "object": "model", "owned_by": "vllm", "max_model_len": 4096}
        ]
        self.fixed("GET", "/version", {"version": "0.11.0"})

    def error(self, message: str, type_: str = "BadRequestError") -> Any:
        fields = {"message": message, "type": type_, "param": None, "code": 400}
        return {"error": fields}

    def unknown_model(self, model: str) -> Response:
        said = self.error(f"The model `{model}` does not exist.", "NotFoundError")
        return json_response(said, 404)
