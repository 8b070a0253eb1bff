"""Where to dial, and why it was refused: what both WebSocket libraries need."""

from __future__ import annotations

from typing import Final

import msgspec

from clubai.model import Redacted
from clubai.protocol.decoding import UNREADABLE

MAX_REASON_CHARACTERS: Final = 500


class Target(Redacted, frozen=True, kw_only=True):
    """A WebSocket address, taken apart."""

    host: str
    port: int
    secure: bool
    netloc: str
    resource: str
    shown: str
    """The address as errors may show it: without query and credentials."""
    token: str
    subprotocol: str
    max_message_bytes: int

    def __repr__(self) -> str:
        return f"Target({self.shown!r})"

    @property
    def headers(self) -> list[tuple[str, str]]:
        """What is sent beside what a WebSocket needs."""
        if not self.token:
            return []
        return [("Authorization", f"Bearer {self.token}")]

    @property
    def subprotocols(self) -> list[str]:
        """What is offered."""
        return [self.subprotocol] if self.subprotocol else []


class Refusal(Exception):
    """The other side did not open a WebSocket."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class _Problem(msgspec.Struct):
    message: str = ""


class _Body(msgspec.Struct):
    error: _Problem | str = ""


def refusal(status: int, body: bytes | None) -> Refusal:
    """Tell a refused upgrade, with the message of its JSON body if it has one."""
    text = f"the answer was HTTP {status}"
    message = _message(body or b"")
    if message:
        text = f"{text}: {message}"
    return Refusal(text[:MAX_REASON_CHARACTERS], status)


def _message(body: bytes) -> str:
    try:
        error = msgspec.json.decode(body[: 1 << 16], type=_Body).error
    except UNREADABLE:
        return ""
    text = error if isinstance(error, str) else error.message
    return "".join(c if c.isprintable() else " " for c in text)
