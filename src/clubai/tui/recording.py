"""What a feed gave, with its times, in a file: to be looked at again later.

A recording is a line of JSON for each item, as it came. It holds what the feed gives
and nothing more: names, counts, states; never what was asked or answered.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Iterable
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import Any, BinaryIO, Final

import anyio
import msgspec

from clubai.client import Client
from clubai.client.feed import FeedItem, FeedState
from clubai.errors import ConfigError
from clubai.model import Value
from clubai.protocol.feed import ClubEvent, FeedSnapshot, FeedStats
from clubai.tui.source import Source, SourceMode, refuse_replay

MOST_WAIT_S: Final = 0.1
"""A replay's clock goes on in steps of this, at most."""


class Recorded(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One item and when it came; one of the fields after `at` is set."""

    at: float
    """By the clock of the machine that recorded it."""
    snapshot: FeedSnapshot | None = None
    event: ClubEvent | None = None
    stats: FeedStats | None = None
    state: FeedState | None = None

    @property
    def item(self) -> FeedItem | None:
        """What came; None: an item of a kind that is not known here."""
        return self.snapshot or self.event or self.stats or self.state


def recorded(at: float, item: FeedItem) -> Recorded:
    """The line for an item."""
    match item:
        case FeedSnapshot():
            return Recorded(at=at, snapshot=item)
        case ClubEvent():
            return Recorded(at=at, event=item)
        case FeedStats():
            return Recorded(at=at, stats=item)
        case FeedState():
            return Recorded(at=at, state=item)


def read_recording(path: Path) -> list[Recorded]:
    """Read a recording.

    A last line that was cut off, because the recorder was killed, is left out.

    Raises:
        ConfigError: the file cannot be read, or is no recording; it says which line.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ConfigError("recording", str(path), f"{error.strerror}") from error
    records = []
    decoder = msgspec.json.Decoder(Recorded)
    for number, line in enumerate(lines, 1):
        try:
            records.append(decoder.decode(line))
        except msgspec.DecodeError as error:
            if number == len(lines) and records:
                break
            fix = f"line {number} is none of a recording: {error}"
            raise ConfigError("recording", str(path), fix) from error
    if not records:
        raise ConfigError("recording", str(path), "it is empty")
    return records


class Recorder:
    """A source that writes down what it gives."""

    def __init__(self, source: Source, file: BinaryIO) -> None:
        self._source = source
        self._file = file
        self.broken = ""
        """Why nothing is written any more; empty: it is."""

    @property
    def mode(self) -> SourceMode:
        """As the source behind it."""
        return self._source.mode

    @property
    def url(self) -> str:
        """As the source behind it."""
        return self._source.url

    def clock(self) -> float:
        """As the source behind it."""
        return self._source.clock()

    async def items(self) -> AsyncGenerator[FeedItem]:
        """What the feed gives; see `Source`."""
        async with aclosing(self._source.items()) as items:
            async for item in items:
                if not self.broken:
                    self._write(item)
                yield item

    def _write(self, item: FeedItem) -> None:
        line = recorded(self.clock(), item)
        try:
            self._file.write(msgspec.json.encode(line) + b"\n")
            if not isinstance(item, ClubEvent):
                self._file.flush()
        except OSError as error:
            self.broken = error.strerror or type(error).__name__

    async def call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Call the club's API; see `Source`."""
        return await self._source.call(method, path, body)

    def client(self) -> AbstractAsyncContextManager[Client]:
        """Connect as whoever asks; see `Source`."""
        return self._source.client()


class Replay:
    """A source that gives what was recorded, at its times; at the end it waits."""

    mode: SourceMode = "replay"

    def __init__(
        self, records: Iterable[Recorded], *, name: str = "replay", speed: float = 1.0
    ) -> None:
        self.url = name
        self.speed = speed
        """Recorded seconds in one second; infinite: all at once."""
        self.ended = False
        """Everything has been given."""
        self._records = list(records)
        self._at = self._records[0].at if self._records else 0.0
        self._paused = False
        self._changed = anyio.Event()

    @property
    def paused(self) -> bool:
        """It gives nothing until it goes on."""
        return self._paused

    def pause(self, on: bool) -> None:
        """Stand still, or go on."""
        self._paused = on
        self._wake()

    def set_speed(self, speed: float) -> None:
        """Go on at this speed: more than 0."""
        self.speed = speed
        self._wake()

    def clock(self) -> float:
        """The moment that is replayed."""
        return self._at

    async def items(self) -> AsyncGenerator[FeedItem]:
        """What was recorded, at its times, from the first."""
        self.ended = False
        self._at = self._records[0].at if self._records else 0.0
        for record in self._records:
            await self._wait_until(record.at)
            if record.item is not None:
                yield record.item
        self.ended = True
        await anyio.sleep_forever()

    async def call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Nothing can be done. Raises `PermissionDenied`."""
        raise refuse_replay(f"{method} {path}")

    def client(self) -> AbstractAsyncContextManager[Client]:
        """Nobody can be asked. Raises `PermissionDenied`."""
        raise refuse_replay("asking")

    async def _wait_until(self, at: float) -> None:
        while self._paused or at > self._at:
            self._changed = anyio.Event()
            if self._paused:
                await self._changed.wait()
                continue
            if math.isinf(self.speed):
                break
            speed, begun = self.speed, anyio.current_time()
            with anyio.move_on_after(min((at - self._at) / speed, MOST_WAIT_S)):
                await self._changed.wait()
            self._at = min(self._at + (anyio.current_time() - begun) * speed, at)
        self._at = max(self._at, at)

    def _wake(self) -> None:
        self._changed.set()
