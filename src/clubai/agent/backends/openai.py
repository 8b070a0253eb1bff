"""Any server that speaks the OpenAI API: the code path of every backend.

What the other modules add is only what `look` finds out: models, slots, contexts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, ClassVar, Final

import msgspec

from clubai.agent.backends.answer import (
    Answer,
    estimate_prompt,
    read_usage,
    usage_report,
)
from clubai.agent.backends.base import BackendInfo, Embeddings, Piece, UsageReport
from clubai.agent.backends.faults import (
    interruption,
    parse_fault,
    refusal,
)
from clubai.agent.backends.http import MAX_ERROR_BYTES, Download, Http
from clubai.agent.backends.offers import count, kinds_by_name, rows
from clubai.agent.backends.sse import EventReader
from clubai.errors import BackendError
from clubai.model import FailCode, Kind, ModelOffer
from clubai.protocol.decoding import UNREADABLE

LOOK_SECONDS: Final = 5.0
MAX_EMBEDDINGS_BYTES: Final = 64 << 20

_PATHS: Final[dict[Kind, str]] = {
    "chat": "/v1/chat/completions",
    "completion": "/v1/completions",
    "embedding": "/v1/embeddings",
}


class OpenAIBackend:
    """A model server behind an OpenAI-compatible address.

    `slots` above 0 is the owner's word and wins over what the server says.
    """

    kind: ClassVar[str] = "generic"
    default_slots: ClassVar[int] = 1

    def __init__(self, http: Http, *, slots: int = 0) -> None:
        self.http = http
        self._slots = slots
        self._refuses_stream_options = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.http.base!r})"

    async def look(self) -> BackendInfo:
        """Read the server's models, slots and contexts as they are now."""
        return self.info(await self.list_models())

    def run(
        self, kind: Kind, model: str, body: dict[str, Any]
    ) -> AbstractAsyncContextManager[AsyncIterator[Piece]]:
        """Run one request; leaving the context stops the server's work on it."""
        request = {**body, "model": self.served_name(model)}
        request.pop("stream", None)
        request.pop("stream_options", None)
        if kind == "embedding":
            return self._embed(request)
        return self._stream(kind, request)

    def served_name(self, model: str) -> str:
        """What the server calls the model that is offered as `model`."""
        return model

    def info(
        self, models: list[ModelOffer], *, slots: int = 0, version: str = ""
    ) -> BackendInfo:
        """What `look` gives, with the owner's word about slots put first.

        `slots` is what the server says; 0: it says nothing.
        """
        return BackendInfo(
            kind=self.kind,
            version=version,
            url=self.http.base,
            models=tuple(models),
            slots=self._slots or slots or self.default_slots,
            most_slots=max(self._slots, slots) if slots else 0,
        )

    async def list_models(self) -> list[ModelOffer]:
        """The rows of `/v1/models`, each offered as warm."""
        return [
            ModelOffer(
                name=row["id"],
                context=count(row, "max_model_len", "context_length", "context_window"),
                kinds=kinds_by_name(row["id"]),
            )
            for row in rows(await self.document("/v1/models"), "data", "id")
        ]

    async def document(self, path: str) -> dict[str, Any]:
        """GET a JSON object of the server's own API.

        Raises:
            BackendError: it was refused, or is something else.
        """
        found = await self.http.get(path, seconds=LOOK_SECONDS)
        if found.status != 200:
            raise refusal(found.status, parse_fault(found.body), base=self.http.base)
        value = found.json()
        if not isinstance(value, dict):
            raise BackendError(
                FailCode.BACKEND,
                f"{self.http.base}{path} answered something that is no JSON object",
            )
        return value

    @asynccontextmanager
    async def _stream(
        self, kind: Kind, request: dict[str, Any]
    ) -> AsyncIterator[AsyncIterator[Piece]]:
        asked_usage = not self._refuses_stream_options
        async with self._send(kind, _streamed(request, asked_usage)) as download:
            if download.status == 200:
                yield await self._pieces(kind, request, download)
                return
            error_body = await download.read(MAX_ERROR_BYTES)
        if not (asked_usage and _is_about_stream_options(download.status, error_body)):
            raise self._refusal(download.status, error_body, request)
        async with self._send(kind, _streamed(request, False)) as download:
            if download.status != 200:
                error_body = await download.read(MAX_ERROR_BYTES)
                raise self._refusal(download.status, error_body, request)
            self._refuses_stream_options = True
            yield await self._pieces(kind, request, download)

    @asynccontextmanager
    async def _embed(
        self, request: dict[str, Any]
    ) -> AsyncIterator[AsyncIterator[Piece]]:
        async with self._send("embedding", request) as download:
            body = await download.read(MAX_EMBEDDINGS_BYTES + 1)
        if download.status != 200:
            raise self._refusal(download.status, body[:MAX_ERROR_BYTES], request)
        yield _Pieces(_read_embeddings(body, request, self.http.base))

    def _send(
        self, kind: Kind, request: dict[str, Any]
    ) -> AbstractAsyncContextManager[Download]:
        return self.http.open("POST", _PATHS[kind], request)

    async def _pieces(
        self, kind: Kind, request: dict[str, Any], download: Download
    ) -> AsyncIterator[Piece]:
        if download.content_type.startswith("application/json"):
            fault = parse_fault(await download.read(MAX_ERROR_BYTES))
            raise interruption(fault, base=self.http.base)
        return _Stream(
            EventReader(download.chunk), Answer(kind, request, self.http.base)
        )

    def _refusal(
        self, status: int, body: bytes, request: dict[str, Any]
    ) -> BackendError:
        return refusal(
            status, parse_fault(body), base=self.http.base, model=request["model"]
        )


