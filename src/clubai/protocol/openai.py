"""What a request of the OpenAI API must be before the club takes it.

A body is decoded once. The fields that ClubAI itself relies on are checked; every
other field goes to the model's server as it came, so that whatever that server knows
(tools, response_format, seed, stop, ...) works without being known here. Taken out
are the envelope (`model`, `stream`, `stream_options`, `clubai`), the fields that
some servers take as an order to ask somebody else (`base_url`, `api_key`, ...), and
those that would reach into the node's own household (`keep_alive`, `id_slot`, ...).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from clubai.dividing.options import TOOLS, Dividing, read_dividing
from clubai.errors import ConfigError, TaskRejected
from clubai.model import FailCode, Kind, Privacy
from clubai.protocol.decoding import is_too_deep

MAX_MODEL_LENGTH: Final = 256
MAX_CHOICES: Final = 128
MAX_INPUTS: Final = 2048
MAX_TOKENS: Final = (1 << 31) - 1
MAX_SECONDS: Final = 86_400.0
COUNTED_CHARACTERS: Final = 1 << 20
"""Of a longer prompt only this much is counted: a lower bound stays one."""

_CHOICES: Final = ("privacy", "wait_s", "deadline_s")
DIVIDING_FIELDS: Final = Dividing.__struct_fields__
_ENVELOPE: Final = ("model", "stream", "stream_options", "clubai")
_REDIRECTING: Final = frozenset(
    {
        "api_base",
        "api_key",
        "api_type",
        "api_version",
        "base_url",
        "custom_llm_provider",
        "default_headers",
        "extra_body",
        "extra_headers",
        "extra_query",
        "fallbacks",
        "headers",
        "organization",
        "proxy",
    }
)
_HOUSEHOLD: Final = frozenset({"id_slot", "keep_alive", "slot_id", "ttl"})
_DROPPED: Final = _REDIRECTING | _HOUSEHOLD | frozenset(_ENVELOPE)

_TOO_DEEP: Final = "the body cannot be read: it is nested too deeply"
_MISSING: Final = object()
_SHOWN: Final = 60

_decoder: Final = msgspec.json.Decoder(dict[str, Any])


class FieldError(TaskRejected):
    """A field of a request cannot be used as it is."""

    def __init__(
        self,
        field: str,
        value: object,
        fix: str,
        *,
        code: FailCode = FailCode.BAD_REQUEST,
    ) -> None:
        state = (
            "is missing" if value is _MISSING else f"= {_shown(value)} cannot be used"
        )
        super().__init__(code, f"{field} {state}: {fix}")
        self.field = field
        self.value = value
        self.fix = fix


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request that the club can take."""

    kind: Kind
    model: str
    body: dict[str, Any]
    """What the model's server is to run, without the envelope."""
    stream: bool = False
    include_usage: bool = False
    base64: bool = False
    """Embeddings are wanted as base64 of little-endian 32-bit floats."""
    inputs: int = 0
    """How many embeddings are asked for."""
    dividing: Dividing = Dividing()
    privacy: Privacy = "normal"
    max_tokens: int = 0
    """0: not said."""
    prompt_tokens: int = 0
    """A lower bound; see `least_tokens`."""
    wait_s: float | None = None
    deadline_s: float | None = None


class Choosing(msgspec.Struct, frozen=True, kw_only=True):
    """What a `clubai` object says about how a request is to be run."""

    dividing: Dividing = Dividing()
    privacy: Privacy = "normal"
    wait_s: float | None = None
    deadline_s: float | None = None


