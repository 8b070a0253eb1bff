"""Where the dashboard's time goes, by what it is for.

Run as `python -m benchmarks.dashboard_profile FILE --url ... --api-key ...`: the
dashboard as `clubai tui`, profiled until it ends. The profiler itself costs time, most
where many small functions are called: read the shares, not the seconds.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PARTS: Final = (
    ("reading the feed", ("clubai/client/feed", "clubai/protocol/", "msgspec")),
    ("the picture", ("clubai/client/mirror", "clubai/tui/picture")),
    ("tables and screens", ("clubai/tui/",)),
    ("HTTP", ("httpx", "httpcore", "h11", "anyio")),
    ("writing to the terminal", ("textual/drivers", "linux_driver", "_writer_thread")),
    ("Textual and Rich", ("textual/", "rich/")),
    ("event loop", ("asyncio", "uvloop", "selectors")),
)
"""By words in a function's file; the first that fits."""
_Function = tuple[str, int, str]


def shares(path: Path) -> Iterator[str]:
    """What each part took; what is built in counts for whoever called it."""
    taken: Counter[str] = Counter()
    stats = pstats.Stats(str(path)).stats  # type: ignore[attr-defined]
    for function, (_, _, own, _, callers) in stats.items():
        if function[0] != "~" or not callers:
            taken[part(function)] += own
            continue
        for caller, (_, _, its, _) in callers.items():
            taken[part(caller)] += its
    waited = taken.pop("waiting", 0.0)
    total = sum(taken.values()) or 1.0
    yield f"  {total:.2f} s busy, {waited:.1f} s waiting"
    for name, seconds in taken.most_common():
        yield f"  {name:<24}{seconds / total:>7.1%}"


def part(function: _Function) -> str:
    """What a function is for."""
    file, _, name = function
    if "epoll" in name or "select.select" in name:
        return "waiting"
    return next(
        (part for part, words in _PARTS if any(word in file for word in words)),
        "everything else",
    )


def main() -> None:
    path, *options = sys.argv[1:]
    from clubai.cli import cli  # the command's own modules are loaded by it

    profiler = cProfile.Profile()
    try:
        profiler.runcall(cli.main, ["tui", *options], standalone_mode=False)
    finally:
        profiler.dump_stats(path)


if __name__ == "__main__":
    main()
