"""Reads the events of a streamed answer, line by line and within bounds.

`LineSplitter` is pure. `EventReader` keeps the lines that carry JSON: those after
`data:`, those after `error:` (an older llama.cpp), and bare JSON objects (an error
that a server wrote without the event framing, or newline-delimited JSON). Comments,
other fields and `data: null` are skipped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from clubai.errors import BackendError
from clubai.model import FailCode

MAX_LINE_BYTES: Final = 1 << 20


class LineSplitter:
    """Cuts bytes into lines, holding back what has no line end yet."""

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._rest: list[bytes] = []
        self._held = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes, without their ends.

        Raises:
            BackendError: a line is longer than the limit.
        """
        *whole, rest = chunk.split(b"\n")
        lines = []
        for piece in whole:
            self._hold(piece)
            lines.append(self._take())
        self._hold(rest)
        return lines

    def end(self) -> list[bytes]:
        """The last line, if the text did not end in a line end."""
        last = self._take()
        return [last] if last else []

    def _hold(self, piece: bytes) -> None:
        self._held += len(piece)
        if self._held > self._limit:
            raise BackendError(
                FailCode.BACKEND,
                f"the model server sent a line of more than {self._limit} bytes",
            )
        self._rest.append(piece)

    def _take(self) -> bytes:
        line = b"".join(self._rest)
        self._rest.clear()
        self._held = 0
        return line.removesuffix(b"\r")


class EventReader:
    """The JSON payloads of one body, in order.

    `chunk` gives the next bytes of the body, None at its end.
    """

    def __init__(
        self,
        chunk: Callable[[], Awaitable[bytes | None]],
        limit: int = MAX_LINE_BYTES,
    ) -> None:
        self._chunk = chunk
        self._splitter = LineSplitter(limit)
        self._ready: deque[bytes] = deque()
        self._ended = False

    async def next(self) -> bytes | None:
        """The next payload; None after `[DONE]` or at the end of the body.

        Raises:
            BackendError: a line is too long, or the body broke off.
        """
        while not self._ready:
            if self._ended:
                return None
            chunk = await self._chunk()
            self._ended = chunk is None
            lines = (
                self._splitter.end() if chunk is None else self._splitter.feed(chunk)
            )
            for line in lines:
                payload = payload_of(line)
                if payload == b"[DONE]":
                    self._ended = True
                    break
                if payload:
                    self._ready.append(payload)
        return self._ready.popleft()


def payload_of(line: bytes) -> bytes:
    """What a line of an event stream carries; empty for one that carries nothing."""
    if line.startswith(b"data:"):
        payload = line[5:].strip()
        return b"" if payload == b"null" else payload
    if line.startswith(b"error:"):
        return b'{"error":' + (line[6:].strip() or b"null") + b"}"
    if line.startswith(b"{"):
        return line.strip()
    return b""
