"""What each step of sealing costs: processor time in this process, beside unsealed.

Run as `python -m benchmarks.steps`; it prints one JSON list. Sealed and unsealed take
turns, and each figure is a median.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Final, Literal

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

SIZES: Final = {256 - 5: "256 B", 65_536 - 5: "64 KiB"}
"""Data in a record of the smallest size and of the largest: type and length are 5."""
RECORDS: Final = 50
"""In one direction."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step, in microseconds of processor time."""

    side: Side
    per: Literal["request", "record"]
    what: str
    sealed_us: float
    plain_us: float

    @property
    def added_us(self) -> float:
        return self.sealed_us - self.plain_us


def steps_of(laps: Laps, *, per: Literal["request", "record"]) -> list[Step]:
    """What was measured, step by step."""
    kinds = dict.fromkeys((side, what) for side, what, _ in laps.taken)
    return [
        Step(
            side=side,
            per=per,
            what=what,
            sealed_us=laps.microseconds(side, what, "sealed"),
            plain_us=laps.microseconds(side, what, "plain"),
        )
        for side, what in kinds
    ]


def record_steps(exchange: Exchange, size: int, directions: int) -> list[Step]:
    """Seal and open records of `size` bytes of data, one after the other."""
    laps, data = Laps(), bytes(size)
    for _ in range(directions):
        ends: dict[Way, tuple[Sealer, Opener]] = {
            "sealed": exchange.direction(),
            "plain": (PlainSealer(), PlainOpener()),
        }
        for way, (sealer, opener) in ends.items():
            write = RecordWriter(bytes(16), 0, 0, sealer).write
            read = RecordReader(opener).read
            for _ in range(RECORDS):
                with laps.lap("either", f"seal {SIZES[size]}", way):
                    record = write(RecordType.DATA, data)
                with laps.lap("either", f"open {SIZES[size]}", way):
                    read(record)
    return steps_of(laps, per="record")


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
        few = max(repetitions // 50, 1)
        records = [step for size in SIZES for step in record_steps(exchange, size, few)]
    return [*steps_of(laps, per="request"), *records]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steps")
    parser.add_argument("--repetitions", type=int, default=1000)
    steps = anyio.run(run, parser.parse_args().repetitions)
    print(msgspec.json.encode(steps).decode())


if __name__ == "__main__":
    main()
