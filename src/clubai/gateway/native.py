"""`POST /inference`: the club's own form of a question, and an answer with provenance.

A request has `prompt` or `messages`, and may have `model`, `mode`, `privacy`, `system`,
`options`
(whatever the model's server knows: `max_tokens`, `temperature`, ...), `stream`,
`wait_s` and `deadline_s`. Streamed, each event is `{"text": ...}`, and the last one is
the object that comes alone otherwise.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from clubai.client.client import Client
from clubai.client.job import Job
from clubai.client.run import Run
from clubai.errors import TaskRejected
from clubai.gateway.answers import run_headers, run_job
from clubai.gateway.exchange import Exchange
from clubai.gateway.sse import EventStream
from clubai.model import FailCode, Mode, ModelSnapshot, ReadableBy, Timings
from clubai.protocol.openai import (
    DIVIDING_FIELDS,
    FieldError,
    Request,
    chat_request,
    check_flag,
    check_privacy,
    check_seconds,
    decode_body,
)
from clubai.protocol.openai_answer import DONE, event, whole_usage
from clubai.protocol.openai_fold import AnswerFold, text_of

_KEYS: Final = (
    "prompt",
    "messages",
    "model",
    "privacy",
    "system",
    "options",
    "stream",
    "wait_s",
    "deadline_s",
)
_NOT_OPTIONS: Final = frozenset(
    {"clubai", "messages", "model", "n", "prompt", "stream", "stream_options"}
)

_encoder: Final = msgspec.json.Encoder()


class AnsweringNode(msgspec.Struct, frozen=True):
    """A node that worked on the answer."""

    id: str
    name: str


class Inference(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `POST /inference`."""

    answer: str
    mode: Mode
    model: str
    nodes: tuple[AnsweringNode, ...]
    attempts: int
    usage: dict[str, Any]
    timings: Timings
    readable_by: ReadableBy
    task: str
    finish_reason: str


def parse_inference(data: bytes) -> Request:
    """Read the body; `model` is empty when it names none. Raises `TaskRejected`."""
    asked = decode_body(data)
    for key in asked:
        if key not in _KEYS and key not in DIVIDING_FIELDS:
            known = ", ".join((*_KEYS, *DIVIDING_FIELDS))
            raise FieldError(key, asked[key], f"known are {known}")
    options = asked.get("options") or {}
    if not isinstance(options, dict):
        raise FieldError("options", options, "it must be an object")
    for key in options:
        if key in _NOT_OPTIONS:
            raise FieldError(f"options.{key}", options[key], "it is not an option")
    model = asked.get("model")
    named = _chat_request(
        {
            **options,
            "messages": _messages(asked),
            "model": "any" if model is None else model,
            "stream": check_flag("stream", asked.get("stream")),
            "clubai": {
                **{key: asked[key] for key in DIVIDING_FIELDS if key in asked},
                "privacy": check_privacy("privacy", asked.get("privacy")),
                "wait_s": check_seconds("wait_s", asked.get("wait_s")),
                "deadline_s": check_seconds("deadline_s", asked.get("deadline_s")),
            },
        }
    )
    return msgspec.structs.replace(named, model="") if model is None else named


def _chat_request(asked: dict[str, Any]) -> Request:
    """Check it as a chat request; here the club's own fields have no prefix."""
    try:
        return chat_request(asked)
    except FieldError as error:
        field = error.field.removeprefix("clubai.")
        raise FieldError(field, error.value, error.fix, code=error.code) from error


def choose_model(models: tuple[ModelSnapshot, ...]) -> str:
    """Give the chat model with the most free slots. Raises `TaskRejected`."""
    chat = [model for model in models if "chat" in model.kinds]
    if not chat:
        raise TaskRejected(FailCode.NO_CAPACITY, "no node offers a chat model now")
    return min(chat, key=lambda each: (-each.slots_free, -each.warm, each.name)).name


async def send_inference(exchange: Exchange, client: Client, job: Job) -> None:
    """Answer in one piece."""

    async def work(run: Run) -> None:
        fold = AnswerFold()
        async for choices in run:
            for choice in choices:
                fold.add(choice)
        body = _encoder.encode(_inference(run, job, fold))
        await exchange.respond(200, body, run_headers(run), request=run.task)

    await run_job(exchange, client, job, work)


async def stream_inference(
    exchange: Exchange, client: Client, job: Job, events: EventStream
) -> None:
    """Answer step by step."""

    async def work(run: Run) -> None:
        fold = AnswerFold()
        await events.begin(run_headers(run), request=run.task)
        async for choices in run:
            text = ""
            for choice in choices:
                fold.add(choice)
                text += text_of(choice)
            if text:
                await events.send(event({"text": text}))
        await events.end(event(_inference(run, job, fold)) + DONE)

    await run_job(exchange, client, job, work, events)


def _inference(run: Run, job: Job, fold: AnswerFold) -> Inference:
    first = fold.messages()[0]
    return Inference(
        answer=first["message"]["content"] or "",
        mode=job.mode,
        model=run.model,
        nodes=(AnsweringNode(run.node, run.node_name),) if run.node else (),
        attempts=run.attempts,
        usage=whole_usage(run.usage_json, run.usage),
        timings=run.timings,
        readable_by=run.readable_by,
        task=run.task,
        finish_reason=first["finish_reason"],
    )


def _messages(asked: dict[str, Any]) -> object:
    prompt, messages = asked.get("prompt"), asked.get("messages")
    if (prompt is None) == (messages is None):
        raise FieldError("prompt", prompt, "give either prompt or messages")
    if messages is None:
        if not isinstance(prompt, str) or not prompt:
            raise FieldError("prompt", prompt, "it must be a text")
        messages = [{"role": "user", "content": prompt}]
    system = asked.get("system")
    if system is None or not isinstance(messages, list) or not messages:
        return messages
    if not isinstance(system, str):
        raise FieldError("system", system, "it must be a text")
    return [{"role": "system", "content": system}, *messages]
