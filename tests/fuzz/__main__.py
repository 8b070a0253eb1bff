"""`python -m fuzz --frames 1000000` with `tests` on the path, or `nox -s fuzz`."""

from __future__ import annotations

import argparse
import sys
import time

from fuzz.running import peak_mb, run
from fuzz.targets import TARGETS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--frames", type=int, default=100_000, help="in all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", default="", help="those whose name has this")
    parser.add_argument("--loop", choices=["asyncio", "trio"], default="asyncio")
    args = parser.parse_args()
    start, before = time.perf_counter(), peak_mb()
    targets = [target for target in TARGETS if args.target in target.name]
    print(
        f"{'target':<22}{'frames':>9}{'taken':>9}{'s':>8}{'slowest':>11}{'grown':>10}"
    )
    total = 0
    for target in targets:
        share = target.share / sum(each.share for each in targets)
        [result] = run(
            [target], round(args.frames * share), seed=args.seed, backend=args.loop
        )
        total += result.frames
        print(
            f"{result.name:<22}{result.frames:>9}{result.taken:>9}"
            f"{result.seconds:>8.1f}{result.slowest_ms:>8.1f} ms"
            f"{result.grown_mb:>7.1f} MB",
            flush=True,
        )
    seconds = time.perf_counter() - start
    print(
        f"{total} frames in {seconds:.0f} s, nothing found; memory at most "
        f"{peak_mb():.0f} MB, {before:.0f} MB at the start"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