class _Pieces:
    """An iterator over pieces that are there already."""

    def __init__(self, pieces: list[Piece]) -> None:
        self._ready = deque(pieces)

    def __aiter__(self) -> AsyncIterator[Piece]:
        return self

    async def __anext__(self) -> Piece:
        if not self._ready:
            raise StopAsyncIteration
        return self._ready.popleft()


class _Stream:
    """The pieces of a streamed answer; no generator, so leaving it half-way is free."""

    def __init__(self, events: EventReader, answer: Answer) -> None:
        self._events = events
        self._answer = answer
        self._ready: deque[Piece] = deque()
        self._ended = False

    def __aiter__(self) -> AsyncIterator[Piece]:
        return self

    async def __anext__(self) -> Piece:
        while not self._ready:
            if self._ended:
                raise StopAsyncIteration
            payload = await self._payload()
            if payload is None:
                self._ended = True
                self._ready.append(self._answer.end())
            else:
                self._ready.extend(self._answer.feed(payload))
        return self._ready.popleft()

    async def _payload(self) -> bytes | None:
        try:
            return await self._events.next()
        except BackendError as error:
            # A connection that breaks after the last finish reason took nothing away.
            if error.code is FailCode.TRUNCATED and self._answer.complete:
                return None
            raise


class _EmbeddingsBody(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"")
    usage: msgspec.Raw = msgspec.Raw(b"")
    error: msgspec.Raw = msgspec.Raw(b"")


def _read_embeddings(body: bytes, request: dict[str, Any], base: str) -> list[Piece]:
    if len(body) > MAX_EMBEDDINGS_BYTES:
        raise BackendError(
            FailCode.TOO_BIG,
            f"the embeddings from {base} are more than {MAX_EMBEDDINGS_BYTES} bytes",
        )
    try:
        found = msgspec.json.decode(body, type=_EmbeddingsBody)
    except UNREADABLE as error:
        raise BackendError(
            FailCode.BACKEND, f"{base} answered embeddings that cannot be read"
        ) from error
    if bytes(found.error) not in (b"", b"null"):
        raise interruption(parse_fault(body), base=base)
    data = bytes(found.data)
    if not data.startswith(b"[") or not data[1:-1].strip():
        raise BackendError(FailCode.EMPTY, f"{base} answered no embeddings at all")
    usage: UsageReport | None = read_usage(bytes(found.usage))
    return [
        Embeddings(data=found.data),
        usage or usage_report(estimate_prompt("embedding", request), 0),
    ]


def _streamed(request: dict[str, Any], with_usage: bool) -> dict[str, Any]:
    options = {"stream_options": {"include_usage": True}} if with_usage else {}
    return {**request, "stream": True, **options}


def _is_about_stream_options(status: int, body: bytes) -> bool:
    return status in (400, 422) and (
        b"stream_options" in body or b"include_usage" in body
    )
