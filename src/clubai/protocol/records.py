"""Records: how a request and its answer are cut into pieces, in both directions.

The one seam for sealing. `RecordWriter` numbers and closes a direction, `RecordReader`
checks the order and the end; what stands between them is `plain` here, and nothing
else in the house knows what a record looks like inside.

A plain record is `u8 type, u32 n, n bytes of data` (big-endian). What the data is:

- request, `DATA`: the JSON body of the OpenAI request, in one or more pieces;
- answer to chat and completion, `DATA`: one JSON `Choice` a line;
- answer to embedding, `DATA`: the JSON list of the response's `data`, in pieces;
- answer, `USAGE`: the JSON `usage` object; it is the last record of an answer.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Final

import msgspec

from clubai.errors import LocalProtocolError, RemoteProtocolError
from clubai.protocol.decoding import UNREADABLE
from clubai.protocol.messages import U16, CloseCode, TaskRecord

MAX_RECORD_DATA: Final = 65_536 - 5
"""Most bytes of data in one record; with its head it fills the largest bucket."""
MAX_RECORDS: Final = 1 << 20
MAX_DIRECTION_BYTES: Final = 64 << 20
"""Most bytes of data in one direction of one attempt."""
FLUSH_SECONDS: Final = 0.120
FLUSH_BYTES: Final = 200
"""An answer's first data leaves at once; then a record is sent at either bound."""

_HEAD = struct.Struct(">BI")


class RecordType(IntEnum):
    """What a record carries."""

    DATA = 0
    USAGE = 1
    KEEP_ALIVE = 3


class Choice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of one choice of an answer, as the backend streamed it."""

    index: U16 = 0
    delta: msgspec.Raw = msgspec.Raw(b"")
    """The chat delta's JSON object, untouched; empty for completions."""
    text: str | None = None
    """A completion's text."""
    finish_reason: str | None = None
    logprobs: msgspec.Raw = msgspec.Raw(b"")


_choice_decoder = msgspec.json.Decoder(Choice)
_encoder = msgspec.json.Encoder()


def encode_choice(choice: Choice) -> bytes:
    """Encode one step as one line of an answer's `DATA`."""
    return _encoder.encode(choice) + b"\n"


def decode_choices(data: bytes) -> list[Choice]:
    """Decode the lines of one `DATA` record.

    Raises:
        RemoteProtocolError: a line is no `Choice`.
    """
    try:
        return _choice_decoder.decode_lines(data)
    except UNREADABLE as error:
        raise RemoteProtocolError(
            CloseCode.BAD_MESSAGE, f"an answer's record cannot be read: {error}"
        ) from error


class RecordWriter:
    """One direction of one attempt, on the side that writes it."""

    def __init__(self, task: bytes, part: int, attempt: int) -> None:
        self._task = task
        self._part = part
        self._attempt = attempt
        self._seq = 0
        self._bytes = 0
        self._closed = False

    @property
    def count(self) -> int:
        """Records written so far."""
        return self._seq

    def write(self, type_: RecordType, data: bytes, *, fin: bool = False) -> TaskRecord:
        """Make the next record of `data`, at most `MAX_RECORD_DATA` bytes.

        Raises:
            LocalProtocolError: the direction is closed, or a limit is passed.
        """
        if self._closed:
            raise LocalProtocolError("a record after the final one")
        if len(data) > MAX_RECORD_DATA:
            raise LocalProtocolError(f"{len(data)} bytes do not fit one record")
        self._bytes += len(data)
        if self._seq >= MAX_RECORDS or self._bytes > MAX_DIRECTION_BYTES:
            raise LocalProtocolError("the direction is full")
        record = TaskRecord(
            task=self._task,
            part=self._part,
            attempt=self._attempt,
            seq=self._seq,
            fin=fin,
            ct=_HEAD.pack(type_, len(data)) + data,
        )
        self._seq += 1
        self._closed = fin
        return record

    def write_all(self, data: bytes) -> Iterator[TaskRecord]:
        """Cut `data` into `DATA` records, the last one final; at least one record."""
        last = max(len(data) - 1, 0) // MAX_RECORD_DATA
        for number, piece in enumerate(cut(data)):
            yield self.write(RecordType.DATA, piece, fin=number == last)


class RecordReader:
    """One direction of one attempt, on the side that reads it."""

    def __init__(self) -> None:
        self._seq = 0
        self._bytes = 0
        self.finished = False
        """The final record has been read."""

    @property
    def count(self) -> int:
        """Records read so far."""
        return self._seq

    def read(self, record: TaskRecord) -> tuple[RecordType, bytes]:
        """Check that `record` is the next one, and give what it carries.

        Raises:
            RemoteProtocolError: out of order, after the end, over a limit, or broken.
        """
        if self.finished:
            raise _broken("a record after the final one")
        if record.seq != self._seq:
            raise _broken(f"record {record.seq} where {self._seq} was due")
        if len(record.ct) < _HEAD.size:
            raise _broken("a record without its head")
        type_, size = _HEAD.unpack_from(record.ct)
        data = record.ct[_HEAD.size :]
        if size != len(data) or size > MAX_RECORD_DATA:
            raise _broken("a record of the wrong length")
        self._bytes += size
        if self._seq >= MAX_RECORDS or self._bytes > MAX_DIRECTION_BYTES:
            raise _broken("more than one direction may hold")
        try:
            known = RecordType(type_)
        except ValueError as error:
            raise _broken(f"a record of unknown type {type_}") from error
        self._seq += 1
        self.finished = record.fin
        return known, data


def pack_lines(lines: Sequence[bytes]) -> Iterable[bytes]:
    """Join lines into as few pieces as fit a record each; no line is cut.

    Raises:
        LocalProtocolError: one line alone is over `MAX_RECORD_DATA`.
    """
    piece = b""
    for line in lines:
        if len(line) > MAX_RECORD_DATA:
            raise LocalProtocolError(f"a step of {len(line)} bytes does not fit")
        if len(piece) + len(line) > MAX_RECORD_DATA:
            yield piece
            piece = b""
        piece += line
    if piece:
        yield piece


def cut(data: bytes) -> Iterator[bytes]:
    """Cut bytes into pieces that fit a record each; at least one piece."""
    for start in range(0, max(len(data), 1), MAX_RECORD_DATA):
        yield data[start : start + MAX_RECORD_DATA]


def _broken(reason: str) -> RemoteProtocolError:
    return RemoteProtocolError(CloseCode.BAD_MESSAGE, reason)
