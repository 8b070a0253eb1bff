"""What a target is: something that takes bytes, and what it may say to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple

from fuzz.frames import DOCUMENTS, MESSAGES, Frames

Feed = Callable[[bytes], Awaitable[bool]]
"""Gives one frame; True when it was taken. Whatever it raises is a bug found."""


class Target(NamedTuple):
    name: str
    binary: bool
    open: Callable[[], AbstractAsyncContextManager[Feed]]
    share: float = 1.0
    """Of the frames of a run; targets that open connections get fewer."""
    corpus: tuple[bytes, ...] = ()
    """What the frames are made of; empty: golden messages, or JSON documents."""
    structured: bool = True
    """Frames are msgpack or JSON, and may be changed value by value."""

    def frames(self, seed: int) -> Frames:
        corpus = self.corpus or (MESSAGES if self.binary else DOCUMENTS)
        return Frames(seed, corpus, binary=self.binary, structured=self.structured)


def reads(
    name: str,
    read: Callable[[bytes], object],
    *errors: type[Exception],
    binary: bool = True,
    share: float = 1.0,
    corpus: tuple[bytes, ...] = (),
    structured: bool = True,
) -> Target:
    """A function of bytes that may raise `errors` and nothing else."""

    @asynccontextmanager
    async def open_() -> AsyncIterator[Feed]:
        async def feed(frame: bytes) -> bool:
            try:
                read(frame)
            except errors:
                return False
            return True

        yield feed

    return Target(name, binary, open_, share, corpus, structured)
