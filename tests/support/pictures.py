"""Draws the documentation's pictures from a real run: `python -m support.pictures`.

A club with three nodes of the embedded model is started, asked, and recorded. The
operator's pictures are drawn from the replay of that recording, the others while the
club runs. `nox -s pictures` runs it; nothing of it is edited by hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import anyio
from textual.pilot import Pilot

from clubai.club import open_club
from clubai.tui.app import Dashboard
from clubai.tui.board import Board
from clubai.tui.embedded import Embedded, embedded
from clubai.tui.recording import Recorder, Replay, read_recording
from clubai.tui.samples import DEMO

IMAGES: Final = Path(__file__).parent.parent.parent / "docs" / "images"
SIZE: Final = (120, 32)
REPLAYED: Final = (
    ("overview", ("1",), 0.7),
    ("nodes", ("2",), 0.5),
    ("tasks", ("3",), 0.5),
    ("models", ("5",), 0.5),
    ("events", ("6",), 1.0),
)
"""Name of each picture, the keys that lead to it, and how much of the run is over."""
LIVE: Final = (
    ("node", ("2", "enter")),
    ("task", ("3", "enter")),
    ("reputation", ("4",)),
)
"""What is asked of the club beside its feed is in no recording."""


def draw(board: Board, name: str) -> None:
    """Write what is on the screen to a file, which fetches nothing."""
    svg = board.export_screenshot(title="", simplify=True)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"terminal-\d+", f"terminal-{name}", svg)
    path = IMAGES / f"dashboard-{name}.svg"
    path.write_text(svg)
    print(f"{path.relative_to(IMAGES.parent.parent)}: {len(svg):,} characters")  # noqa: T201


async def until(pilot: Pilot[None], true: Callable[[], bool]) -> None:
    """Let the screen go on until something is true of it."""
    with anyio.fail_after(120):
        while not true():
            await pilot.pause(0.1)


async def shown(board: Board, look: Callable[[Pilot[None]], Awaitable[None]]) -> None:
    """Run a dashboard without a terminal, and look at it."""
    async with board.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: bool(board.picture.mirror.nodes))
        await look(pilot)


async def live(source: Embedded, recording: Path) -> None:
    """Record a dashboard while the club is asked."""
    with recording.open("wb") as file:
        board = Dashboard(Recorder(source, file))

        async def look(pilot: Pilot[None]) -> None:
            await until(pilot, lambda: len(board.picture.mirror.nodes) == 3)
            async with source.client() as client, anyio.create_task_group() as tasks:
                ask = partial(client.ask, system=DEMO.system, **DEMO.options)
                for sample in DEMO.samples * 3:
                    tasks.start_soon(ask, sample)
            await until(pilot, lambda: not board.picture.mirror.live)
            await pilot.pause(1.5)
            for name, keys in LIVE:
                await pilot.press(*keys)
                await pilot.pause(1.0)
                draw(board, name)
                await pilot.press("escape")

        await shown(board, look)


async def replayed(recording: Path) -> None:
    """Draw what the recording tells."""
    records = read_recording(recording)
    for name, keys, share in REPLAYED:
        seen = records[: int(len(records) * share)]
        replay = Replay(seen, name="evening.jsonl", speed=float("inf"))
        board = Dashboard(replay)

        async def look(
            pilot: Pilot[None],
            replay: Replay = replay,
            board: Board = board,
            name: str = name,
            keys: tuple[str, ...] = keys,
        ) -> None:
            await until(pilot, lambda: replay.ended)
            replay.set_speed(1.0)
            await pilot.press(*keys)
            board.flush(force=True)
            await pilot.pause()
            draw(board, name)

        await shown(board, look)


async def playground(source: Embedded) -> None:
    """Draw the member's view: a question, a consensus."""
    board = Dashboard(source, view="member", asking=DEMO)

    async def look(pilot: Pilot[None]) -> None:
        done = board.picture.mirror.stats.tasks_done if board.picture.stats else 0
        await pilot.press(*"What is photosynthesis?", "enter")
        await until(pilot, lambda: (board.picture.stats or 0).tasks_done > done)  # type: ignore[union-attr]
        await pilot.pause(1.5)
        draw(board, "playground")

    await shown(board, look)


async def main() -> None:
    """Draw all of them."""
    IMAGES.mkdir(exist_ok=True)
    with (
        TemporaryDirectory() as scratch,
        embedded(partial(open_club, agents=3)) as source,
    ):
        recording = Path(scratch) / "evening.jsonl"
        await live(source, recording)
        await replayed(recording)
        await playground(source)


if __name__ == "__main__":
    sys.exit(anyio.run(main))
