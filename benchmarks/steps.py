"""What each step of sealing costs: processor time in this process, beside unsealed.

Run as `python -m benchmarks.steps`; it prints one JSON list. Sealed and unsealed take
turns, and each figure is a median.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, Literal, TypeVar

import anyio
import msgspec

from benchmarks.exchange import Exchange, Laps, PlainOpener, PlainSealer, Side, Way
from clubai.coordinator.keylog import KeyLog
from clubai.crypto.identity import Identity
from clubai.protocol.records import (
    Opener,
    RecordReader,
    RecordType,
    RecordWriter,
    Sealer,
)
from clubai.storage.memory import MemoryStore

T = TypeVar("T")
R = TypeVar("R")

SIZES: Final = {256 - 5: "256 B", 65_536 - 5: "64 KiB"}
"""Data in a record of the smallest size and of the largest: type and length are 5."""
RECORDS: Final = 50
"""Of one batch."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step, in microseconds of processor time."""

    side: Side | Literal["either"]
    per: Literal["request", "record"]
    what: str
    sealed_us: float
    plain_us: float

    @property
    def added_us(self) -> float:
        return self.sealed_us - self.plain_us


def request_steps(laps: Laps) -> list[Step]:
    """What was measured of the steps that are taken once a request."""
    kinds = dict.fromkeys((side, what) for side, what, _ in laps.taken)
    return [
        Step(
            side=side,
            per="request",
            what=what,
            sealed_us=laps.microseconds(side, what, "sealed"),
            plain_us=laps.microseconds(side, what, "plain"),
        )
        for side, what in kinds
    ]


def record_steps(exchange: Exchange, size: int, batches: int) -> list[Step]:
    """Seal and open records of `size` bytes of data, a batch at a time."""
    data = bytes(size)
    taken: dict[tuple[str, Way], list[float]] = defaultdict(list)
    for _ in range(batches):
        ends: dict[Way, tuple[Sealer, Opener]] = {
            "sealed": exchange.direction(),
            "plain": (PlainSealer(), PlainOpener()),
        }
        for way, (sealer, opener) in ends.items():
            write = partial(RecordWriter(bytes(16), 0, 0, sealer).write, data=data)
            records, spent = timed(write, [RecordType.DATA] * RECORDS)
            taken["seal", way].append(spent)
            taken["open", way].append(timed(RecordReader(opener).read, records)[1])
    return [
        Step(
            side="either",
            per="record",
            what=f"{act} {SIZES[size]}",
            sealed_us=median(taken[act, "sealed"]),
            plain_us=median(taken[act, "plain"]),
        )
        for act in ("seal", "open")
    ]


def timed(call: Callable[[T], R], values: Sequence[T]) -> tuple[list[R], float]:
    """What `call` gives for each value, and the microseconds that each call takes."""
    start = time.thread_time_ns()
    given = [call(value) for value in values]
    return given, (time.thread_time_ns() - start) / len(values) / 1000


async def run(repetitions: int) -> list[Step]:
    coordinator = Identity.generate()
    keylog = await KeyLog.open(MemoryStore(), coordinator, "benchmark", time.time)
    laps = Laps()
    with tempfile.TemporaryDirectory(prefix="clubai-steps-") as name:
        exchange = Exchange(Path(name), keylog, coordinator)
        await keylog.append_bundle(exchange.bundle.body, exchange.bundle.sig)
        await exchange.sealed(Laps())  # the client reads the key log once
        for _ in range(repetitions):
            await exchange.sealed(laps)
            await exchange.plain(laps)
        batches = max(repetitions // 10, 1)
        records = [
            step for size in SIZES for step in record_steps(exchange, size, batches)
        ]
    return [*request_steps(laps), *records]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steps")
    parser.add_argument("--repetitions", type=int, default=1000)
    steps = anyio.run(run, parser.parse_args().repetitions)
    print(msgspec.json.encode(steps).decode())


if __name__ == "__main__":
    main()
