"""Feeds targets, counts what they did, and looks at time and memory."""

from __future__ import annotations

import logging
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import anyio

from fuzz.targets import Feed as Feed
from fuzz.targets import Target

SLOWEST_S = 1.0
"""What one frame may take at most: a machine with much else to do included."""
_WARM_UP = 500


class Result(NamedTuple):
    name: str
    frames: int
    taken: int
    seconds: float
    slowest_ms: float
    grown_mb: float
    """Peak memory of the process after it, over the peak after the warm-up."""


class Found(AssertionError):
    """A target did what it must not do."""


class _Errors(logging.Handler):
    """Keeps what is logged as an error: a bug that cost only its own connection."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(f"{record.getMessage()} {record.exc_info or ''}")


@contextmanager
def _logged_errors() -> Iterator[list[str]]:
    logger, errors = logging.getLogger("clubai"), _Errors()
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(errors)
    try:
        yield errors.texts
    finally:
        logger.removeHandler(errors)
        logger.propagate = propagates


def peak_mb() -> float:
    """The most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def feed(target: Target, count: int, *, seed: int) -> Result:
    """Feed one target; what it raises is told with the frame."""
    frames = target.frames(seed)
    taken, slowest, warm = 0, 0.0, peak_mb()
    start = time.perf_counter()
    with _logged_errors() as errors:
        async with target.open() as give:
            for number in range(count):
                frame = frames.next()
                before = time.perf_counter()
                try:
                    taken += await give(frame)
                except Exception as error:
                    raise _found(target, seed, number, frame) from error
                if errors:
                    raise _found(target, seed, number, frame, errors[0])
                slowest = max(slowest, time.perf_counter() - before)
                if number == min(_WARM_UP, count // 2):
                    warm = peak_mb()
    seconds = time.perf_counter() - start
    return Result(target.name, count, taken, seconds, 1000 * slowest, peak_mb() - warm)


def _found(
    target: Target, seed: int, number: int, frame: bytes, why: str = ""
) -> Found:
    place = f"{target.name}: frame {number} of seed {seed}"
    return Found(f"{place}: {frame[:200]!r} {why}")


def run(
    targets: Sequence[Target], frames: int, *, seed: int, backend: str = "asyncio"
) -> list[Result]:
    """Feed `frames` frames in all, divided among the targets by their shares."""
    shares = sum(target.share for target in targets)
    results = []
    for target in targets:
        count = round(frames * target.share / shares)

        async def one(target: Target = target, count: int = count) -> Result:
            return await feed(target, count, seed=seed)

        results.append(anyio.run(one, backend=backend))
    return results
