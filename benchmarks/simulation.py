"""Whether the rules hold: `python -m benchmarks.simulation [--seeds 5] [--json]`.

Simulates 1000 nodes for 90 days, by the rules as asked and by the club's, and 10,000
nodes for 30 days. Exit code 0 when every bound is kept, else 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

import msgspec

from clubai.cli.simulating import run_plan
from clubai.sim.plan import Plan, as_asked
from clubai.sim.populations import HONEST
from clubai.sim.report import COLUMNS, Report, report, rows
from clubai.sim.simulation import simulate

NODES, DAYS = 1000, 90
MANY_NODES, FEW_DAYS = 10_000, 30
MOST_SECONDS = 120.0
CHEATS = ("cheap", "part_time", "garbage", "whitewash", "ring", "sybil")
"""The betrayer is not among them: what it earns is of the time when it was honest."""


class Bound(msgspec.Struct, frozen=True):
    text: str
    found: float
    kept: bool


def main() -> int:
    args = parse()
    plans = [Plan(nodes=NODES, days=DAYS, seed=seed + 1) for seed in range(args.seeds)]
    clubs = run(plans, "club", args.processes)
    asked = run([as_asked(plan) for plan in plans], "asked", args.processes)
    large = [] if args.skip_large else [run_large(args.processes)]
    bounds = list(bounds_of(clubs, asked, large))
    if args.json:
        found = {"club": clubs, "asked": asked, "large": large, "bounds": bounds}
        print(json.dumps(msgspec.to_builtins(found)))
    else:
        for each in [*clubs, *asked, *large]:
            show(each)
        for bound in bounds:
            word = "kept  " if bound.kept else "BROKEN"
            print(f"{word} {bound.text}: {bound.found:.4g}")
    return 0 if all(bound.kept for bound in bounds) else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.simulation", description=__doc__
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=5, help="from 1 on")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--skip-large", action="store_true")
    return parser.parse_args()


def run(plans: Sequence[Plan], rules: str, processes: int) -> list[Report]:
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(run_one, plans, repeat(rules)))


def run_one(plan: Plan, rules: str) -> Report:
    began = time.monotonic()
    result = simulate(plan)
    seconds = time.monotonic() - began
    return report(plan, result, rules=rules, clubs=1, seconds=seconds)


def run_large(processes: int) -> Report:
    plan = Plan(nodes=MANY_NODES, days=FEW_DAYS)
    done = run_plan(plan, processes)
    return report(
        plan, done.result, rules="club", clubs=done.clubs, seconds=done.seconds
    )


def bounds_of(
    clubs: Sequence[Report], asked: Sequence[Report], large: Sequence[Report]
) -> Iterator[Bound]:
    for each in asked:
        most = max(profits(each, ("cheap", "garbage")))
        text = f"asked, seed {each.seed}: cheats earn more than the honest"
        yield Bound(text, most, most > 1)
    for each in clubs:
        name = f"club, seed {each.seed}:"
        bad = each.bad_answer_share
        yield Bound(f"{name} bad answers are below 0.1 %", bad, bad < 0.001)
        most = max(profits(each, CHEATS))
        yield Bound(f"{name} cheats earn at most a tenth", most, most <= 0.1)
        lost = each.populations[HONEST].suspended_share
        yield Bound(f"{name} honest suspended are below 0.5 %", lost, lost < 0.005)
        work = each.verification_share
        yield Bound(f"{name} checks are at most 15 % of work", work, work <= 0.15)
    for each in large:
        text = f"{each.nodes} nodes for {each.days} days take at most 2 minutes"
        yield Bound(text, each.seconds, each.seconds <= MOST_SECONDS)


def profits(found: Report, names: Sequence[str]) -> Iterator[float]:
    for name in names:
        yield found.populations[name].profit_vs_honest or 0.0


def show(found: Report) -> None:
    print(
        f"{found.rules}: {found.nodes} nodes, {found.days} days, seed {found.seed}:"
        f" bad {found.bad_answer_share:.3%}, verification"
        f" {found.verification_share:.1%}, {found.seconds:.0f} s,"
        f" {found.simulated_node_days_per_second:.0f} node-days/s"
    )
    print(" | ".join(COLUMNS))
    for row in rows(found):
        print(" | ".join(row))
    print()


if __name__ == "__main__":
    sys.exit(main())
