"""Turns the chunks of one streamed answer into steps, and judges its end. Pure.

Everything that decides whether an answer is whole lives here: a finish reason for
every choice that began, some content, and a usage, estimated if the server gave none.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from clubai.agent.backends.base import UsageReport
from clubai.agent.backends.faults import interruption, parse_fault
from clubai.errors import BackendError
from clubai.model import FailCode, Kind
from clubai.protocol.decoding import UNREADABLE
from clubai.protocol.messages import U16, U32
from clubai.protocol.records import Choice

CHARS_PER_TOKEN: Final = 4

_FINISH_REASONS: Final = frozenset(
    {"stop", "length", "tool_calls", "content_filter", "function_call"}
)
_FINISH_SYNONYMS: Final = {"max_tokens": "length", "tool_use": "tool_calls"}
_BROKEN_REASONS: Final = frozenset({"error", "abort", "aborted", "cancelled"})
_NOTHING: Final = frozenset({b"", b"null", b'""', b"[]", b"{}"})
_NO_RAW: Final = msgspec.Raw(b"")
_BLANK: Final = Choice()
"""Has the very objects that are left out when a step is encoded."""


class _Row(msgspec.Struct):
    index: U16 = 0
    delta: msgspec.Raw = _NO_RAW
    text: str | None = None
    finish_reason: str | None = None
    logprobs: msgspec.Raw = _NO_RAW


class _Chunk(msgspec.Struct):
    choices: list[_Row] | None = None
    usage: msgspec.Raw = _NO_RAW
    error: msgspec.Raw = _NO_RAW


class _Counts(msgspec.Struct):
    prompt_tokens: U32 | None = None
    completion_tokens: U32 | None = None


_chunk_decoder = msgspec.json.Decoder(_Chunk)
_counts_decoder = msgspec.json.Decoder(_Counts)
_delta_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Answer:
    """One answer to a chat or completion, fed with the payloads of its stream."""

    def __init__(self, kind: Kind, body: dict[str, Any], base: str) -> None:
        self._kind = kind
        self._body = body
        self._base = base
        self._open: set[int] = set()
        self._finished: set[int] = set()
        self._steps = 0
        self._usages: list[bytes] = []
        self._running = b""

    @property
    def complete(self) -> bool:
        """Every choice that began has its finish reason, and one did."""
        return bool(self._finished) and not self._open

    def feed(self, payload: bytes) -> list[Choice]:
        """The steps in one payload.

        Raises:
            BackendError: it is an error object, or nothing that can be read.
        """
        try:
            chunk = _chunk_decoder.decode(payload)
        except UNREADABLE as error:
            raise self._unreadable() from error
        if bytes(chunk.error) not in _NOTHING:
            raise interruption(parse_fault(payload), base=self._base)
        rows = chunk.choices or []
        steps = [step for row in rows if (step := self._step(row)) is not None]
        if bytes(chunk.usage) not in _NOTHING:
            self._note_usage(bytes(chunk.usage), last=not rows or _ends(rows))
        return steps

    def end(self) -> UsageReport:
        """Judge the whole answer at the end of its stream.

        Raises:
            BackendError: `TRUNCATED` or `EMPTY`.
        """
        if self._open:
            raise BackendError(
                FailCode.TRUNCATED,
                f"the model server at {self._base} ended the answer without a finish "
                "reason",
            )
        usage = self._usage()
        if not self._steps and (not self._finished or not usage.completion_tokens):
            raise BackendError(
                FailCode.EMPTY,
                f"the model server at {self._base} answered nothing at all",
            )
        return usage

    def _step(self, row: _Row) -> Choice | None:
        reason = self._reason(row)
        delta = bytes(row.delta)
        if delta in (b"", b"null"):
            delta = b"{}" if self._kind == "chat" and reason else b""
        if not delta and row.text is None and reason is None:
            return None
        if row.text or (delta not in _NOTHING and self._has_content(delta)):
            self._steps += 1
        if reason is not None:
            self._open.discard(row.index)
            self._finished.add(row.index)
        elif row.index not in self._finished:
            self._open.add(row.index)
        given = bytes(row.logprobs) not in _NOTHING
        return Choice(
            index=row.index,
            delta=msgspec.Raw(delta) if delta else _BLANK.delta,
            text=row.text,
            finish_reason=reason,
            logprobs=row.logprobs if given else _BLANK.logprobs,
        )

    def _has_content(self, delta: bytes) -> bool:
        try:
            fields = _delta_decoder.decode(delta)
        except UNREADABLE as error:
            raise self._unreadable() from error
        return any(
            bytes(value) not in _NOTHING
            for name, value in fields.items()
            if name != "role"
        )

    def _unreadable(self) -> BackendError:
        return BackendError(
            FailCode.BACKEND,
            f"the model server at {self._base} sent a chunk that cannot be read",
        )

    def _reason(self, row: _Row) -> str | None:
        reason = row.finish_reason
        if not reason:
            return None
        if reason in _BROKEN_REASONS:
            raise BackendError(
                FailCode.TRUNCATED,
                f"the model server at {self._base} gave up the answer ({reason!r})",
            )
        reason = _FINISH_SYNONYMS.get(reason, reason)
        return reason if reason in _FINISH_REASONS else "stop"

    def _note_usage(self, raw: bytes, *, last: bool) -> None:
        # Some servers repeat a running usage in every chunk; the one at an end counts.
        if last:
            self._usages.append(raw)
        else:
            self._running = raw

    def _usage(self) -> UsageReport:
        reports = [
            report
            for raw in self._usages or [self._running]
            if (report := read_usage(raw)) is not None
        ]
        if not reports:
            return usage_report(estimate_prompt(self._kind, self._body), self._steps)
        choices = len(self._finished)
        if choices > 1 and len(reports) == choices:
            return self._sum(reports)
        return reports[-1]

    def _sum(self, reports: list[UsageReport]) -> UsageReport:
        """Add up what llama.cpp reports for each choice on its own."""
        prompts = [report.prompt_tokens for report in reports]
        several = isinstance(self._body.get("prompt"), list)
        return usage_report(
            sum(prompts) if several else max(prompts),
            sum(report.completion_tokens for report in reports),
        )


def usage_report(prompt_tokens: int, completion_tokens: int) -> UsageReport:
    """A usage made here, where the server gives none that fits."""
    counts = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }
    return UsageReport(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        raw=msgspec.Raw(msgspec.json.encode(counts)),
    )


def read_usage(raw: bytes) -> UsageReport | None:
    """A server's `usage` object; None when it is none."""
    try:
        counts = _counts_decoder.decode(raw)
    except UNREADABLE:
        return None
    if counts.prompt_tokens is None:
        return None
    return UsageReport(
        prompt_tokens=counts.prompt_tokens,
        completion_tokens=counts.completion_tokens or 0,
        raw=msgspec.Raw(raw),
    )


def estimate_prompt(kind: Kind, body: dict[str, Any]) -> int:
    """Tokens of a request by its length: a quarter of the characters, rounded up."""
    field = {"chat": "messages", "completion": "prompt", "embedding": "input"}[kind]
    return -(-_chars(body.get(field)) // CHARS_PER_TOKEN)


def _chars(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, int):
        return CHARS_PER_TOKEN
    if isinstance(value, list):
        return sum(map(_chars, value))
    if isinstance(value, dict):
        return _chars(value.get("content")) + _chars(value.get("text"))
    return 0


def _ends(rows: list[_Row]) -> bool:
    return any(row.finish_reason for row in rows)
