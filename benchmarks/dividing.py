"""How much sooner a club has read a document than one node: `--part dividing`.

Each node is an agent with a mock model server of its own that has one slot and a fixed
rate; all are processes. One node's time for the whole job is not waited for: it is
taken from a few passages, as its first answer and then so much for each request more.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import report
from benchmarks.clubs import Club, machine, up
from benchmarks.divided_job import JobResult
from benchmarks.processes import output_of, started
from benchmarks.report import Verdict

TEAMS: Final = {"equal": (1.0,) * 8, "unlike": (1.0, 2.0, 4.0)}
"""What the nodes are in rates of the slowest, which is the first."""
MOST_OF_ONE: Final = 1 / 7
"""What eight equal nodes may take of one node's time."""
MOST_OF_IDEAL: Final = 1.1
"""What unlike nodes may take of the time that is ideal for the sum of their rates."""
CONTEXT: Final = 1024
"""Tokens that a node holds: few, so that differing notes take two levels to reduce."""
SAME, DIFFERENT = "mock-paced", "mock-numbered"


class One(msgspec.Struct, frozen=True, kw_only=True):
    """What one node needs alone, measured with few passages."""

    passages: int
    first_s: float
    each_s: float
    mock_s: float
    """Of `each_s`: what the mock waits."""

    def seconds(self, requests: int) -> float:
        """For a whole job."""
        return self.first_s + (requests - 1) * self.each_s


class Divided(msgspec.Struct, frozen=True, kw_only=True):
    """One job of several nodes, beside the slowest of them alone."""

    name: str
    rates: list[float]
    """Of each node, in those of the slowest."""
    answers: str
    """`same`: nothing is left to reduce; `different`: all of it is."""
    one: One
    job: JobResult

    @property
    def one_s(self) -> float:
        return self.one.seconds(self.job.requests)

    @property
    def speed_up(self) -> float:
        return self.one_s / self.job.seconds

    @property
    def of_ideal(self) -> float:
        return self.job.seconds * sum(self.rates) / self.one_s

    @property
    def of_bare(self) -> float:
        """As `of_ideal`, if nothing but the model servers took any time."""
        bare_s = self.job.requests * self.one.mock_s / sum(self.rates)
        return self.job.seconds / bare_s


