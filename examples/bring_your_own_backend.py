"""Compose an agent by hand: a node whose "model" is a few lines of Python.

Whatever has the two methods of `Backend` can answer for a node. For a model server
that speaks the OpenAI API no class is needed:
`AgentConfig(backend=BackendConfig(url="http://127.0.0.1:1234/v1"), ...)`.

    python examples/bring_your_own_backend.py
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec

from clubai import Agent, open_club
from clubai.agent import AgentConfig
from clubai.agent.backends.base import BackendInfo, Piece, UsageReport
from clubai.model import Kind, ModelOffer
from clubai.protocol.records import Choice


class Parrot:
    """Says again what it was told, word by word, louder."""

    async def look(self) -> BackendInfo:
        offer = ModelOffer(name="parrot", context=4096, kinds=("chat",))
        return BackendInfo(kind="parrot", version="1", url="", models=(offer,), slots=2)

    @asynccontextmanager
    async def run(
        self, kind: Kind, model: str, body: dict[str, Any]
    ) -> AsyncIterator[AsyncIterator[Piece]]:
        yield self._pieces(body["messages"][-1]["content"].split())

    async def _pieces(self, words: list[str]) -> AsyncIterator[Piece]:
        for word in words:
            delta = msgspec.json.encode({"content": f"{word.upper()} "})
            yield Choice(delta=msgspec.Raw(delta))
            await anyio.sleep(0.05)
        yield Choice(delta=msgspec.Raw(b"{}"), finish_reason="stop")
        usage = {"prompt_tokens": len(words), "completion_tokens": len(words)}
        yield UsageReport(**usage, raw=msgspec.Raw(msgspec.json.encode(usage)))


async def main() -> None:
    with tempfile.TemporaryDirectory() as data:
        async with open_club(agents=0) as club:
            config = AgentConfig(
                coordinator_url=club.url,
                token=club.api_key,
                name="polly",
                data=Path(data),
            )
            async with Agent.open(config, backend=Parrot()) as agent:
                await agent.joined()
                async with (
                    club.client() as client,
                    client.stream("who is a clever bird", model="parrot") as answer,
                ):
                    async for piece in answer:
                        print(piece, end="", flush=True)
                    print(f"\nsaid {answer.answer.nodes[0].name}")


if __name__ == "__main__":
    anyio.run(main)
