"""What a model server's refusal means: HTTP status and error body to `BackendError`.

The servers write `{"error": {message, type, code}}`, `{"error": "text"}`, the same
fields at the top, or a web framework's `{"detail": ...}`; `code` may be a number, a
string or null. Of a `detail` list only the place and the message are kept: the
framework puts the offending input, which is the member's text, beside them.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from clubai.errors import BackendError
from clubai.model import FailCode
from clubai.protocol.decoding import UNREADABLE

MAX_MESSAGE_CHARS: Final = 300

_CONTEXT = re.compile(
    r"exceed\w*\b.{0,60}\bcontext|context (?:size|length|window)\b.{0,60}\bexceed"
    r"|maximum context length|longer than the (?:maximum )?context"
    r"|greater than the context length|input .{0,60}too large to process",
    re.IGNORECASE | re.DOTALL,
)
_UNSUPPORTED = re.compile(
    r"(?:does not|doesn't) support|not supported|not implemented", re.IGNORECASE
)
_NO_MODEL = re.compile(
    r"model\b.{0,120}\b(?:not found|does not exist|not loaded|unknown)"
    r"|no models? (?:is |are )?loaded|(?:unknown|invalid) model",
    re.IGNORECASE | re.DOTALL,
)


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A server's error, whatever shape it came in."""

    message: str
    type: str = ""
    code: str = ""


def parse_fault(body: bytes) -> Fault:
    """Read an error body; anything that is no known shape is its own message."""
    try:
        return read_fault(msgspec.json.decode(body))
    except UNREADABLE:
        return Fault(message=_short(body.decode("utf-8", "replace")))


def read_fault(found: Any) -> Fault:
    """Read an error that is JSON already."""
    if not isinstance(found, dict):
        return Fault(message=_short(_text(found)))
    error = found.get("error", found)
    if not isinstance(error, dict):
        return Fault(message=_short(_text(error)))
    message = error.get("message") or _detail(error.get("detail"))
    return Fault(
        message=_short(_text(message)),
        type=_text(error.get("type")),
        code=_text(error.get("code")),
    )


def refusal(status: int, fault: Fault, *, base: str, model: str = "") -> BackendError:
    """The error for an answer whose status says that the request was refused."""
    code = fail_code(status, fault)
    said = fault.message or "no reason given"
    if status in (401, 403):
        text = (
            f"the model server at {base} refuses the agent's key ({said}): "
            "give the agent the API key that the server expects"
        )
    elif code is FailCode.UNKNOWN_MODEL and model:
        text = f"the model server at {base} has no model {model!r} ({said})"
    else:
        text = f"the model server at {base} answered {status}: {said}"
    return BackendError(code, text, status=status)


def interruption(fault: Fault, *, base: str) -> BackendError:
    """The error for an error object that came in the midst of an answer."""
    code = FailCode.BACKEND
    if _is_context(fault):
        code = FailCode.CONTEXT_LENGTH_EXCEEDED
    said = fault.message or "no reason given"
    return BackendError(code, f"the model server at {base} broke off: {said}")


def fail_code(status: int, fault: Fault) -> FailCode:
    """Which failure a refused request is; the body is believed before the status."""
    named = _named(status, fault)
    if named is not None:
        return named
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 400 <= status < 500:
        return FailCode.BAD_REQUEST
    return FailCode.BACKEND


_BY_STATUS: Final = {
    401: FailCode.BACKEND,
    403: FailCode.BACKEND,
    404: FailCode.UNKNOWN_MODEL,
    405: FailCode.UNSUPPORTED,
    408: FailCode.BACKEND,
    413: FailCode.TOO_BIG,
    429: FailCode.BUSY,
    501: FailCode.UNSUPPORTED,
    503: FailCode.BUSY,
}
_NO_ROUTE: Final = frozenset({"file not found", "not found", "404 page not found", ""})


def _named(status: int, fault: Fault) -> FailCode | None:
    if status in (401, 403, 429, 503):
        return None
    if _is_context(fault):
        return FailCode.CONTEXT_LENGTH_EXCEEDED
    if fault.type == "not_supported_error":
        return FailCode.UNSUPPORTED
    if status == 404 and fault.message.strip().lower() in _NO_ROUTE:
        return FailCode.UNSUPPORTED
    if status < 500:
        if fault.code == "model_not_found" or _NO_MODEL.search(fault.message):
            return FailCode.UNKNOWN_MODEL
        if _UNSUPPORTED.search(fault.message):
            return FailCode.UNSUPPORTED
    return None


def _is_context(fault: Fault) -> bool:
    return (
        fault.type == "exceed_context_size_error"
        or fault.code == "context_length_exceeded"
        or _CONTEXT.search(fault.message) is not None
    )


def _detail(detail: Any) -> str:
    if isinstance(detail, list):
        rows = [row for row in detail if isinstance(row, dict)]
        return "; ".join(f"{_place(row)}: {_text(row.get('msg'))}" for row in rows)
    return _text(detail)


def _place(row: dict[str, Any]) -> str:
    place = row.get("loc")
    return ".".join(map(str, place)) if isinstance(place, list) else _text(place)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _short(text: str) -> str:
    text = " ".join(text.split())
    if len(text) <= MAX_MESSAGE_CHARS:
        return text
    return text[: MAX_MESSAGE_CHARS - 3] + "..."
