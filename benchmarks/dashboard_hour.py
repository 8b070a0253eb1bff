"""The dashboard in front of an hour of a busy club, without waiting: its memory.

Run as `python -m benchmarks.dashboard_hour --minutes 5 20 40 60`; it prints a line of
JSON after each of these replayed minutes. The board is the real one, on a screen of
140x40 without a terminal. It goes to the next of its tabs each replayed minute, and is
drawn twice in each replayed second.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from itertools import cycle
from typing import Any, Final

import msgspec

from benchmarks.dashboard_report import HourPoint
from benchmarks.processes import memory_mb
from benchmarks.replayed_club import ReplayedClub
from clubai.client import Client
from clubai.client.feed import FeedItem, FeedState
from clubai.tui.app import Dashboard
from clubai.tui.source import SourceMode, refuse_replay

BEGIN: Final = 1_790_000_000.0
DRAW_S: Final = 0.5
TABS: Final = "2361"
SIZE: Final = (140, 40)


class Replayed:
    """A source whose time goes on only when it is told to."""

    mode: SourceMode = "attached"
    url = "http://replayed.example"

    def __init__(self, club: ReplayedClub) -> None:
        self._club = club

    def clock(self) -> float:
        """The club's time."""
        return self._club.now

    async def items(self) -> AsyncGenerator[FeedItem]:
        """The beginning; what comes after it is put into the picture."""
        yield FeedState(connected=True, since=self._club.now, gaps=0)
        yield self._club.snapshot()
        await asyncio.Event().wait()

    async def call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """There is no club behind it."""
        raise refuse_replay(f"{method} {path}")

    def client(self) -> AbstractAsyncContextManager[Client]:
        """There is no club behind it."""
        raise refuse_replay("asking")


async def replay(args: argparse.Namespace) -> None:
    club = ReplayedClub(nodes=args.nodes, per_second=args.events, now=BEGIN)
    board = Dashboard(Replayed(club))
    events = draws = 0
    tabs = cycle(TABS)
    async with board.run_test(size=SIZE) as pilot:
        await pilot.pause()
        for minute in range(1, max(args.minutes) + 1):
            await pilot.press(next(tabs))
            for _ in range(round(60 / DRAW_S)):
                for event in club.until(club.now + DRAW_S):
                    board.picture.take(event, club.now)
                    events += 1
                board.picture.take(club.counts(), club.now)
                board.flush()
                await drawn()
                draws += 1
            if minute in args.minutes:
                point = HourPoint(
                    minute=minute,
                    memory_mb=memory_mb(os.getpid()),
                    events=events,
                    draws=draws,
                    cpu_s=time.process_time(),
                )
                print(msgspec.json.encode(point).decode(), flush=True)


async def drawn() -> None:
    """Let the board paint what it was given: a few turns of the loop."""
    for _ in range(10):
        await asyncio.sleep(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=500)
    parser.add_argument("--events", type=float, default=2000.0, help="per second")
    parser.add_argument("--minutes", type=int, nargs="+", default=[5, 20, 40, 60])
    asyncio.run(replay(parser.parse_args()))


if __name__ == "__main__":
    main()
