"""The `Backend` protocol: what the agent needs of a local model server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import msgspec

from clubai.model import Kind, ModelOffer
from clubai.protocol.records import Choice


class BackendInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at the server found."""

    kind: str
    """lmstudio, ollama, llamacpp, vllm, localai or generic."""
    version: str
    url: str
    models: tuple[ModelOffer, ...]
    slots: int
    """Requests that it runs at the same time."""
    most_slots: int = 0
    """More would wait inside the server; 0: it tells no bound."""


class UsageReport(msgspec.Struct, frozen=True, kw_only=True):
    """The backend's `usage`, once per answer, after the last step."""

    prompt_tokens: int
    completion_tokens: int
    raw: msgspec.Raw
    """The whole JSON object, with whatever details the server gives."""


class Embeddings(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON list `data` of an embeddings response."""

    data: msgspec.Raw


Piece = Choice | UsageReport | Embeddings


class Backend(Protocol):
    """One local model server.

    Both methods raise `BackendError`; `FailCode` says whether another node may do
    better. An instance may be used from several tasks at once.
    """

    async def look(self) -> BackendInfo:
        """Read the server's models, slots and contexts as they are now."""

    def run(
        self, kind: Kind, model: str, body: dict[str, Any]
    ) -> AbstractAsyncContextManager[AsyncIterator[Piece]]:
        """Run one request; leaving the context stops the server's work on it.

        `body` is the OpenAI request; `model`, `stream` and `stream_options` in it are
        replaced. The server is always asked to stream (chat and completion). The
        iterator ends normally only after a finish reason for every choice that began
        and a `UsageReport`; an early end is `TRUNCATED`, an answer without any
        content, tool call or completion token is `EMPTY`.
        """
