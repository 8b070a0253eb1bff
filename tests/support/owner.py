"""A scripted agent for the owner's view: always the same, its clock included."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from textual.pilot import Pilot

from clubai.agent.view import (
    AgentSnapshot,
    BackendView,
    EndedWork,
    Lane,
    LinkView,
    WorkCounts,
)
from clubai.errors import ClubAIError
from clubai.model import ModelOffer, NodeStanding
from clubai.protocol.feed import StandingChange
from clubai.tui.logtail import LogLine, LogTail
from clubai.tui.owner_board import OwnerBoard
from support.dashboard import NOW, SMALL, Scripted, node, node_id, script, settled

URL = "ws://club.example:8000/nodes/connect"


def lane(number: int, **fields: Any) -> Lane:
    """One of many slots in use."""
    given: dict[str, Any] = {
        "task": f"{number:08x}" + "b" * 24,
        "part": 0,
        "attempt": 1,
        "model": "qwen3-8b",
        "kind": "chat",
        "stage": ("working", "arriving", "stopping")[number % 3],
        "started_at": NOW - 12.0 - number,
        "pieces": 37 + number,
        "pieces_per_second": 11.5,
        "first_token_ms": 420,
    }
    return Lane(**{**given, **fields})


def ended(number: int, **fields: Any) -> EndedWork:
    """One of many that have ended."""
    ending = ("done", "done", "failed", "cancelled")[number % 4]
    given: dict[str, Any] = {
        "task": f"{number + 100:08x}" + "c" * 24,
        "part": 0,
        "attempt": 1,
        "model": "smollm2-135m-instruct",
        "kind": "chat",
        "ending": ending,
        "code": {"failed": "backend", "cancelled": "cancelled"}.get(ending, ""),
        "prompt_tokens": 120,
        "completion_tokens": 64 if ending == "done" else 0,
        "first_token_ms": 310,
        "seconds": 3.5,
        "ended_at": NOW - 20.0 * (number + 1),
    }
    return EndedWork(**{**given, **fields})


def backend(**fields: Any) -> BackendView:
    """A model server that answers."""
    given: dict[str, Any] = {
        "kind": "lmstudio",
        "version": "0.3.30",
        "url": "http://127.0.0.1:1234/v1",
        "models": (
            ModelOffer(name="qwen3-8b", context=32_768, tokens_per_second=42.5),
            ModelOffer(name="smollm2-135m-instruct", context=2048, warm=False),
        ),
        "slots": 4,
        "most_slots": 8,
        "answers": True,
        "looked_at": NOW - 4.0,
    }
    return BackendView(**{**given, **fields})


def agent(lanes: int = 2, recent: int = 6, **fields: Any) -> AgentSnapshot:
    """An agent at work."""
    given: dict[str, Any] = {
        "now": NOW,
        "started_at": NOW - 7200.0,
        "node": node_id(0),
        "nickname": node_id(0)[:12],
        "name": "attic",
        "version": "0.1.0",
        "state": "connected",
        "paused": False,
        "draining": False,
        "link": LinkView(url=URL, connected_at=NOW - 3600.0),
        "alarms": (),
        "backend": backend(),
        "slots": 4,
        "wanted_slots": 0,
        "lanes": tuple(lane(number) for number in range(lanes)),
        "recent": tuple(ended(number) for number in range(recent)),
        "today": WorkCounts(
            done=41, failed=2, cancelled=1, prompt_tokens=5200, completion_tokens=9800
        ),
        "since_start": WorkCounts(
            done=57, failed=2, cancelled=3, prompt_tokens=7400, completion_tokens=12_300
        ),
    }
    return AgentSnapshot(**{**given, **fields})


def reconnecting(**fields: Any) -> AgentSnapshot:
    """An agent whose connection was lost."""
    link = LinkView(
        url=URL,
        lost_at=NOW - 9.0,
        lost_reason="the club is restarting",
        retry_at=NOW + 4.0,
        failures=3,
    )
    return agent(lanes=0, **{"state": "reconnecting", "link": link, **fields})


class ScriptedOwner:
    """An agent that tells what a test wants; what is done to it is noted."""

    def __init__(
        self, snapshot: AgentSnapshot | None = None, *, phase: str = ""
    ) -> None:
        self.snapshot = snapshot
        self.phase = phase
        self.ended = False
        self.failure = ""
        self.done: list[tuple[str, Any]] = []
        self.answers = True
        self.refuses = ""
        """What every act fails with; empty: none does."""

    def clock(self) -> float:
        return NOW

    def change(self, **fields: Any) -> None:
        """Let it tell something else."""
        assert self.snapshot is not None
        self.snapshot = msgspec.structs.replace(self.snapshot, **fields)

    def _note(self, what: str, value: Any = None) -> None:
        if self.refuses:
            raise ClubAIError(self.refuses)
        self.done.append((what, value))

    async def pause(self, on: bool) -> None:
        self._note("pause", on)
        self.change(paused=on, state="paused" if on else "connected")

    async def drain(self) -> None:
        self._note("drain")
        self.change(draining=True, state="draining")

    async def look(self) -> bool:
        self._note("look")
        return self.answers

    async def set_slots(self, wanted: int) -> int:
        self._note("set_slots", wanted)
        self.change(wanted_slots=wanted, slots=wanted or 4)
        return wanted or 4

    async def try_now(self) -> None:
        self._note("try_now")


def line(number: int, **fields: Any) -> dict[str, Any]:
    """One change as `GET /api/reputation/NODE` tells it."""
    given = {
        "seq": number,
        "at": NOW - 60.0 * (50 - number),
        "change": "completed",
        "points": 10,
        "held": 0,
        "total": 100 + 10 * number,
        "cause": f"task:{number:032x}",
        "why": "",
    }
    return {**given, **fields}


def club(**fields: Any) -> Scripted:
    """The club as the owner's key sees it."""
    changes = [
        line(3, change="timeout", points=-20, why="no answer within 30 s"),
        line(2),
        line(1),
    ]
    page: dict[str, Any] = {"node": {}, "changes": changes, "next": None}
    nodes = {
        f"GET /api/reputation/{node_id(0)[:12]}?limit=500": page,
        "GET /api/balance": {
            "balance_minor": 1250,
            "spendable_minor": 1250,
            "currency": "EUR",
        },
    }
    return Scripted(script(events=0, role="member"), answers={**nodes, **fields})


