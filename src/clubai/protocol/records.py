"""Records: how a request and its answer are cut into pieces, in both directions.

`RecordWriter` and `RecordReader` put a sealer and an opener on the wire: those number,
seal and check, and only the client and the node that answers have them. What is inside:

- request, `DATA`: the JSON body of the OpenAI request, in one or more pieces;
- answer to chat and completion, `DATA`: one JSON `Choice` a line;
- answer to embedding, `DATA`: the JSON list of the response's `data`, in pieces;
- answer, `USAGE`: the JSON `usage` object; it is the last record of an answer;
- `ERROR`: a JSON `Failure`, the last record of an answer that failed;
- `KEEP_ALIVE`: nothing; it hides when there is something.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Final, Protocol

import msgspec

from clubai.errors import LocalProtocolError, RemoteProtocolError
from clubai.model import MAX_RECORD_DATA
from clubai.protocol.decoding import UNREADABLE
from clubai.protocol.messages import U16, CloseCode, TaskRecord

FLUSH_SECONDS: Final = 0.120
FLUSH_BYTES: Final = 200
"""An answer's first data leaves at once; then a record is sent at either bound."""
SMALLEST_DATA: Final = 256 - 5
"""Most bytes of data in a record of the smallest bucket."""
MAX_FAILURE_CHARACTERS: Final = 2000
COMPARE: Final = 1
STEADY: Final = 2
"""Flags of a sealed head: the answer is to be compared; it comes at a constant rate."""


class RecordType(IntEnum):
    """What a record carries."""

    DATA = 0
    USAGE = 1
    ERROR = 2
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


class _Delta(msgspec.Struct, frozen=True):
    content: msgspec.Raw = msgspec.Raw(b"")


def text_of(choice: Choice) -> str:
    """The text that one step adds: a chat delta's content or a completion's text.

    Raises:
        RemoteProtocolError: the step holds something else than an object.
    """
    if choice.text is not None:
        return choice.text
    if not choice.delta:
        return ""
    try:
        content = bytes(_delta_decoder.decode(choice.delta).content)
        return _text_decoder.decode(content) if content.startswith(b'"') else ""
    except UNREADABLE as error:
        raise _broken(f"a step cannot be read: {error}") from error


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What a node says of a failure to whoever asked, and to nobody else."""

    message: str


class Sealer(Protocol):
    """Seals one direction of one attempt."""

    @property
    def count(self) -> int:
        """Records sealed so far: the number of the next one."""

    def seal(self, type_: int, data: bytes, *, fin: bool = False) -> bytes:
        """Seal the next record."""


class Opener(Protocol):
    """Opens one direction of one attempt, in order."""

    @property
    def count(self) -> int:
        """Records opened so far."""

    @property
    def finished(self) -> bool:
        """The final record has been opened."""

    def open(self, ct: bytes, *, seq: int, fin: bool) -> tuple[int, bytes]:
        """Open the next record."""


_choice_decoder = msgspec.json.Decoder(Choice)
_delta_decoder = msgspec.json.Decoder(_Delta)
_text_decoder = msgspec.json.Decoder(str)
_failure_decoder = msgspec.json.Decoder(Failure)
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

    def __init__(self, task: bytes, part: int, attempt: int, sealer: Sealer) -> None:
        self._task = task
        self._part = part
        self._attempt = attempt
        self._sealer = sealer

    @property
    def count(self) -> int:
        """Records written so far."""
        return self._sealer.count

    def write(self, type_: RecordType, data: bytes, *, fin: bool = False) -> TaskRecord:
        """Make the next record of `data`, at most `MAX_RECORD_DATA` bytes.

        Raises:
            LocalProtocolError: the direction is closed, or a limit is passed.
        """
        return TaskRecord(
            task=self._task,
            part=self._part,
            attempt=self._attempt,
            seq=self._sealer.count,
            fin=fin,
            ct=self._sealer.seal(type_, data, fin=fin),
        )

    def write_all(self, data: bytes) -> Iterator[TaskRecord]:
        """Cut `data` into `DATA` records, the last one final; at least one record."""
        last = max(len(data) - 1, 0) // MAX_RECORD_DATA
        for number, piece in enumerate(cut(data)):
            yield self.write(RecordType.DATA, piece, fin=number == last)


class RecordReader:
    """One direction of one attempt, on the side that reads it."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener

    @property
    def finished(self) -> bool:
        """The final record has been read."""
        return self._opener.finished

    @property
    def count(self) -> int:
        """Records read so far."""
        return self._opener.count

    def read(self, record: TaskRecord) -> tuple[RecordType, bytes]:
        """Check that `record` is the next one, and give what it carries.

        Raises:
            TrustError: out of order, after the end, over a limit, or altered.
            RemoteProtocolError: of a type that nobody sends.
        """
        type_, data = self._opener.open(record.ct, seq=record.seq, fin=record.fin)
        try:
            return RecordType(type_), data
        except ValueError as error:
            raise _broken(f"a record of unknown type {type_}") from error


def encode_failure(message: str) -> bytes:
    """What an `ERROR` record holds: `message`, cut where it is too long."""
    return _encoder.encode(Failure(message=message[:MAX_FAILURE_CHARACTERS]))


def decode_failure(data: bytes) -> Failure:
    """Read an `ERROR` record. Raises `RemoteProtocolError`."""
    try:
        return _failure_decoder.decode(data)
    except UNREADABLE as error:
        raise _broken(f"an error record cannot be read: {error}") from error


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
