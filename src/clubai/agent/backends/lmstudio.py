"""LM Studio: its own API says what is loaded, with what context and how many slots.

Version 0.4 has `/api/v1`; earlier ones have `/api/v0`, without slots. A model that is
not loaded is offered as cold, and only while loading on demand is switched on: then
`/v1/models` lists everything on disk, and otherwise only what is loaded.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from clubai.agent.backends.base import BackendInfo
from clubai.agent.backends.http import Http
from clubai.agent.backends.offers import (
    CHAT_KINDS,
    COLD_CONTEXT,
    EMBEDDING_KINDS,
    count,
    least,
    rows,
    section,
    text,
)
from clubai.agent.backends.openai import OpenAIBackend
from clubai.model import ModelOffer

PARALLEL_DEFAULT: Final = 4
"""Slots that a model gets when it is loaded without saying."""


class LMStudioBackend(OpenAIBackend):
    """LM Studio 0.4 and later (`api` 1), or before (`api` 0)."""

    kind: ClassVar[str] = "lmstudio"

    def __init__(self, http: Http, *, slots: int = 0, api: int = 1) -> None:
        super().__init__(http, slots=slots)
        self._api = api
        self._instances: dict[str, str] = {}

    async def look(self) -> BackendInfo:
        """Read models and slots from LM Studio's own API."""
        if self._api == 0:
            return await self._look_v0()
        found = rows(await self.document("/api/v1/models"), "models", "key")
        servable = await self._servable()
        models = []
        instances = {}
        parallel = []
        for row in found:
            loaded = rows(row, "loaded_instances", "id")
            if loaded:
                instances[row["key"]] = loaded[0]["id"]
                parallel += [
                    count(section(one, "config"), "parallel") for one in loaded
                ]
            elif row["key"] not in servable:
                continue
            models.append(_offer_v1(row, loaded))
        self._instances = instances
        slots = max(parallel, default=0) or PARALLEL_DEFAULT
        return self.info(models, slots=slots, version="api v1")

    def served_name(self, model: str) -> str:
        """The loaded instance of a model, which its owner may have named freely."""
        return self._instances.get(model, model)

    async def _look_v0(self) -> BackendInfo:
        found = rows(await self.document("/api/v0/models"), "data", "id")
        servable = await self._servable()
        models = [
            _offer_v0(row)
            for row in found
            if row.get("state") == "loaded" or row["id"] in servable
        ]
        return self.info(models, version="api v0")

    async def _servable(self) -> frozenset[str]:
        listed = rows(await self.document("/v1/models"), "data", "id")
        return frozenset(row["id"] for row in listed)


def _offer_v1(row: dict[str, Any], loaded: list[dict[str, Any]]) -> ModelOffer:
    limit = count(row, "max_context_length")
    contexts = [count(section(one, "config"), "context_length") for one in loaded]
    embedding = row.get("type") == "embedding"
    return ModelOffer(
        name=row["key"],
        context=least(limit, *(contexts or [COLD_CONTEXT])),
        warm=bool(loaded),
        kinds=EMBEDDING_KINDS if embedding else CHAT_KINDS,
        quantization=text(section(row, "quantization"), "name"),
    )


def _offer_v0(row: dict[str, Any]) -> ModelOffer:
    warm = row.get("state") == "loaded"
    limit = count(row, "max_context_length")
    loaded = count(row, "loaded_context_length")
    return ModelOffer(
        name=row["id"],
        context=least(limit, loaded if warm else COLD_CONTEXT),
        warm=warm,
        kinds=EMBEDDING_KINDS if row.get("type") == "embeddings" else CHAT_KINDS,
        quantization=text(row, "quantization"),
    )
