"""LocalAI: the OpenAI API plus Ollama's, which tells what is loaded."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from clubai.agent.backends.base import BackendInfo
from clubai.agent.backends.offers import rows, text
from clubai.agent.backends.openai import LOOK_SECONDS, OpenAIBackend


class LocalAIBackend(OpenAIBackend):
    """LocalAI; contexts are in its model files, which it does not show."""

    kind: ClassVar[str] = "localai"

    async def look(self) -> BackendInfo:
        """Read the models, and which are in memory where the server says so."""
        version = await self.http.get("/version", seconds=LOOK_SECONDS)
        models = await self.list_models()
        loaded = await self.http.get("/api/ps", seconds=LOOK_SECONDS)
        if isinstance(loaded.json_object().get("models"), list):
            warm = {
                row["name"].removesuffix(":latest")
                for row in rows(loaded.json_object(), "models", "name")
            }
            models = [
                msgspec.structs.replace(model, warm=model.name in warm)
                for model in models
            ]
        return self.info(models, version=text(version.json_object(), "version"))
