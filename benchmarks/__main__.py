"""Run all of it: `python -m benchmarks [--json] [--part load|sealing|dividing|idle]`.

Exit code 0 when the budget is kept and no request failed, else 1.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from pathlib import Path

import msgspec

from benchmarks import dividing, report, sealing
from benchmarks.clubs import Club, asker_key, backend, generate, machine, up
from benchmarks.dividing import DividingResult
from benchmarks.processes import Started, cpu_seconds, memory_mb, started
from benchmarks.report import IdleResult, Row, Verdict
from benchmarks.sealing import SealingResult

PARTS = ("load", "sealing", "dividing", "idle")
WARM_UP_SECONDS = 1.0


def main() -> int:
    args = parse()
    with tempfile.TemporaryDirectory(prefix="clubai-bench-") as name:
        scratch = Path(name)
        parts = PARTS if args.part == "all" else (args.part,)
        rows = measure_load(args, scratch) if "load" in parts else []
        sealed = sealing.measure(args, scratch) if "sealing" in parts else None
        divided = dividing.measure(args, scratch) if "dividing" in parts else None
        idle = measure_idle(args, scratch) if "idle" in parts else None
    verdicts = report.verdicts(rows)
    verdicts += sealing.verdicts(sealed) if sealed else []
    verdicts += dividing.verdicts(divided) if divided else []
    errors = errors_in(rows, sealed, divided)
    if args.json:
        print(as_json(rows, verdicts, sealed, divided, idle))
    else:
        print_summary(rows, verdicts, sealed, divided, idle)
        print(*errors, sep="\n")
    failed = bool(errors) or (idle is not None and idle.lost)
    return 0 if all(verdict.kept for verdict in verdicts) and not failed else 1


def errors_in(
    rows: list[Row], sealed: SealingResult | None, divided: DividingResult | None
) -> list[str]:
    found = [(row.load.errors, row.load.first_error) for row in rows]
    if sealed is not None:
        found += [(pair.errors, pair.first_error) for pair in sealed.pairs]
    if divided is not None:
        found += [(row.job.failed, row.job.first_error) for row in divided.rows]
    return [f"{count} failed, the first: {first}" for count, first in found if count]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--part", choices=["all", *PARTS], default="all")
    parser.add_argument("--seconds", type=float, default=5.0, help="per load")
    parser.add_argument("--tokens", type=int, default=64, help="per answer")
    parser.add_argument("--rate", type=float, default=50.0, help="tokens/s per stream")
    parser.add_argument("--agents", type=int, default=3)
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--turns", type=int, default=3, help="of transit and sealed")
    parser.add_argument("--repetitions", type=int, default=1000, help="of each step")
    dividing.add_options(parser)
    parser.add_argument("--nodes", type=int, default=10_000, help="idle ones")
    return parser.parse_args()


def measure_load(args: argparse.Namespace, scratch: Path) -> list[Row]:
    show(args, machine(), report.UNITS, report.HEAD)
    rows = []
    with backend(args, scratch) as url:
        for streamed in (False, True):
            for at_once in args.at_once:
                load = generate(args, url, "none", streamed, at_once)
                rows.append(
                    Row(target="direct", streamed=streamed, at_once=at_once, load=load)
                )
                show(args, report.line(rows[-1]))
        with up(scratch, f"--agents={args.agents}", f"--backend={url}") as one:
            key = asker_key(one)
            for streamed in (False, True):
                for at_once in args.at_once:
                    rows.append(measure_club(args, one, key, streamed, at_once))
                    show(args, report.line(rows[-1]))
    return rows


def measure_club(
    args: argparse.Namespace, one: Club, key: str, streamed: bool, at_once: int
) -> Row:
    pids = one.pids
    generate(args, one.openai, key, streamed, at_once, seconds=WARM_UP_SECONDS)
    before = cpu_seconds(pids.coordinator)
    agents_before = sum(cpu_seconds(pid) for pid in pids.agents)
    load = generate(args, one.openai, key, streamed, at_once)
    return Row(
        target="club",
        streamed=streamed,
        at_once=at_once,
        load=load,
        coordinator_cpu_s=cpu_seconds(pids.coordinator) - before,
        agents_cpu_s=sum(cpu_seconds(pid) for pid in pids.agents) - agents_before,
        coordinator_mb=memory_mb(pids.coordinator),
    )


def measure_idle(args: argparse.Namespace, scratch: Path) -> IdleResult:
    open_files(args.nodes + 100)
    with up(scratch, "--agents=0") as one:
        pid = one.pids.coordinator
        dial = [
            "benchmarks.idle_nodes",
            one.coordinator.replace("http", "ws", 1) + "/nodes/connect",
            f"--key={one.api_key}",
            f"--nodes={args.nodes}",
        ]
        with started(dial, scratch) as nodes:
            read_phase(nodes)
            memory, cpu = memory_mb(pid), cpu_seconds(pid)
            joining = read_phase(nodes)
            joined = cpu_seconds(pid)
            kb_per_node = 1024 * (memory_mb(pid) - memory) / args.nodes
            silent = read_phase(nodes)
            quiet = cpu_seconds(pid)
            beating = read_phase(nodes)
            end = cpu_seconds(pid)
    floor = (quiet - joined) / silent["seconds"]
    spent = max(0.0, end - quiet - floor * beating["seconds"])
    per_heartbeat = spent / beating["heartbeats"]
    join_cpu = joined - cpu - per_heartbeat * joining["heartbeats"]
    return IdleResult(
        nodes=args.nodes,
        lost=int(beating["lost"]),
        join_cpu_ms=1000 * join_cpu / args.nodes,
        kb_per_node=kb_per_node,
        heartbeats=int(beating["heartbeats"]),
        cpu_us_per_heartbeat=1e6 * per_heartbeat,
        cpu_percent=100 * (end - quiet) / beating["seconds"],
    )


def open_files(count: int) -> None:
    """Let this process and its children open `count` files, if the system does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        most = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def read_phase(nodes: Started) -> dict[str, float]:
    phase: dict[str, float] = json.loads(nodes.read_line())
    return phase


