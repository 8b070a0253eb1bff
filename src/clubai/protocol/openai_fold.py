"""From the steps of an answer to the whole of it.

A chat answer comes as deltas; folded they are the message that a server gives when it
does not stream. The rules are those by which the API's own clients add deltas up:
texts are joined, lists grow, tool calls are found by their `index`. Two habits of
servers are allowed for: a tool call's `id`, `type` and name sent again with every
piece of its arguments, and a whole message sent as one delta.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from clubai.errors import TaskFailed
from clubai.model import FailCode
from clubai.protocol.decoding import MAX_DEPTH, UNREADABLE, is_too_deep
from clubai.protocol.records import Choice

_SAID_ONCE: Final = frozenset({"id", "index", "role", "type"})
_FINISH: Final = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "function_call": "function_call",
    "max_length": "length",
    "max_tokens": "length",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
}
_BROKEN: Final = frozenset({"abort", "aborted", "cancelled", "error", "unload"})

_object_decoder: Final[msgspec.json.Decoder[dict[str, Any] | None]] = (
    msgspec.json.Decoder(dict[str, Any] | None)
)


def finish_reason(said: str) -> str:
    """Give one of the reasons that the API knows.

    Raises:
        TaskFailed: the server says by it that the answer broke off.
    """
    known = _FINISH.get(said)
    if known is not None:
        return known
    if said in _BROKEN:
        msg = "the model's server broke off the answer"
        raise TaskFailed(FailCode.TRUNCATED, msg)
    return "stop"


def decode_object(raw: msgspec.Raw) -> dict[str, Any]:
    """Decode a JSON object that a node sent; empty when there is none or null.

    Raises:
        TaskFailed: it is something else.
    """
    if not raw:
        return {}
    try:
        value = _object_decoder.decode(raw) or {}
    except UNREADABLE as error:
        raise _unreadable() from error
    if len(raw) > MAX_DEPTH and is_too_deep(bytes(raw), value):
        raise _unreadable()
    return value


def text_of(choice: Choice) -> str:
    """Give the text that one step of a chat answer adds. Raises `TaskFailed`."""
    return _checked_text(decode_object(choice.delta).get("content")) or ""


class _Pieces(list[str]):
    """The pieces of one text, told apart from a list that the server sent."""


class _Folded:
    """One choice as far as it has come."""

    def __init__(self) -> None:
        self.message: dict[str, Any] = {}
        self.calls: dict[int, dict[str, Any]] = {}
        self.text: list[str] = []
        self.logprobs: dict[str, Any] = {}
        self.finish = ""


class AnswerFold:
    """All choices of one answer as far as they have come."""

    def __init__(self) -> None:
        self._choices: dict[int, _Folded] = {}

    def add(self, choice: Choice) -> None:
        """Add the next step. Raises `TaskFailed`, see `finish_reason`."""
        folded = self._choices.get(choice.index)
        if folded is None:
            folded = self._choices[choice.index] = _Folded()
        if choice.text:
            folded.text.append(choice.text)
        if choice.delta:
            _add_delta(folded, decode_object(choice.delta))
        if choice.logprobs:
            _add_logprobs(folded.logprobs, decode_object(choice.logprobs))
        if choice.finish_reason:
            folded.finish = finish_reason(choice.finish_reason)

    def messages(self) -> list[dict[str, Any]]:
        """Give the `choices` of a chat completion. Raises `TaskFailed`."""
        return [
            _with_logprobs({"index": index, "message": _message(folded)}, folded)
            for index, folded in self._whole()
        ]

    def texts(self) -> list[dict[str, Any]]:
        """Give the `choices` of a completion. Raises `TaskFailed`."""
        return [
            _with_logprobs({"index": index, "text": "".join(folded.text)}, folded)
            for index, folded in self._whole()
        ]

    def _whole(self) -> list[tuple[int, _Folded]]:
        if not self._choices:
            raise TaskFailed(FailCode.EMPTY, "the model answered nothing")
        if not all(folded.finish for folded in self._choices.values()):
            raise unfinished()
        return sorted(self._choices.items(), key=lambda item: item[0])


def unfinished() -> TaskFailed:
    """Make the failure of an answer that ended without a finish reason."""
    return TaskFailed(FailCode.TRUNCATED, "the answer ended without a finish reason")


def _add_delta(folded: _Folded, delta: dict[str, Any]) -> None:
    for key, value in delta.items():
        if key == "tool_calls" and isinstance(value, list):
            _add_tool_calls(folded.calls, value)
        elif value is not None:
            _add_value(folded.message, key, value)


def _add_value(whole: dict[str, Any], key: str, value: Any) -> None:
    """Add a field that may be an object of fields, such as `audio`."""
    if not isinstance(value, dict):
        _add_plain(whole, key, value)
        return
    before = whole.get(key)
    inner = whole[key] = before if isinstance(before, dict) else {}
    for name, item in value.items():
        before = inner.get(name)
        again = name == "name" and isinstance(before, _Pieces) and [item] == before
        if item is not None and not again:
            _add_plain(inner, name, item)


def _add_plain(whole: dict[str, Any], key: str, value: Any) -> None:
    before = whole.get(key)
    if key in _SAID_ONCE:
        whole.setdefault(key, value)
    elif not isinstance(value, str):
        ours = isinstance(before, _Pieces)
        if isinstance(before, list) and isinstance(value, list) and not ours:
            before.extend(value)
        else:
            whole[key] = value
    elif isinstance(before, _Pieces):
        before.append(value)
    else:
        whole[key] = _Pieces((value,))


def _add_tool_calls(calls: dict[int, dict[str, Any]], steps: list[Any]) -> None:
    for position, step in enumerate(steps):
        if not isinstance(step, dict):
            continue
        index = step.get("index")
        call = calls.setdefault(index if isinstance(index, int) else position, {})
        for key, value in step.items():
            if value is not None and key != "index":
                _add_value(call, key, value)


def _add_logprobs(whole: dict[str, Any], step: dict[str, Any]) -> None:
    for key, value in step.items():
        before = whole.get(key)
        ours = isinstance(before, _Pieces)
        if isinstance(before, list) and isinstance(value, list) and not ours:
            before.extend(value)
        elif value is not None or key not in whole:
            whole[key] = value


def _message(folded: _Folded) -> dict[str, Any]:
    message = {"role": "assistant", "content": None, **_joined(folded.message)}
    _checked_text(message["content"])
    if folded.calls:
        ordered = sorted(folded.calls.items(), key=lambda item: item[0])
        message["tool_calls"] = [_joined(call) for _, call in ordered]
    elif message["content"] is None:
        message["content"] = ""
    return message


def _checked_text(content: object) -> str | None:
    if content is None or isinstance(content, str):
        return content
    raise _unreadable()


def _unreadable() -> TaskFailed:
    return TaskFailed(FailCode.BACKEND, "the node's answer cannot be read")


def _joined(whole: dict[str, Any]) -> dict[str, Any]:
    return {key: _joined_value(value) for key, value in whole.items()}


def _joined_value(value: Any) -> Any:
    if isinstance(value, _Pieces):
        return "".join(value)
    if isinstance(value, dict):
        return {
            name: "".join(item) if isinstance(item, _Pieces) else item
            for name, item in value.items()
        }
    return value


def _with_logprobs(choice: dict[str, Any], folded: _Folded) -> dict[str, Any]:
    choice["logprobs"] = folded.logprobs or None
    choice["finish_reason"] = folded.finish
    return choice
