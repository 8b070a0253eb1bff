"""Answers as records: what the backend streams, cut and timed for the wire.

The first step that says something leaves at once, with those before it that only name
a role; after that a record is sent every `FLUSH_SECONDS` or `FLUSH_BYTES`, whichever
comes first. A `Steady` stream is one small record at each tick from its first word to
its end, whatever there is to say, so that sizes and times tell nothing but the length.
A `Whole` answer is kept until it is complete.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import anyio
import msgspec

from clubai.protocol.decoding import UNREADABLE
from clubai.protocol.records import (
    FLUSH_BYTES,
    FLUSH_SECONDS,
    SMALLEST_DATA,
    Choice,
    encode_choice,
    pack_lines,
)

Emit = Callable[[bytes], None]


class Flowing:
    """Batches steps for a stream; `run` sends what waits when its time has come."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._lines: list[bytes] = []
        self._bytes = 0
        self._flushed_at = -FLUSH_SECONDS
        self._waiting = anyio.Event()
        self._begun = False

    def add(self, choice: Choice) -> None:
        """Take one step, and send what is due."""
        line = encode_choice(choice)
        self._lines.append(line)
        self._bytes += len(line)
        self._begun = self._begun or says_something(choice)
        if not self._begun:
            return  # until a node has said something, another one may answer instead
        late = anyio.current_time() - self._flushed_at >= FLUSH_SECONDS
        if late or self._bytes >= FLUSH_BYTES:
            self.flush()
        else:
            self._waiting.set()

    async def finish(self) -> None:
        """Send the rest."""
        self.flush()

    def flush(self) -> None:
        """Send everything that waits."""
        for piece in pack_lines(self._lines):
            self._emit(piece)
        self._lines = []
        self._bytes = 0
        self._flushed_at = anyio.current_time()

    async def run(self) -> None:
        """Send by the clock until cancelled."""
        while True:
            await self._waiting.wait()
            self._waiting = anyio.Event()
            # All answers of an agent share the ticks: what is due together leaves
            # together, and wakes the coordinator once.
            tick = anyio.current_time() // FLUSH_SECONDS + 1
            await anyio.sleep_until(tick * FLUSH_SECONDS)
            if self._lines:
                self.flush()


class Steady:
    """Sends one record at each tick, with what fits into the smallest bucket.

    A step that alone is larger leaves in a record of its own, in a larger bucket.
    """

    def __init__(self, emit: Emit, keep_alive: Callable[[], None]) -> None:
        self._emit = emit
        self._keep_alive = keep_alive
        self._lines: deque[bytes] = deque()
        self._begun = anyio.Event()
        self._empty = anyio.Event()

    def add(self, choice: Choice) -> None:
        """Take one step."""
        self._lines.append(encode_choice(choice))
        if says_something(choice):
            self._begun.set()

    async def finish(self) -> None:
        """Wait until the rest has left, a record at each tick."""
        self._begun.set()
        if self._lines:
            self._empty = anyio.Event()
            await self._empty.wait()

    async def run(self) -> None:
        """Send by the clock until cancelled."""
        await self._begun.wait()
        while True:
            self._send_one()
            if not self._lines:
                self._empty.set()
            tick = anyio.current_time() // FLUSH_SECONDS + 1
            await anyio.sleep_until(tick * FLUSH_SECONDS)

    def _send_one(self) -> None:
        if not self._lines:
            self._keep_alive()
            return
        piece = self._lines.popleft()
        while self._lines and len(piece) + len(self._lines[0]) <= SMALLEST_DATA:
            piece += self._lines.popleft()
        self._emit(piece)


class Whole:
    """Keeps an answer until it is whole, with runs of plain text joined."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._choices: list[Choice] = []
        self._run: list[str] = []
        self._run_index = 0

    def add(self, choice: Choice) -> None:
        """Take one step."""
        text = _plain_text(choice)
        if text is None:
            self._join()
            self._choices.append(choice)
            return
        if choice.index != self._run_index:
            self._join()
            self._run_index = choice.index
        self._run.append(text)

    async def finish(self) -> None:
        """Send the answer."""
        self.flush()

    def flush(self) -> None:
        """Send the answer."""
        self._join()
        for piece in pack_lines([encode_choice(choice) for choice in self._choices]):
            self._emit(piece)
        self._choices = []

    def _join(self) -> None:
        if self._run:
            # a step must fit one record: text is cut where it does not
            whole = "".join(self._run)
            for start in range(0, len(whole), _STEP_CHARACTERS):
                piece = whole[start : start + _STEP_CHARACTERS]
                delta = msgspec.Raw(msgspec.json.encode({"content": piece}))
                self._choices.append(Choice(index=self._run_index, delta=delta))
        self._run = []


def says_something(choice: Choice) -> bool:
    """Whether a reader would see anything of this step."""
    if choice.text or choice.finish_reason:
        return True
    if not choice.delta:
        return False
    said = _delta(choice)
    return any(value for key, value in said.items() if key != "role")


_STEP_CHARACTERS = 8_000
"""With six bytes a character, the worst case of JSON escapes, one record holds it."""
_json: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])


def _plain_text(choice: Choice) -> str | None:
    """The step's text when it is nothing but text of a chat answer."""
    if choice.finish_reason or choice.logprobs or not choice.delta:
        return None
    delta = _delta(choice)
    content = delta.get("content")
    return content if len(delta) == 1 and isinstance(content, str) else None


def _delta(choice: Choice) -> dict[str, Any]:
    """The delta's fields; one that cannot be read passes as it is."""
    try:
        return _json.decode(choice.delta)
    except UNREADABLE:
        return {"": choice.delta}