def earned(number: int, **fields: Any) -> StandingChange:
    """A change of the node's points, as the feed tells it."""
    given: dict[str, Any] = {
        "number": number,
        "node": node_id(0),
        "name": "attic",
        "change": "audit passed",
        "points": 5,
        "held": -5,
        "total": 205,
        "count": 1,
        "model": "qwen3-8b",
        "cause": "check:c_1",
        "why": "the answers agree",
    }
    return StandingChange(**{**given, **fields})


def standing(**fields: Any) -> Any:
    """The node of the agent, as the club has it."""
    return node(0, standing=NodeStanding(**{"points": 100, "held": 20, **fields}))


def log(lines: int = 8) -> LogTail:
    """A log with some lines."""
    tail = LogTail()
    for number in range(1, lines + 1):
        level = ("info", "warning", "error")[number % 3]
        text = f"line {number}: node attic joined"
        tail.lines.append(
            LogLine(number, NOW - lines + number, level, "clubai.agent", text)
        )
    return tail


@asynccontextmanager
async def owner_shown(
    owner: ScriptedOwner,
    source: Scripted | None = None,
    *,
    size: tuple[int, int] = SMALL,
    keys: Sequence[str] = (),
    **options: Any,
) -> AsyncIterator[tuple[OwnerBoard, Pilot[None]]]:
    """Run the owner's view on a script without a terminal, and press keys."""
    board = OwnerBoard(owner, source, log=options.pop("log", None) or log(), **options)
    async with board.run_test(size=size) as pilot:
        await settled(pilot)
        loading = [worker for worker in board.workers if worker.group == "points"]
        if loading:  # without any it would wait for all of them
            await board.workers.wait_for_complete(loading)
        for key in keys:
            await pilot.press(key)
        await settled(pilot)
        yield board, pilot
