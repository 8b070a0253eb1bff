"""Reads a backend's answer into something that a test can compare."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from clubai.agent.backends.base import Backend, Embeddings, UsageReport
from clubai.model import Kind
from clubai.protocol.records import Choice, decode_choices, encode_choice


@dataclass
class Answered:
    steps: list[Choice] = field(default_factory=list)
    usage: UsageReport | None = None
    embeddings: list[Any] | None = None

    @property
    def deltas(self) -> list[dict[str, Any]]:
        return [json.loads(bytes(step.delta)) for step in self.steps if step.delta]

    @property
    def text(self) -> str:
        words = [delta.get("content") or "" for delta in self.deltas]
        return "".join(words) + "".join(step.text or "" for step in self.steps)

    @property
    def finish_reasons(self) -> list[str]:
        return [step.finish_reason for step in self.steps if step.finish_reason]

    @property
    def counts(self) -> tuple[int, int]:
        assert self.usage is not None
        return self.usage.prompt_tokens, self.usage.completion_tokens


async def ask(
    backend: Backend,
    body: dict[str, Any] | None = None,
    *,
    kind: Kind = "chat",
    model: str = "tiny-chat",
) -> Answered:
    """Run a request to its end. Every step is sent through the record's encoding."""
    if body is None:
        body = {"messages": [{"role": "user", "content": "Say something."}]}
    answered = Answered()
    async with backend.run(kind, model, body) as pieces:
        async for piece in pieces:
            assert answered.usage is None, "something came after the usage"
            match piece:
                case Choice():
                    answered.steps += decode_choices(encode_choice(piece))
                case UsageReport():
                    answered.usage = piece
                case Embeddings():
                    answered.embeddings = json.loads(bytes(piece.data))
    return answered
