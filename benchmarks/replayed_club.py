"""A busy club that nobody has to run: its nodes and what happens in it, in order.

The same seed and times give the same club. Tasks come at an even pace and go through
their states: queued, offered, running, replying, then done, one in fifty failed. A task
that ended moves its node's points; now and then a node's offers change.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from clubai.model import (
    ClubStats,
    ModelOffer,
    ModelSnapshot,
    NodeSnapshot,
    NodeStanding,
    TaskSnapshot,
)
from clubai.protocol.feed import (
    ClubEvent,
    FeedSnapshot,
    FeedStats,
    NodeLoad,
    StandingChange,
)

MODELS: Final = ("qwen3-8b", "smollm2-135m-instruct", "llama-3.2-3b", "gemma-3-4b")
RECENT: Final = 200
"""Ended tasks in a snapshot."""
EVENTS_PER_TASK: Final = 6.04
"""Five states, a change of standing, and a node's now and then."""
LOAD_SHARE: Final = 5
"""One of so many nodes has another load at each look at the counts."""
FIRST_S: Final = 20.0
"""For which the club has been busy when it begins."""
_NODE_CHANGES: Final = 25
"""A node changes once for so many ended tasks."""
_FAILS: Final = 50


class ReplayedClub:
    """A club of `nodes` nodes, where so many events happen in a second."""

    def __init__(
        self, *, nodes: int, per_second: float, now: float, seed: int = 1
    ) -> None:
        self._random = random.Random(seed)
        self._task_s = EVENTS_PER_TASK / per_second
        self.now = now - FIRST_S
        self._began = self.now
        self._next_task = self.now
        self._due: list[tuple[float, int, TaskSnapshot]] = []
        self._ended: deque[TaskSnapshot] = deque(maxlen=RECENT)
        self.seq = 0
        """Of the last event."""
        self._tasks = self._done = self._failed = self._tokens = 0
        self._turn = 0
        self.nodes = [self._node(number) for number in range(nodes)]
        for _ in self.until(now):
            pass

    def until(self, now: float) -> Iterator[ClubEvent]:
        """What happens before `now`, in its order."""
        while True:
            due = self._due[0][0] if self._due else now
            if min(due, self._next_task) >= now:
                break
            if self._next_task <= due:
                self.now = self._next_task
                self._next_task += self._task_s
                yield self._ask()
            else:
                self.now, _, task = heapq.heappop(self._due)
                yield from self._go_on(task)
        self.now = now

    def snapshot(self) -> FeedSnapshot:
        """The club as it is now."""
        live = sorted(self._due, key=lambda due: -due[2].created_at)
        return FeedSnapshot(
            stats=self._stats(),
            models=tuple(self._model(name) for name in MODELS),
            nodes=tuple(self.nodes),
            tasks=(*(task for _, _, task in live), *reversed(self._ended)),
            boot="replayed-operator",
            seq=self.seq,
            role="operator",
        )

    def counts(self) -> FeedStats:
        """The counts now, and the load of a part of the nodes, each time of others."""
        self._turn += 1
        loads = []
        for place in range(self._turn % LOAD_SHARE, len(self.nodes), LOAD_SHARE):
            node = self.nodes[place]
            done = node.tasks_done + 1
            load = NodeLoad(
                id=node.id,
                slots_used=self._random.randint(0, node.slots),
                tokens_per_second=self._random.uniform(0.9, 1.1)
                * (node.tokens_per_second or 20.0),
                tasks_done=done,
                tasks_failed=done // _FAILS,
                seen_at=self.now,
            )
            fields = {name: getattr(load, name) for name in load.__struct_fields__}
            self.nodes[place] = msgspec.structs.replace(node, **fields)
            loads.append(load)
        models = tuple(self._model(name) for name in MODELS)
        return FeedStats(
            seq=self.seq, stats=self._stats(), nodes=tuple(loads), models=models
        )

    def _event(
        self,
        kind: Literal["task", "node", "standing"],
        what: str,
        *,
        task: TaskSnapshot | None = None,
        node: NodeSnapshot | None = None,
        standing: StandingChange | None = None,
    ) -> ClubEvent:
        self.seq += 1
        return ClubEvent(
            seq=self.seq,
            at=self.now,
            kind=kind,
            what=what,
            task=task,
            node=node,
            standing=standing,
        )

    def _ask(self) -> ClubEvent:
        self._tasks += 1
        task = TaskSnapshot(
            id=f"{self._random.getrandbits(128):032x}",
            member=f"m_{self._tasks % 40:012d}",
            model=self._random.choice(MODELS),
            kind="chat",
            mode="single",
            state="queued",
            node="",
            node_name="",
            attempts=0,
            reason="all slots of its nodes are in use",
            created_at=self.now,
            ended_at=0.0,
            queued_ms=0,
            first_token_ms=0,
            total_ms=0,
            prompt_tokens=self._random.randint(10, 900),
            completion_tokens=0,
        )
        self._wait(task, self._random.uniform(0.0, 0.5))
        return self._event("task", "queued", task=task)

    def _go_on(self, task: TaskSnapshot) -> Iterator[ClubEvent]:
        draw, ms = self._random, round((self.now - task.created_at) * 1000)
        match task.state:
            case "queued":
                node = draw.choice(self.nodes)
                moved = msgspec.structs.replace(
                    task,
                    state="offered",
                    node=node.id,
                    node_name=node.name,
                    attempts=1,
                    reason="",
                    queued_ms=ms,
                )
                self._wait(moved, 0.02)
            case "offered":
                moved = msgspec.structs.replace(task, state="running")
                self._wait(moved, draw.uniform(0.1, 1.0))
            case "running":
                moved = msgspec.structs.replace(
                    task, state="replying", first_token_ms=ms
                )
                self._wait(moved, draw.uniform(0.5, 6.0))
            case _:
                yield from self._end(task, ms)
                return
        yield self._event("task", moved.state, task=moved)

    def _end(self, task: TaskSnapshot, ms: int) -> Iterator[ClubEvent]:
        fails = self._random.randrange(_FAILS) == 0
        tokens = 0 if fails else ms // 20
        self._failed += fails
        self._done += not fails
        self._tokens += tokens
        ended = msgspec.structs.replace(
            task,
            state="failed" if fails else "done",
            reason="the node was lost" if fails else "",
            ended_at=self.now,
            total_ms=ms,
            completion_tokens=tokens,
        )
        self._ended.append(ended)
        yield self._event("task", ended.state, task=ended)
        yield self._judge(ended)
        if (self._done + self._failed) % _NODE_CHANGES == 0:
            yield self._event("node", "changed", node=self._random.choice(self.nodes))

    def _judge(self, task: TaskSnapshot) -> ClubEvent:
        points = -20 if task.state == "failed" else 10
        change = StandingChange(
            number=self._done + self._failed,
            node=task.node,
            name=task.node_name,
            change="timeout" if points < 0 else "completed",
            points=points,
            held=0,
            total=self._random.randint(0, 5000),
            count=1,
            model=task.model,
            cause=f"task:{task.id}",
            why="no answer within 30 s" if points < 0 else "",
        )
        return self._event("standing", change.change, standing=change)

    def _wait(self, task: TaskSnapshot, seconds: float) -> None:
        heapq.heappush(self._due, (self.now + seconds, self.seq, task))

    def _node(self, number: int) -> NodeSnapshot:
        return NodeSnapshot(
            id=f"{self._random.getrandbits(260):052x}"[-52:],
            name=f"node-{number:04d}",
            state="lost" if number % 100 == 99 else "alive",
            owner=f"member-{number % 40}",
            backend=("lmstudio", "ollama", "llamacpp")[number % 3],
            models=tuple(
                ModelOffer(name=name, context=8192, tokens_per_second=40.0)
                for name in MODELS[number % 3 : number % 3 + 2]
            ),
            slots=1 + number % 8,
            slots_used=0,
            vram_gb=8.0,
            tokens_per_second=self._random.uniform(5.0, 120.0),
            tasks_done=number,
            tasks_failed=number // _FAILS,
            joined_at=self.now - 3600.0,
            seen_at=self.now,
            version="clubai-agent 0.1.0",
            standing=NodeStanding(points=number, held=number % 7),
        )

    def _model(self, name: str) -> ModelSnapshot:
        slots, used = 4 * len(self.nodes), self._turn % (len(self.nodes) + 1)
        return ModelSnapshot(
            name=name,
            nodes=len(self.nodes) // 2,
            warm=len(self.nodes) // 2,
            slots=slots,
            slots_free=slots - used,
            context=8192,
            kinds=("chat", "completion"),
        )

    def _stats(self) -> ClubStats:
        queued = sum(task.state == "queued" for _, _, task in self._due)
        lost = sum(node.state == "lost" for node in self.nodes)
        return ClubStats(
            started_at=self._began,
            now=self.now,
            nodes_alive=len(self.nodes) - lost,
            nodes_known=len(self.nodes),
            slots=sum(node.slots for node in self.nodes),
            slots_used=sum(node.slots_used for node in self.nodes),
            tasks_queued=queued,
            tasks_running=len(self._due) - queued,
            tasks_done=self._done,
            tasks_failed=self._failed,
            tasks_retried=0,
            prompt_tokens=100 * self._done,
            completion_tokens=self._tokens,
            members=40,
            tasks_ever=self._done + self._failed,
        )
