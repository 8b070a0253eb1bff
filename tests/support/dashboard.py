"""A scripted club for the dashboard's tests: always the same, its clock included."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import msgspec
from textual.pilot import Pilot

from clubai.client import Client
from clubai.client.feed import FeedItem, FeedState
from clubai.model import (
    ClubStats,
    ModelOffer,
    ModelSnapshot,
    NodeSnapshot,
    NodeStanding,
    TaskSnapshot,
)
from clubai.protocol.feed import ClubEvent, FeedSnapshot, FeedStats, StandingChange
from clubai.tui.app import Dashboard, View
from clubai.tui.board import Board
from clubai.tui.source import SourceMode

NOW = 1_790_000_000.0
SMALL, LARGE = (80, 24), (140, 40)
NODE_NAMES = ("attic", "barn", "cellar", "den", "eaves", "forge")
STATES = ("alive", "alive", "suspect", "paused", "draining", "lost")


def node_id(number: int) -> str:
    """A node id as text: 52 characters of base32."""
    return (f"{NODE_NAMES[number % 6]}{number}" + "a" * 52)[:52]


def node(number: int, **fields: Any) -> NodeSnapshot:
    """One of six nodes."""
    models = (
        ModelOffer(name="smollm2-135m-instruct", context=2048, tokens_per_second=40.0),
        ModelOffer(name="qwen3-8b", context=32_768, warm=number % 2 == 0),
    )
    given: dict[str, Any] = {
        "id": node_id(number),
        "name": NODE_NAMES[number % 6],
        "state": STATES[number % 6],
        "owner": ("ana", "bo", "cy")[number % 3],
        "backend": ("lmstudio", "ollama", "llamacpp")[number % 3],
        "models": models[: 1 + number % 2],
        "slots": 1 + number % 4,
        "slots_used": number % 3 % (2 + number % 4),
        "vram_gb": 8.0,
        "tokens_per_second": 12.5 * (number + 1),
        "tasks_done": 100 * number + 7,
        "tasks_failed": number % 2 * 3,
        "joined_at": NOW - 86_400.0,
        "seen_at": NOW - 2.0 - 20.0 * (number % 6 == 5),
        "version": "clubai-agent 0.1.0",
        "standing": NodeStanding(
            points=100 + 45 * number,
            held=20 * (number % 2),
            suspended=number == 4,
            trusted=number == 0,
        ),
    }
    return NodeSnapshot(**{**given, **fields})


TASK_STATES = ("queued", "offered", "running", "replying", "done", "failed")


def task(number: int, **fields: Any) -> TaskSnapshot:
    """One of many tasks; six of them are in each of the states."""
    state = TASK_STATES[number % 6]
    ended = state in ("done", "failed")
    chosen = state != "queued"
    begun = state in ("replying", "done")
    given: dict[str, Any] = {
        "id": f"{number:032x}",
        "member": ("m_ana", "m_bo")[number % 2],
        "model": ("smollm2-135m-instruct", "qwen3-8b")[number % 2],
        "kind": "chat",
        "mode": ("single", "consensus", "subtasks", "context")[number % 4],
        "state": state,
        "node": node_id(number % 3) if chosen else "",
        "node_name": NODE_NAMES[number % 3] if chosen else "",
        "attempts": 0 if not chosen else 1 + number % 2,
        "reason": {
            "queued": "all slots of its nodes are in use",
            "failed": "the node was lost",
        }.get(state, ""),
        "created_at": NOW - 90.0 + number,
        "ended_at": NOW - 60.0 + number if ended else 0.0,
        "queued_ms": 40 * number if chosen else 0,
        "first_token_ms": 250 + 30 * number if begun else 0,
        "total_ms": 1500 + 100 * number if ended else 0,
        "prompt_tokens": 20 + number,
        "completion_tokens": 60 + number if begun else 0,
    }
    return TaskSnapshot(**{**given, **fields})


def stats(**fields: Any) -> ClubStats:
    """The counts of the scripted club."""
    given: dict[str, Any] = {
        "started_at": NOW - 7300.0,
        "now": NOW,
        "nodes_alive": 5,
        "nodes_known": 6,
        "slots": 13,
        "slots_used": 5,
        "tasks_queued": 2,
        "tasks_running": 6,
        "tasks_done": 1523,
        "tasks_failed": 12,
        "tasks_retried": 9,
        "prompt_tokens": 45_000,
        "completion_tokens": 98_000,
        "members": 4,
        "tasks_ever": 20_500,
    }
    return ClubStats(**{**given, **fields})


def snapshot(
    *, nodes: int = 6, tasks: int = 12, role: str = "operator", **fields: Any
) -> FeedSnapshot:
    """The scripted club as a feed begins with it."""
    models = (
        ModelSnapshot(
            name="qwen3-8b",
            nodes=3,
            warm=1,
            slots=6,
            slots_free=4,
            context=32_768,
            kinds=("chat", "completion"),
        ),
        ModelSnapshot(
            name="smollm2-135m-instruct",
            nodes=6,
            warm=6,
            slots=13,
            slots_free=8,
            context=2048,
            kinds=("chat", "completion", "embedding"),
        ),
    )
    given: dict[str, Any] = {
        "stats": stats(),
        "models": models if nodes else (),
        "nodes": tuple(node(number) for number in range(nodes)),
        "tasks": tuple(task(number) for number in reversed(range(tasks))),
        "boot": f"boot-{role}",
        "seq": 100,
        "role": role,
    }
    return FeedSnapshot(**{**given, **fields})


def change(number: int, what: str = "completed", points: int = 10) -> StandingChange:
    """A change of the first node's points."""
    return StandingChange(
        number=number,
        node=node_id(number % 3),
        name=NODE_NAMES[number % 3],
        change=what,
        points=points,
        held=0,
        total=100 + points,
        count=1,
        model="smollm2-135m-instruct",
        cause=f"task:{number:032x}",
        why="" if points > 0 else "no answer within 30 s",
    )