def decode_body(data: bytes) -> dict[str, Any]:
    """Decode a request's body, which must be a JSON object.

    Raises:
        TaskRejected: it is something else.
    """
    try:
        body = _decoder.decode(data)
    except msgspec.ValidationError as error:
        raise _unreadable("the body must be a JSON object", error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable("the body is not JSON", error) from error
    except RecursionError as error:
        raise TaskRejected(FailCode.BAD_REQUEST, _TOO_DEEP) from error
    if is_too_deep(data, body):
        raise TaskRejected(FailCode.BAD_REQUEST, _TOO_DEEP)
    return body


def parse_chat(data: bytes) -> Request:
    """Read the body of `POST /v1/chat/completions`. Raises `TaskRejected`."""
    return chat_request(decode_body(data))


def chat_request(asked: dict[str, Any]) -> Request:
    """Check a decoded chat request. Raises `FieldError`."""
    _check_messages(asked.get("messages", _MISSING))
    least = least_tokens(_message_texts(asked["messages"]))
    return _generation("chat", asked, least)


def parse_completion(data: bytes) -> Request:
    """Read the body of `POST /v1/completions`. Raises `TaskRejected`."""
    asked = decode_body(data)
    _count_texts("prompt", asked.get("prompt", _MISSING))
    return _generation("completion", asked, _least_of_first(asked["prompt"]))


def parse_embedding(data: bytes) -> Request:
    """Read the body of `POST /v1/embeddings`. Raises `TaskRejected`."""
    asked = decode_body(data)
    inputs = _count_texts("input", asked.get("input", _MISSING))
    if inputs > MAX_INPUTS:
        raise FieldError("input", inputs, f"at most {MAX_INPUTS} in one request")
    form = asked.get("encoding_format")
    if form not in (None, "float", "base64"):
        raise FieldError("encoding_format", form, "use 'float' or 'base64'")
    choosing = parse_choosing(asked.get("clubai"))
    _undivided(choosing)
    body = _without_envelope(asked)
    body["encoding_format"] = "float"
    return Request(
        kind="embedding",
        model=_model(asked),
        body=body,
        base64=form == "base64",
        inputs=inputs,
        privacy=choosing.privacy,
        prompt_tokens=_least_of_first(asked["input"]),
        wait_s=choosing.wait_s,
        deadline_s=choosing.deadline_s,
    )


def parse_choosing(value: object) -> Choosing:
    """Check a request's `clubai` object. Raises `FieldError`."""
    if value is None:
        return Choosing()
    if not isinstance(value, dict):
        raise FieldError("clubai", value, "it must be an object")
    for key in value:
        if key not in _CHOICES and key not in DIVIDING_FIELDS:
            known = ", ".join((*_CHOICES, *DIVIDING_FIELDS))
            raise FieldError(f"clubai.{key}", value[key], f"known are {known}")
    return Choosing(
        dividing=_dividing(value),
        privacy=check_privacy("clubai.privacy", value.get("privacy")),
        wait_s=check_seconds("clubai.wait_s", value.get("wait_s")),
        deadline_s=check_seconds("clubai.deadline_s", value.get("deadline_s")),
    )


def check_privacy(field: str, value: object) -> Privacy:
    """Give how an answer is to travel, `normal` by default. Raises `FieldError`."""
    match value:
        case None | "normal":
            return "normal"
        case "high":
            return "high"
    raise FieldError(field, value, "it must be 'normal' or 'high'")


def _dividing(value: dict[str, Any]) -> Dividing:
    own = {key: value[key] for key in value if key in DIVIDING_FIELDS}
    try:
        return read_dividing({key: own[key] for key in own if own[key] is not None})
    except ConfigError as error:
        raise FieldError(f"clubai.{error.field}", error.value, error.fix) from error


def _undivided(choosing: Choosing) -> None:
    mode = choosing.dividing.mode
    if mode != "single":
        fix = "only chat requests and POST /inference are divided"
        raise FieldError("clubai.mode", mode, fix, code=FailCode.UNSUPPORTED)


def check_seconds(field: str, value: object) -> float | None:
    """Give a time in seconds, None when it is not said. Raises `FieldError`."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError(field, value, "it must be a number of seconds")
    if not 0 <= value <= MAX_SECONDS:
        raise FieldError(field, value, f"use 0 to {MAX_SECONDS:.0f} seconds")
    return float(value)


def check_flag(field: str, value: object) -> bool:
    """Give a boolean, False when it is not said. Raises `FieldError`."""
    if value is None or value is False:
        return False
    if value is True:
        return True
    raise FieldError(field, value, "use true or false")


def least_tokens(texts: Iterable[str]) -> int:
    """Give a number of tokens that these texts have at least, together.

    It is the number of words between white space: tokenizers do not join words, while
    no fixed number of bytes for a token holds for every script and every run of
    spaces.
    """
    tokens = 0
    left = COUNTED_CHARACTERS
    for text in texts:
        tokens += len(text[:left].split())
        left -= min(left, len(text))
    return tokens


def _generation(kind: Kind, asked: dict[str, Any], prompt_tokens: int) -> Request:
    stream = check_flag("stream", asked.get("stream"))
    count = asked.get("n")
    if count is not None:
        _check_count("n", count, MAX_CHOICES)
    options = asked.get("stream_options")
    if options is not None and not isinstance(options, dict):
        raise FieldError("stream_options", options, "it must be an object")
    usage = options and check_flag(
        "stream_options.include_usage", options.get("include_usage")
    )
    choosing = parse_choosing(asked.get("clubai"))
    if kind != "chat":
        _undivided(choosing)
    elif choosing.dividing.mode != "single":
        _check_divided(asked)
    max_tokens = _max_tokens(asked)
    body = _without_envelope(asked)
    if max_tokens:
        body["max_tokens"] = max_tokens
    return Request(
        kind=kind,
        model=_model(asked),
        body=body,
        stream=stream,
        include_usage=bool(usage),
        dividing=choosing.dividing,
        privacy=choosing.privacy,
        max_tokens=max_tokens,
        prompt_tokens=prompt_tokens,
        wait_s=choosing.wait_s,
        deadline_s=choosing.deadline_s,
    )


def _check_divided(asked: dict[str, Any]) -> None:
    if asked.get("n") not in (None, 1):
        raise FieldError("n", asked["n"], "a divided job has one answer")
    for field in TOOLS:
        if asked.get(field):
            fix = "a divided job calls no tools: leave them out, or use mode 'single'"
            raise FieldError(field, asked[field], fix, code=FailCode.UNSUPPORTED)


def _without_envelope(asked: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in asked.items() if key not in _DROPPED}


def _model(asked: dict[str, Any]) -> str:
    model = asked.get("model", _MISSING)
    if not isinstance(model, str) or not model:
        raise FieldError("model", model, "name one of the models of GET /v1/models")
    if len(model) > MAX_MODEL_LENGTH:
        raise FieldError("model", model, f"at most {MAX_MODEL_LENGTH} characters")
    return model


def _max_tokens(asked: dict[str, Any]) -> int:
    """Give the answer's bound; 0 when none is said or it is -1 (LM Studio's "none")."""
    bound = 0
    for field in ("max_tokens", "max_completion_tokens"):
        value = asked.get(field)
        if value is None or value == -1:
            continue
        _check_count(field, value, MAX_TOKENS)
        bound = value
    return bound


def _check_count(field: str, value: object, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise FieldError(field, value, "it must be a whole number")
    if not 1 <= value <= most:
        raise FieldError(field, value, f"use 1 to {most}")


def _check_messages(messages: object) -> None:
    if not isinstance(messages, list):
        raise FieldError("messages", messages, "it must be a list of messages")
    if not messages:
        raise FieldError("messages", messages, "give at least one message")
    for index, message in enumerate(messages):
        field = f"messages[{index}]"
        if not isinstance(message, dict):
            raise FieldError(field, message, "it must be an object with role, content")
        role = message.get("role", _MISSING)
        if not isinstance(role, str) or not role:
            raise FieldError(f"{field}.role", role, "use 'user', 'system', ...")
        _check_content(f"{field}.content", message.get("content"))


def _check_content(field: str, content: object) -> None:
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        raise FieldError(field, content, "it must be a text or a list of parts")
    for index, part in enumerate(content):
        if not isinstance(part, dict):
            raise FieldError(f"{field}[{index}]", part, "it must be an object")


def _count_texts(field: str, value: object) -> int:
    """Count the texts of a prompt or an input: texts, or lists of token numbers."""
    if isinstance(value, str) and (value or field == "prompt"):
        return 1
    if not isinstance(value, list) or not value:
        raise FieldError(field, value, "give a text or a list of texts")
    if all(type(item) is int for item in value):
        return 1
    for index, item in enumerate(value):
        tokens = isinstance(item, list) and all(type(token) is int for token in item)
        if not (isinstance(item, str) or tokens):
            raise FieldError(f"{field}[{index}]", item, "it must be a text")
    return len(value)


def _message_texts(messages: list[dict[str, Any]]) -> Iterator[str]:
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            yield content
        elif content:
            for part in content:
                text = part.get("text")
                if isinstance(text, str):
                    yield text


def _least_of_first(value: str | list[Any]) -> int:
    """Count the first of several prompts: each has the context for itself."""
    first = value
    if isinstance(value, list) and not isinstance(value[0], int):
        first = value[0]
    return least_tokens((first,)) if isinstance(first, str) else len(first)


def _shown(value: object) -> str:
    """Show a value of a request in its error: short, and no content of lists."""
    if isinstance(value, dict):
        return "{...}" if value else "{}"
    if isinstance(value, list):
        return "[...]" if value else "[]"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _unreadable(what: str, error: Exception) -> TaskRejected:
    return TaskRejected(FailCode.BAD_REQUEST, f"{what}: {error}")
