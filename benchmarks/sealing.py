"""What sealing costs: step by step, and at the coordinator beside transit.

In transit the coordinator's own gateway seals and opens; sealed, the clients do, in
processes of their own. Both have the same model server, agents and number at once, and
take turns.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final, Literal

import msgspec

from benchmarks.clubs import Club, backend, generate, up
from benchmarks.load import LoadResult
from benchmarks.processes import cpu_seconds, output_of
from benchmarks.report import Verdict
from benchmarks.steps import Step

Mode = Literal["transit", "sealed"]
WARM_UP_SECONDS: Final = 1.0
RECORDS_SHOWN: Final = "256 B and 64 KiB are a record before it is sealed"


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One load in one mode."""

    mode: Mode
    load: LoadResult
    coordinator_cpu_s: float

    @property
    def ms_per_request(self) -> float:
        return 1000 * self.coordinator_cpu_s / max(1, self.load.requests)

    @property
    def ms_per_token(self) -> float:
        return 1000 * self.coordinator_cpu_s / max(1, self.load.tokens)


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """The same load in both modes, in turns: first transit, then sealed."""

    streamed: bool
    at_once: int
    turns: list[tuple[Turn, Turn]]

    @property
    def share(self) -> float:
        """What sealed costs the coordinator, of what transit does: the median turn."""
        return median(
            self._each(sealed) / self._each(transit) for transit, sealed in self.turns
        )

    def ms(self, mode: Mode) -> float:
        """Of the coordinator, per token if streamed, else per request."""
        at = 0 if mode == "transit" else 1
        return median(self._each(turns[at]) for turns in self.turns)

    def _each(self, turn: Turn) -> float:
        return turn.ms_per_token if self.streamed else turn.ms_per_request

    @property
    def what(self) -> str:
        return "streamed token" if self.streamed else "request"

    @property
    def errors(self) -> int:
        return sum(turn.load.errors for both in self.turns for turn in both)

    @property
    def first_error(self) -> str:
        said = (turn.load.first_error for both in self.turns for turn in both)
        return next(filter(None, said), "")


class SealingResult(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured of sealing."""

    steps: list[Step]
    pairs: list[Pair]


def measure(args: argparse.Namespace, scratch: Path) -> SealingResult:
    """Measure the steps, and then a club."""
    steps = ["benchmarks.steps", f"--repetitions={args.repetitions}"]
    found = msgspec.json.decode(output_of(steps), type=list[Step])
    with (
        backend(args, scratch) as url,
        up(scratch, f"--agents={args.agents}", f"--backend={url}") as club,
    ):
        return SealingResult(steps=found, pairs=list(pairs(args, club)))


def pairs(args: argparse.Namespace, club: Club) -> Iterator[Pair]:
    warm_up = min(WARM_UP_SECONDS, args.seconds)
    for streamed in (False, True):
        for at_once in args.at_once:
            for mode in ("transit", "sealed"):
                load(args, club, mode, streamed, at_once, warm_up)
            turns = [
                (
                    turn(args, club, "transit", streamed, at_once),
                    turn(args, club, "sealed", streamed, at_once),
                )
                for _ in range(args.turns)
            ]
            yield Pair(streamed=streamed, at_once=at_once, turns=turns)


def turn(
    args: argparse.Namespace, club: Club, mode: Mode, streamed: bool, at_once: int
) -> Turn:
    before = cpu_seconds(club.pids.coordinator)
    result = load(args, club, mode, streamed, at_once, args.seconds)
    spent = cpu_seconds(club.pids.coordinator) - before
    return Turn(mode=mode, load=result, coordinator_cpu_s=spent)


def load(
    args: argparse.Namespace,
    club: Club,
    mode: Mode,
    streamed: bool,
    at_once: int,
    seconds: float,
) -> LoadResult:
    transit = mode == "transit"
    return generate(
        args,
        club.openai if transit else club.coordinator,
        club.api_key,
        streamed,
        at_once,
        seconds=seconds,
        program="benchmarks.load" if transit else "benchmarks.sealed_load",
    )


def verdicts(result: SealingResult) -> list[Verdict]:
    """Sealed must cost the coordinator less than transit."""
    return [
        Verdict(
            what=f"coordinator CPU per {pair.what}, sealed of transit, "
            f"{pair.at_once} at once",
            measured=pair.share,
            budget=1.0,
        )
        for pair in result.pairs
    ]


def lines(result: SealingResult) -> list[str]:
    """All of it as tables."""
    return [*step_lines(result.steps), "", *map(pair_line, result.pairs)]


def step_lines(steps: list[Step]) -> list[str]:
    head = f"  {'us of CPU':<56}{'sealed':>9}{'unsealed':>10}{'added':>9}"
    found = [f"sealing, step by step ({RECORDS_SHOWN}):", head]
    for side in dict.fromkeys(step.side for step in steps):
        of_side = [step for step in steps if step.side == side]
        for step in of_side:
            name = f"{step.side}, per {step.per}: {step.what}"
            found.append(step_line(name, step.sealed_us, step.plain_us))
        if of_side[0].per == "request":
            sealed = sum(step.sealed_us for step in of_side)
            plain = sum(step.plain_us for step in of_side)
            found.append(step_line(f"{side}, per request: all of it", sealed, plain))
    return found


def step_line(name: str, sealed_us: float, plain_us: float) -> str:
    return f"  {name:<56}{sealed_us:>9.1f}{plain_us:>10.1f}{sealed_us - plain_us:>9.1f}"


def pair_line(pair: Pair) -> str:
    return (
        f"  coordinator, ms of CPU per {pair.what}, {pair.at_once} at once: "
        f"transit {pair.ms('transit'):.4f}, sealed {pair.ms('sealed'):.4f}, "
        f"sealed of transit x {pair.share:.2f}"
    )
