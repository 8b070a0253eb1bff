"""Reads server-sent events (HTML standard, section 9.2) out of bytes, within a bound.

Only what ClubAI's own streams use: lines end in a line feed, with or without a carriage
return before it, and `retry:` is left out.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from clubai.errors import RemoteProtocolError
from clubai.protocol.messages import CloseCode

MAX_EVENT_BYTES: Final = 1 << 22


class ServerEvent(NamedTuple):
    """One event."""

    name: str
    id: str
    """The last one that the stream said, with this event or before."""
    data: bytes


class SseReader:
    """Bytes in, events out; what is not whole yet is held back."""

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._rest: list[bytes] = []
        """The pieces of a line that has not ended."""
        self._held = 0
        """Bytes of the event that has not ended."""
        self._name = ""
        self._id = ""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """The events that `chunk` completes.

        Raises:
            RemoteProtocolError: an event is longer than the limit.
        """
        events = []
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            self._hold(piece)
            line = b"".join(self._rest).removesuffix(b"\r")
            self._rest.clear()
            if line:
                self._take(line)
            else:
                events += self._end()
        self._hold(rest)
        return events

    def _hold(self, piece: bytes) -> None:
        self._held += len(piece)
        if self._held > self._limit:
            reason = f"an event has more than {self._limit} bytes"
            raise RemoteProtocolError(CloseCode.TOO_BIG, reason)
        if piece:
            self._rest.append(piece)

    def _take(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match field:
            case b"data":
                self._data.append(value)
            case b"event":
                self._name = value.decode(errors="replace")
            case b"id" if b"\0" not in value:
                self._id = value.decode(errors="replace")

    def _end(self) -> list[ServerEvent]:
        name, data = self._name, self._data
        self._name, self._data, self._held = "", [], 0
        if not data:
            return []
        return [ServerEvent(name or "message", self._id, b"\n".join(data))]