def show(args: argparse.Namespace, *lines: str) -> None:
    print(*lines, sep="\n", file=sys.stderr if args.json else sys.stdout, flush=True)


def print_summary(
    rows: list[Row],
    verdicts: list[Verdict],
    sealed: SealingResult | None,
    divided: DividingResult | None,
    idle: IdleResult | None,
) -> None:
    if rows:
        print("\nwhat the club adds:", *report.added(rows), sep="\n  ")
    if sealed is not None:
        print("", *sealing.lines(sealed), sep="\n")
    if divided is not None:
        print("", *dividing.lines(divided), sep="\n")
    if verdicts:
        print("\nbudget:", *map(report.verdict_line, verdicts), sep="\n")
    if idle is not None:
        print("", *report.idle_lines(idle), sep="\n")


def as_json(
    rows: list[Row],
    verdicts: list[Verdict],
    sealed: SealingResult | None,
    divided: DividingResult | None,
    idle: IdleResult | None,
) -> str:
    def row_fields(row: Row) -> dict[str, object]:
        derived = {
            "requests_per_second": row.load.per_second,
            "cpu_ms_per_request": row.cpu_ms_per_request,
            "cpu_ms_per_token": row.cpu_ms_per_token,
        }
        return {**msgspec.to_builtins(row), **derived}

    return json.dumps(
        {
            "machine": machine(),
            "rows": [row_fields(row) for row in rows],
            "budget": [
                {**msgspec.to_builtins(verdict), "kept": verdict.kept}
                for verdict in verdicts
            ],
            "sealing": msgspec.to_builtins(sealed),
            "dividing": dividing.as_json(divided) if divided else None,
            "idle": msgspec.to_builtins(idle),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