def happened(number: int) -> ClubEvent:
    """One of many events: of tasks, nodes, points, checks, members."""
    at = NOW - 50.0 + number
    match number % 4:
        case 0:
            shown = task(number)
            return ClubEvent(
                seq=101 + number, at=at, kind="task", what=shown.state, task=shown
            )
        case 1:
            moved = change(number, *(("timeout", -20) if number % 8 == 1 else ()))
            return ClubEvent(
                seq=101 + number,
                at=at,
                kind="standing",
                what=moved.change,
                standing=moved,
            )
        case 2:
            shown_node = node(number % 3)
            return ClubEvent(
                seq=101 + number, at=at, kind="node", what="changed", node=shown_node
            )
    return ClubEvent(
        seq=101 + number, at=at, kind="member", what="joined", subject=f"m_new{number}"
    )


def connected() -> FeedState:
    """The feed is there."""
    return FeedState(connected=True, since=NOW - 100.0, gaps=0)


def broken(reason: str = "connection refused") -> FeedState:
    """The feed was lost 12 s ago."""
    return FeedState(
        connected=False, since=NOW - 12.0, gaps=0, reason=reason, retry_s=4.0
    )


def curves(seconds: int = 60) -> list[FeedStats]:
    """A minute of counts, up to now."""
    return [
        FeedStats(
            seq=100,
            stats=stats(
                now=NOW - seconds + second,
                tasks_queued=second % 7,
                slots_used=second % 13,
                tasks_done=1523 - seconds + second,
                completion_tokens=98_000 - 40 * (seconds - second),
            ),
        )
        for second in range(1, seconds + 1)
    ]


def script(*, events: int = 24, **fields: Any) -> list[FeedItem]:
    """A club that is at work."""
    return [
        snapshot(**fields),
        connected(),
        *curves(),
        *(happened(number) for number in range(events)),
        FeedStats(seq=200, stats=stats()),
    ]


class Scripted:
    """A source that gives a script at once; calls are noted and answered by a table.

    An exception in the script is raised at its place. `answers` maps `METHOD PATH` to
    what is answered, or to an error to raise.
    """

    mode: SourceMode = "attached"
    url = "http://club.example:8000"

    def __init__(
        self,
        items: Sequence[FeedItem | Exception],
        *,
        answers: dict[str, Any] | None = None,
        asked: Callable[[], AbstractAsyncContextManager[Client]] | None = None,
    ) -> None:
        self.answers = dict(answers or {})
        self.calls: list[tuple[str, str, Any]] = []
        self.now = NOW
        self._items = list(items)
        self._asked = asked
        self._more = anyio.Event()

    def clock(self) -> float:
        return self.now

    def add(self, *items: FeedItem | Exception) -> None:
        """Let more happen."""
        self._items += items
        self._more.set()

    async def items(self) -> AsyncGenerator[FeedItem]:
        given = 0
        while True:
            self._more = anyio.Event()
            for item in self._items[given:]:
                given += 1
                if isinstance(item, Exception):
                    raise item
                yield item
            await self._more.wait()

    def client(self) -> AbstractAsyncContextManager[Client]:
        assert self._asked is not None, "this script has nobody to ask"
        return self._asked()

    async def call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        self.calls.append((method, path, body))
        answer = self.answers.get(f"{method} {path}", {})
        if isinstance(answer, Exception):
            raise answer
        return msgspec.to_builtins(answer)


@asynccontextmanager
async def shown(
    source: Scripted | None = None,
    *,
    size: tuple[int, int] = SMALL,
    view: View = "operator",
    keys: Sequence[str] = (),
    toasts: bool = True,
    **options: Any,
) -> AsyncIterator[tuple[Board, Pilot[None]]]:
    """Run the dashboard on a script without a terminal, and press keys.

    `toasts`: what is notified is drawn, too.
    """
    board = Dashboard(source or Scripted(script()), view=view, **options)
    async with board.run_test(size=size, notifications=toasts) as pilot:
        await settled(pilot)
        if keys and view == "member":
            await pilot.press("escape")  # out of the question's line
        for key in keys:
            await pilot.press(key)
        await settled(pilot)
        yield board, pilot


async def settled(pilot: Pilot[None]) -> None:
    """All that the script gives is drawn."""
    await pilot.pause()
    assert isinstance(pilot.app, Board)
    pilot.app.flush(force=True)
    await pilot.pause()


def text_of(board: Board) -> str:
    """What is on the screen, as text."""
    width, height = board.size
    lines = board.screen._compositor.render_strips()
    assert len(lines) == height
    return "\n".join(line.text[:width].rstrip() for line in lines)


def picture_of(board: Board) -> str:
    """The screen as SVG, the same each time for what looks the same, and small."""
    svg = board.export_screenshot(simplify=True)
    for what in _NOT_IN_PICTURES:
        svg = what.sub("", svg)
    svg = re.sub(r"terminal-\d+-?", "t-", svg).replace("&#160;", "\u00a0")
    return re.sub(r"\n\s*\n+", "\n", svg).replace("</text><text", "</text>\n<text")


_NOT_IN_PICTURES = tuple(
    re.compile(what, re.DOTALL)
    for what in (
        r"@font-face \{.*?\}\s*",  # fetched ones
        r"<!--.*?-->",
        r"<clipPath .*?</clipPath>",
        r' clip-path="[^"]*"',
        r' textLength="[^"]*"',
        r' shape-rendering="[^"]*"',
        r"<defs>\s*</defs>",
        r"<text [^>]*>\s*</text>",
        r"<circle [^>]*>",
    )
)
