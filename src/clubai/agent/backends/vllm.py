"""vLLM: one model, always loaded; it batches, so its slots are many and not told."""

from __future__ import annotations

from typing import ClassVar

from clubai.agent.backends.base import BackendInfo
from clubai.agent.backends.offers import text
from clubai.agent.backends.openai import LOOK_SECONDS, OpenAIBackend


class VLLMBackend(OpenAIBackend):
    """vLLM's OpenAI server; `max_model_len` in its model list is the context."""

    kind: ClassVar[str] = "vllm"
    default_slots: ClassVar[int] = 16

    async def look(self) -> BackendInfo:
        """Read the models and the version."""
        version = await self.http.get("/version", seconds=LOOK_SECONDS)
        return self.info(
            await self.list_models(),
            version=text(version.json_object(), "version"),
        )
