"""What the dashboard costs: `python -m benchmarks.dashboard [--json] [--part ...]`.

screens: its processor time on each screen, in front of a busy club that is replayed.
keys: how soon a pressed key is seen, meanwhile.
hour: its memory, over an hour of that club without waiting.
club: what a club pays for one that is attached, in turns with none.
`--profile` says where the time of `screens` goes, in a run of its own.

Exit code 0 when the budget is kept, else 1.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import dashboard_hour, dashboard_profile
from benchmarks.clubs import Club, asker_key, backend, generate, machine, up
from benchmarks.dashboard_report import (
    HourPoint,
    KeyResult,
    Result,
    Round,
    ScreenResult,
    lines,
    verdicts,
)
from benchmarks.processes import Started, cpu_seconds, memory_mb, started
from benchmarks.terminals import Screen, Terminal, terminal

PARTS: Final = ("screens", "keys", "hour", "club")
TABS: Final = {"2": "Nodes", "3": "Tasks", "6": "Events", "1": "Overview"}
"""What is measured, by the key that shows it."""
HEAD_LINES: Final = range(1, 4)
"""Among which the crumbs are."""
SETTLE_SECONDS: Final = 2.0
STEPS: Final = 15
"""The cursor goes down so many rows, and up again."""
OPERATOR_WAITS: Final = 1.0


def main() -> int:
    args = parse()
    parts = PARTS if args.part == "all" else (args.part,)
    result = Result(machine=machine(), events=args.events, nodes=args.nodes)
    with tempfile.TemporaryDirectory(prefix="clubai-bench-") as name:
        scratch = Path(name)
        if args.profile:
            print(*profile(args, scratch), sep="\n")
            return 0
        if "screens" in parts:
            result.screens = measure_screens(args, scratch)
        if "keys" in parts:
            result.keys = measure_keys(args, scratch)
        if "hour" in parts:
            result.hour = measure_hour(args, scratch)
        if "club" in parts:
            result.rounds = measure_club(args, scratch)
    found = verdicts(result)
    if args.json:
        budget = [{**msgspec.to_builtins(one), "kept": one.kept} for one in found]
        print(json.dumps({**msgspec.to_builtins(result), "budget": budget}))
    else:
        print(*lines(result, found), sep="\n")
    return 0 if all(one.kept for one in found) else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.dashboard",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--part", choices=["all", *PARTS], default="all")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--nodes", type=int, default=500)
    parser.add_argument("--events", type=float, default=2000.0, help="per second")
    parser.add_argument("--tabs", default="".join(TABS), help="keys of the screens")
    parser.add_argument("--screen-seconds", type=float, default=30.0, help="each")
    parser.add_argument("--presses", type=int, default=120)
    parser.add_argument("--minutes", type=int, nargs="+", default=[5, 20, 40, 60])
    parser.add_argument("--rounds", type=int, default=4, help="of each, of the club")
    parser.add_argument("--seconds", type=float, default=5.0, help="per round")
    parser.add_argument("--tokens", type=int, default=64, help="per answer")
    parser.add_argument("--rate", type=float, default=50.0, help="tokens/s per stream")
    parser.add_argument("--agents", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=16)
    return parser.parse_args()


def say(args: argparse.Namespace, text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def shown(url: str, key: str, home: Path, *python: str) -> Iterator[Terminal]:
    """The dashboard of a club, on a terminal, once it is seen to be connected."""
    options = ["-m", "clubai.cli", "tui", "--url", url, "--api-key", key]
    with terminal([*python, *options], home) as screen:
        screen.wait_for(lambda seen: "connected" in seen.line(0), "the dashboard")
        yield screen


@contextmanager
def busy(args: argparse.Namespace, scratch: Path) -> Iterator[tuple[str, Started]]:
    """The feed of a busy club, and its process."""
    program = ["benchmarks.feed_server", f"--nodes={args.nodes}"]
    with started([*program, f"--events={args.events}"], scratch) as server:
        yield f"http://127.0.0.1:{int(server.read_line())}", server


def go_to(screen: Terminal, key: str) -> float:
    """Show a screen by its number; gives when it was seen."""
    screen.type(key)
    name = TABS[key]
    return screen.wait_for(lambda seen: crumb_line(seen, name) > 0, name)


def crumb_line(screen: Screen, name: str) -> int:
    """The line that names the screen; 0: there is none."""
    found = (y for y in HEAD_LINES if screen.line(y).split()[:1] == [name])
    return next(found, 0)


def measure_screens(args: argparse.Namespace, scratch: Path) -> list[ScreenResult]:
    found = []
    with busy(args, scratch) as (url, server), shown(url, "any", scratch) as screen:
        for key in args.tabs:
            go_to(screen, key)
            if key == "2":
                sort_by_speed(screen)
            time.sleep(SETTLE_SECONDS)
            wall, written = time.monotonic(), screen.bytes
            cpu, served = cpu_seconds(screen.pid), cpu_seconds(server.pid)
            time.sleep(args.screen_seconds)
            seconds = time.monotonic() - wall
            found.append(
                ScreenResult(
                    name=TABS[key],
                    seconds=seconds,
                    cpu_share=(cpu_seconds(screen.pid) - cpu) / seconds,
                    kb_per_s=(screen.bytes - written) / seconds / 1000,
                    memory_mb=memory_mb(screen.pid),
                    server_share=(cpu_seconds(server.pid) - served) / seconds,
                )
            )
            say(args, f"{TABS[key]}: {found[-1].cpu_share:.1%}")
    return found


def sort_by_speed(screen: Terminal) -> None:
    """On Nodes: the fastest first."""
    for _ in range(10):
        if "Tok/s\N{BLACK DOWN-POINTING TRIANGLE}" in screen.screen.text():
            return
        heads = crumb_line(screen.screen, TABS["2"]) + 1
        before = screen.screen.line(heads)
        screen.type(">")
        screen.wait_for(partial(other_line, y=heads, text=before), "the order")
    raise RuntimeError(f"no order by speed:\n{screen.screen.text()}")


def other_line(screen: Screen, *, y: int, text: str) -> bool:
    return screen.line(y) != text


def measure_keys(args: argparse.Namespace, scratch: Path) -> list[KeyResult]:
    draw = random.Random(args.presses)
    moves, firsts, views = [], [], []
    with busy(args, scratch) as (url, _), shown(url, "any", scratch) as screen:
        go_to(screen, "2")
        screen.wait_for(lambda seen: cursor_line(seen) > 0, "the cursor")
        for number in range(args.presses):
            time.sleep(draw.uniform(0.05, 0.35))
            down = number // STEPS % 2 == 0
            moves.append(press_move(screen, "j" if down else "k"))
        for number in range(args.presses // 2):
            time.sleep(draw.uniform(0.1, 0.4))
            at = time.perf_counter()
            seconds = go_to(screen, args.tabs[number % len(args.tabs)]) - at
            (firsts if number < len(args.tabs) else views).append(seconds)
    return [
        KeyResult.of("j and k", moves),
        KeyResult.of("numbers, the first time", firsts),
        KeyResult.of("numbers, again", views),
    ]


def press_move(screen: Terminal, key: str) -> float:
    """Seconds until the cursor is seen on the next row."""
    with screen.changed:
        wanted = cursor_line(screen.screen) + (1 if key == "j" else -1)
    at = time.perf_counter()
    screen.type(key)
    return (
        screen.wait_for(lambda seen: cursor_line(seen) == wanted, f"row {wanted}") - at
    )


def cursor_line(screen: Screen) -> int:
    """The line of the table that looks unlike its neighbours; 0: there is none."""
    first = crumb_line(screen, TABS["2"]) + 2
    grounds = [screen.ground(y) for y in range(first, first + STEPS + 4)]
    odd = [y for y, ground in enumerate(grounds) if grounds.count(ground) == 1]
    return first + odd[0] if len(odd) == 1 else 0


def measure_hour(args: argparse.Namespace, scratch: Path) -> list[HourPoint]:
    program = [dashboard_hour.__name__, f"--nodes={args.nodes}"]
    minutes = [str(minute) for minute in args.minutes]
    found = []
    with started(
        [*program, f"--events={args.events}", "--minutes", *minutes], scratch
    ) as replay:
        for _ in minutes:
            point = msgspec.json.decode(replay.read_line(), type=HourPoint)
            say(args, f"{point.minute} min: {point.memory_mb:.1f} MB")
            found.append(point)
    return found


def measure_club(args: argparse.Namespace, scratch: Path) -> list[Round]:
    found = []
    with (
        backend(args, scratch) as url,
        up(scratch, f"--agents={args.agents}", f"--backend={url}") as one,
    ):
        key = asker_key(one)
        generate(args, one.openai, key, False, args.at_once, seconds=1.0)
        for number in range(2 * args.rounds):
            watched = number % 4 in (1, 2)  # neither comes always after the other
            found.append(measure_round(args, one, key, scratch, watched=watched))
            say(args, found[-1].words())
    return found


def measure_round(
    args: argparse.Namespace, one: Club, key: str, scratch: Path, *, watched: bool
) -> Round:
    if not watched:
        time.sleep(OPERATOR_WAITS)
        return count_round(args, one, key, None)
    with shown(one.coordinator, one.api_key, scratch) as screen:
        go_to(screen, "2")
        time.sleep(OPERATOR_WAITS)
        return count_round(args, one, key, screen)


def count_round(
    args: argparse.Namespace, one: Club, key: str, screen: Terminal | None
) -> Round:
    pid = one.pids.coordinator
    cpu = cpu_seconds(pid)
    looked = cpu_seconds(screen.pid) if screen else 0.0
    load = generate(args, one.openai, key, False, args.at_once)
    return Round(
        watched=screen is not None,
        requests=load.requests,
        errors=load.errors,
        per_second=load.per_second,
        cpu_ms=1000 * (cpu_seconds(pid) - cpu) / max(load.requests, 1),
        screen_share=(cpu_seconds(screen.pid) - looked) / load.seconds if screen else 0,
    )


def profile(args: argparse.Namespace, scratch: Path) -> Iterator[str]:
    """Where the time goes on each screen."""
    with busy(args, scratch) as (url, _):
        for key in args.tabs:
            written = scratch / f"profile-{key}"
            python = ("-m", dashboard_profile.__name__, str(written))
            options = ["--url", url, "--api-key", "any"]
            with terminal([*python, *options], scratch) as screen:
                screen.wait_for(lambda seen: "connected" in seen.line(0), "connection")
                go_to(screen, key)
                if key == "2":
                    sort_by_speed(screen)
                time.sleep(args.screen_seconds)
                screen.type("q")
                screen.process.wait(20)
            yield f"{TABS[key]}:"
            yield from dashboard_profile.shares(written)


if __name__ == "__main__":
    sys.exit(main())
