"""llama.cpp's server, single model or router.

Its context is shared among its slots: `/props` gives what one slot has. The answers
of one slot without prompt cache repeat exactly at temperature 0; with several requests
at a time, or a cached prompt, they need not, because batches of another size round
differently.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final
from urllib.parse import quote

from clubai.agent.backends.base import BackendInfo
from clubai.agent.backends.http import Http
from clubai.agent.backends.offers import (
    CHAT_KINDS,
    EMBEDDING_KINDS,
    count,
    least,
    rows,
    section,
    text,
)
from clubai.agent.backends.openai import OpenAIBackend
from clubai.errors import BackendError
from clubai.model import ModelOffer

PROBE_SECONDS: Final = 3.0


class LlamaCppBackend(OpenAIBackend):
    """llama.cpp's `llama-server`, or what embeds it."""

    kind: ClassVar[str] = "llamacpp"

    def __init__(self, http: Http, *, slots: int = 0) -> None:
        super().__init__(http, slots=slots)
        self._embeds: dict[str, bool] = {}

    async def look(self) -> BackendInfo:
        """Read models, slots and the context of one slot."""
        found = rows(await self.document("/v1/models"), "data", "id")
        if any("value" in section(row, "status") for row in found):
            return await self._look_router(found)
        props = await self.document("/props")
        models = [await self._offer(row, props) for row in found]
        return self.info(
            models,
            slots=count(props, "total_slots"),
            version=text(props, "build_info"),
        )

    async def _look_router(self, found: list[dict[str, Any]]) -> BackendInfo:
        models = []
        slots = 0
        for row in found:
            if section(row, "status").get("value") != "loaded":
                models.append(ModelOffer(name=row["id"], warm=False))
                continue
            # Without `autoload=false` a look would load a model that just left.
            props = await self.document(
                f"/props?model={quote(row['id'], safe='')}&autoload=false"
            )
            models.append(await self._offer(row, props))
            slots = max(slots, count(props, "total_slots"))
        return self.info(models, slots=slots, version="router")

    async def _offer(self, row: dict[str, Any], props: dict[str, Any]) -> ModelOffer:
        meta = section(row, "meta")
        settings = section(props, "default_generation_settings")
        embeds = await self._can_embed(row["id"])
        return ModelOffer(
            name=_public_name(row["id"]),
            context=least(count(settings, "n_ctx"), count(meta, "n_ctx_train")),
            kinds=CHAT_KINDS + (EMBEDDING_KINDS if embeds else ()),
            quantization=text(meta, "ftype") or text(props, "model_ftype"),
        )

    async def _can_embed(self, model: str) -> bool:
        """Whether the server was started for embeddings: only trying tells, once."""
        if model not in self._embeds:
            try:
                found = await self.http.post(
                    "/v1/embeddings",
                    {"model": model, "input": "a"},
                    seconds=PROBE_SECONDS,
                )
            except BackendError:
                return False  # busy: the next look asks again
            if found.status in (200, 400, 404, 501):
                self._embeds[model] = found.status == 200
        return self._embeds.get(model, False)


def _public_name(name: str) -> str:
    """A model's name without the folders of the machine it is on.

    Without an alias the single-model server calls its model by the path of its file,
    and answers to any name.
    """
    if not name.endswith(".gguf"):
        return name
    return re.split(r"[/\\]", name)[-1].removesuffix(".gguf")