class DividingResult(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured of dividing."""

    rows: list[Divided]


def measure(args: argparse.Namespace, scratch: Path) -> DividingResult:
    """Measure the slowest node of each team, then the team; the quickest has `rate`."""
    rows = []
    for name, rates in TEAMS.items():
        slowest = args.rate / max(rates)
        with up(scratch, "--agents=0") as club, ExitStack() as nodes:
            join(nodes, scratch, club, {"node-1": slowest})
            few = ask(args, club, SAME, args.few_passages)
            one = One(
                passages=few.passages,
                first_s=few.ended_s[0],
                each_s=few.each_s,
                mock_s=args.part_tokens / slowest,
            )
            others = enumerate(rates[1:], 2)
            quicker = {f"node-{place}": rate * slowest for place, rate in others}
            join(nodes, scratch, club, quicker)
            for answers, model in (("same", SAME), ("different", DIFFERENT)):
                row = Divided(
                    name=name,
                    rates=list(rates),
                    answers=answers,
                    one=one,
                    job=ask(args, club, model, args.passages),
                )
                rows.append(row)
    return DividingResult(rows=rows)


def join(
    nodes: ExitStack, scratch: Path, club: Club, rates: Mapping[str, float]
) -> None:
    """Let nodes join the club, each with its rate in tokens a second."""
    mock = ["benchmarks.mock_backend", "--slots=1", f"--context={CONTEXT}"]
    servers = [
        nodes.enter_context(started([*mock, "--numbered", f"--rate={rate}"], scratch))
        for rate in rates.values()
    ]
    agents = []
    for name, server in zip(rates, servers, strict=True):
        agent = [
            *("clubai.cli.agent", "--json", "--with-parent", "--log-level=warning"),
            *(f"--coordinator={club.coordinator}", f"--name={name}"),
            f"--data={Path(club.data) / 'agents' / name}",
            f"--backend-url=http://127.0.0.1:{int(server.read_line())}/v1",
        ]
        env = {"CLUBAI_API_KEY": club.api_key}
        agents.append(nodes.enter_context(started(agent, scratch, env)))
    for joined in agents:
        joined.read_line()


def ask(args: argparse.Namespace, club: Club, model: str, passages: int) -> JobResult:
    """Run one job, in a process of its own."""
    arguments = [
        "benchmarks.divided_job",
        club.coordinator,
        f"--key={club.api_key}",
        f"--model={model}",
        f"--passages={passages}",
        f"--part-tokens={args.part_tokens}",
    ]
    return msgspec.json.decode(output_of(arguments), type=JobResult)


def verdicts(result: DividingResult) -> list[Verdict]:
    """What the nodes may take, of one node's time or of the ideal."""
    found = []
    for row in result.rows:
        what = f"{row.name} nodes, {row.answers} answers: time of the job"
        if len(set(row.rates)) == 1:
            share, most = 1 / row.speed_up, MOST_OF_ONE
            found.append(
                Verdict(what=f"{what}, of one node's", measured=share, budget=most)
            )
        else:
            found.append(
                Verdict(
                    what=f"{what}, of the ideal",
                    measured=row.of_ideal,
                    budget=MOST_OF_IDEAL,
                )
            )
    return found


HEAD: Final = (
    f"  {'nodes':<18}{'answers':<11}{'passages':>9}{'requests':>9}{'seconds':>9}"
    f"{'one node':>10}{'speed-up':>10}{'of ideal':>10}{'of bare':>9}  by each node"
)


def lines(result: DividingResult) -> list[str]:
    """All of it as a table."""
    found = [
        "a document divided among nodes (bare: the time of the model servers alone):",
        HEAD,
    ]
    found += [row_line(row) for row in result.rows]
    for name, one in {row.name: row.one for row in result.rows}.items():
        found.append(
            f"  one node beside {name}: {one.each_s:.3f} s per passage, the model "
            f"server's share {one.mock_s / one.each_s:.3f} ({one.passages} passages)"
        )
    return found


def row_line(row: Divided) -> str:
    rates = "+".join(f"{rate:g}" for rate in row.rates)
    if len(set(row.rates)) == 1:
        rates = f"{len(row.rates)} x {row.rates[0]:g}"
    each = " ".join(str(count) for count in row.job.by_node.values())
    return (
        f"  {f'{row.name}, {rates}':<18}{row.answers:<11}{row.job.passages:>9}"
        f"{row.job.requests:>9}{row.job.seconds:>9.2f}{row.one_s:>10.2f}"
        f"{f'x {row.speed_up:.2f}':>10}{f'x {row.of_ideal:.3f}':>10}"
        f"{f'x {row.of_bare:.3f}':>9}  {each}"
    )


def as_json(result: DividingResult) -> list[dict[str, object]]:
    """The rows with what follows from them."""
    return [
        {
            **msgspec.to_builtins(row),
            "one_s": row.one_s,
            "speed_up": row.speed_up,
            "of_ideal": row.of_ideal,
            "of_bare": row.of_bare,
        }
        for row in result.rows
    ]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--passages", type=int, default=144, help="of a document")
    parser.add_argument("--few-passages", type=int, default=8, help="for one node")
    parser.add_argument("--part-tokens", type=int, default=16, help="per passage")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dividing")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rate", type=float, default=50.0, help="of the quickest node")
    add_options(parser)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clubai-bench-") as name:
        result = measure(args, Path(name))
    found = verdicts(result)
    if args.json:
        rows = as_json(result)
        budget = [{**msgspec.to_builtins(v), "kept": v.kept} for v in found]
        print(json.dumps({"machine": machine(), "dividing": rows, "budget": budget}))
    else:
        print(*lines(result), "", *map(report.verdict_line, found), sep="\n")
    failed = any(row.job.failed for row in result.rows)
    return 0 if all(verdict.kept for verdict in found) and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
