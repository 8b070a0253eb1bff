"""The answers of the OpenAI API as bytes: chunks, completions, lists, embeddings.

What a node sends is spliced in only after it was decoded and encoded again: a line
break or broken text from a node must not become an event of its own in a stream.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from clubai.errors import TaskFailed
from clubai.model import FailCode, Kind, ModelSnapshot, Usage
from clubai.protocol.decoding import UNREADABLE
from clubai.protocol.openai_fold import (
    AnswerFold,
    decode_object,
    finish_reason,
    unfinished,
)
from clubai.protocol.records import Choice

DONE: Final = b"data: [DONE]\n\n"
OWNER: Final = "clubai"

_encoder: Final = msgspec.json.Encoder()


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong, in the words of the API."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorEnvelope(msgspec.Struct, frozen=True):
    """The body of every response that is no answer."""

    error: ErrorBody


class ClubModel(msgspec.Struct, frozen=True, kw_only=True):
    """What the club knows about a model beyond its name."""

    nodes: int
    warm: int
    slots: int
    slots_free: int
    context: int
    kinds: tuple[Kind, ...]


class ModelBody(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `GET /v1/models`."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = OWNER
    clubai: ClubModel


class _List(msgspec.Struct, frozen=True):
    data: tuple[ModelBody, ...]
    object: Literal["list"] = "list"


class _Completion(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    object: Literal["chat.completion", "text_completion"]
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: dict[str, Any]


class _EmbeddingRow(msgspec.Struct):
    embedding: list[float] | str
    index: int = 0
    object: Literal["embedding"] = "embedding"


class _Embeddings(msgspec.Struct, frozen=True, kw_only=True):
    object: Literal["list"] = "list"
    data: list[_EmbeddingRow]
    model: str
    usage: dict[str, Any]


_rows_decoder: Final = msgspec.json.Decoder(list[_EmbeddingRow])


class ChunkWriter:
    """Writes the steps of one answer as the events of one stream.

    Everything that is the same in all of them is encoded once.
    """

    def __init__(self, kind: Kind, answer: str, model: str, created: int) -> None:
        chat = kind == "chat"
        name = "chat.completion.chunk" if chat else "text_completion"
        head = _encoder.encode(
            {"id": answer, "object": name, "created": created, "model": model}
        )
        self._chat = chat
        self._head = b"data: " + head[:-1] + b',"choices":['
        self._choice = self._head + b'{"index":'
        self._finished: dict[int, bool] = {}

    def write(self, choice: Choice) -> bytes:
        """Write one step. Raises `TaskFailed` when it cannot be passed on."""
        self._finished[choice.index] = choice.finish_reason is not None
        if self._chat:
            step = b',"delta":' + _encoder.encode(decode_object(choice.delta))
        else:
            step = b',"text":' + _encoder.encode(choice.text or "")
        if choice.logprobs:
            logprobs = decode_object(choice.logprobs) or None
            step += b',"logprobs":' + _encoder.encode(logprobs)
        if choice.finish_reason is None:
            finish = b',"finish_reason":null}]}\n\n'
        else:
            reason = finish_reason(choice.finish_reason).encode()
            finish = b',"finish_reason":"' + reason + b'"}]}\n\n'
        return b"%b%d%b%b" % (self._choice, choice.index, step, finish)

    def finish(self) -> None:
        """Check that the answer may end here. Raises `TaskFailed`."""
        if not self._finished:
            raise TaskFailed(FailCode.EMPTY, "the model answered nothing")
        if not all(self._finished.values()):
            raise unfinished()

    def usage(self, usage: dict[str, Any]) -> bytes:
        """Write the event that says what the whole answer used."""
        return self._head + b'],"usage":' + _encoder.encode(usage) + b"}\n\n"


def event(body: msgspec.Struct | dict[str, Any]) -> bytes:
    """Write one event of a stream."""
    return b"data: " + _encoder.encode(body) + b"\n\n"


def answer_id(kind: Kind, request: str) -> str:
    """Name an answer after its request."""
    return f"{'chatcmpl' if kind == 'chat' else 'cmpl'}-{request}"


def completion(
    kind: Kind,
    answer: str,
    model: str,
    created: int,
    fold: AnswerFold,
    usage: dict[str, Any],
) -> bytes:
    """Write a whole answer to chat or completion. Raises `TaskFailed`."""
    chat = kind == "chat"
    return _encoder.encode(
        _Completion(
            id=answer,
            object="chat.completion" if chat else "text_completion",
            created=created,
            model=model,
            choices=fold.messages() if chat else fold.texts(),
            usage=usage,
        )
    )


def embeddings(
    data: bytes, model: str, usage: dict[str, Any], *, inputs: int, as_base64: bool
) -> bytes:
    """Write the answer to an embeddings request from the node's `data` list.

    Raises:
        TaskFailed: `data` is not one embedding for each input.
    """
    try:
        rows = _rows_decoder.decode(data)
        if as_base64:
            for row in rows:
                row.embedding = _base64(row.embedding)
    except (*UNREADABLE, OverflowError) as error:
        raise _bad_embeddings("they cannot be read") from error
    if [row.index for row in rows] != list(range(inputs)):
        raise _bad_embeddings(f"{len(rows)} came for {inputs} inputs")
    usage.pop("completion_tokens", None)
    return _encoder.encode(_Embeddings(data=rows, model=model, usage=usage))


def model_body(model: ModelSnapshot, created: int) -> ModelBody:
    """Describe one model."""
    return ModelBody(
        id=model.name,
        created=created,
        clubai=ClubModel(
            nodes=model.nodes,
            warm=model.warm,
            slots=model.slots,
            slots_free=model.slots_free,
            context=model.context,
            kinds=model.kinds,
        ),
    )


def model_list(models: Iterable[ModelSnapshot], created: int) -> bytes:
    """Write the answer to `GET /v1/models`."""
    return _encoder.encode(_List(tuple(model_body(each, created) for each in models)))


def whole_usage(raw: msgspec.Raw, usage: Usage) -> dict[str, Any]:
    """Give the backend's `usage` with the three counts that every client reads."""
    try:
        whole = decode_object(raw)
    except TaskFailed:
        whole = {}
    for field in ("prompt_tokens", "completion_tokens", "total_tokens"):
        if type(whole.get(field)) is not int:
            whole[field] = getattr(usage, field)
    return whole


def _base64(embedding: list[float] | str) -> str:
    if isinstance(embedding, str):
        return embedding
    packed = struct.pack(f"<{len(embedding)}f", *embedding)
    return base64.b64encode(packed).decode("ascii")


def _bad_embeddings(why: str) -> TaskFailed:
    return TaskFailed(FailCode.BACKEND, f"the node's embeddings are wrong: {why}")
