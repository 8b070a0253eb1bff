"""Ollama, through its OpenAI-compatible `/v1`; its own API only to look.

`/v1` cannot set `num_ctx`: a request runs with the context that the server or the
model's file gives, and a longer prompt is cut without a word. So the context offered
is what a loaded model has (`/api/ps`), and for a cold one its `num_ctx` parameter or
Ollama's smallest default, never the much larger number that the model was trained for.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from clubai.agent.backends.base import BackendInfo
from clubai.agent.backends.faults import parse_fault, refusal
from clubai.agent.backends.http import Http
from clubai.agent.backends.offers import (
    CHAT_KINDS,
    COLD_CONTEXT,
    EMBEDDING_KINDS,
    count,
    kinds_by_name,
    least,
    rows,
    section,
    text,
)
from clubai.agent.backends.openai import LOOK_SECONDS, OpenAIBackend
from clubai.model import Kind, ModelOffer

_NUM_CTX = re.compile(r"^num_ctx\s+(\d+)", re.MULTILINE)


class OllamaBackend(OpenAIBackend):
    """Ollama; it does not tell its slots, of which there is one by default.

    `parallel` is the server's `OLLAMA_NUM_PARALLEL` where the agent can read it.
    """

    kind: ClassVar[str] = "ollama"

    def __init__(self, http: Http, *, slots: int = 0, parallel: int = 0) -> None:
        super().__init__(http, slots=slots)
        self._parallel = parallel
        self._shown: dict[str, dict[str, Any]] = {}

    async def look(self) -> BackendInfo:
        """Read what is on disk and what is in memory."""
        version = text(await self.document("/api/version"), "version")
        disk = rows(await self.document("/api/tags"), "models", "name")
        memory = {
            row["name"]: row
            for row in rows(await self.document("/api/ps"), "models", "name")
        }
        shown = {}
        for row in disk:
            digest = text(row, "digest") or row["name"]
            shown[digest] = self._shown.get(digest) or await self._show(row["name"])
        self._shown = shown
        models = [
            _offer(row, shown[text(row, "digest") or row["name"]], memory)
            for row in disk
        ]
        return self.info(models, slots=self._parallel, version=version)

    async def _show(self, name: str) -> dict[str, Any]:
        """What the model's file says; asked once for each file."""
        found = await self.http.post("/api/show", {"model": name}, seconds=LOOK_SECONDS)
        if found.status == 404:
            return {}
        if found.status != 200:
            raise refusal(found.status, parse_fault(found.body), base=self.http.base)
        return found.json_object()


def _offer(
    row: dict[str, Any], shown: dict[str, Any], memory: dict[str, dict[str, Any]]
) -> ModelOffer:
    name = row["name"]
    loaded = memory.get(name)
    info = section(shown, "model_info")
    trained = count(info, f"{text(info, 'general.architecture')}.context_length")
    if loaded is None:
        set_to = _NUM_CTX.search(text(shown, "parameters"))
        context = least(trained, int(set_to[1]) if set_to else COLD_CONTEXT)
    else:
        context = count(loaded, "context_length") or least(trained, COLD_CONTEXT)
    return ModelOffer(
        name=name,
        context=context,
        warm=loaded is not None,
        kinds=_kinds(name, shown),
        quantization=text(section(row, "details"), "quantization_level"),
    )


def _kinds(name: str, shown: dict[str, Any]) -> tuple[Kind, ...]:
    capabilities = shown.get("capabilities")
    if not isinstance(capabilities, list) or not capabilities:
        return kinds_by_name(name)
    kinds = CHAT_KINDS if "completion" in capabilities else ()
    return kinds + (EMBEDDING_KINDS if "embedding" in capabilities else ())
