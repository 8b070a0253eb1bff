"""Four nodes of unlike speed in virtual time: all are busy while there is a backlog."""

from __future__ import annotations

from heapq import heappop, heappush

import pytest

from clubai.core.commands import Command, FailTask, FinishTask, OfferTask
from clubai.core.coordinator import CoordinatorMachine
from clubai.core.events import (
    ClientKey,
    Event,
    NodeReported,
    ReplyBegun,
    TaskAccepted,
    TaskFinished,
)
from clubai.model import ModelOffer, NodeId, TaskId, Usage
from support.scene import START, joined, node_id, requested

SPEEDS = {"walks": 10.0, "runs": 20.0, "rides": 40.0, "flies": 80.0}
TOKENS = 100
HORIZON_S = 600.0
BACKLOG = 40


class Road:
    """One heap of events over the machine; every node works at its own speed."""

    def __init__(self, slots: int) -> None:
        self.machine = CoordinatorMachine()
        self.now = START
        self.slots = slots
        self.busy_s = dict.fromkeys(SPEEDS, 0.0)
        self.done = dict.fromkeys(SPEEDS, 0)
        self.failed = 0
        self._heap: list[tuple[float, int, Event]] = []
        self._running: dict[NodeId, dict[TaskId, float]] = {
            node_id(name): {} for name in SPEEDS
        }
        self._names = {node_id(name): name for name in SPEEDS}
        self._count = 0
        self._asked = 0

    def post(self, at: float, event: Event) -> None:
        self._count += 1
        heappush(self._heap, (at, self._count, event))

    def ask(self) -> None:
        self._asked += 1
        self.post(
            self.now,
            requested(
                f"t{self._asked}",
                member=f"m_{self._asked % 5}",
                client=ClientKey(self._asked % 3),
                wait_s=10_000.0,
                deadline_s=10_000.0,
            ),
        )

    def beat(self, node: NodeId, at: float) -> None:
        self.post(
            at,
            NodeReported(
                node=node,
                models=(ModelOffer(name="llama"),),
                slots=self.slots,
                running=tuple(self._running[node]),
                paused=False,
                draining=False,
            ),
        )

    def run(self) -> None:
        for name in SPEEDS:
            self.post(START, joined(name, slots=self.slots))
            self.beat(node_id(name), START + 15.0)
        for _ in range(BACKLOG):
            self.ask()
        while self._heap and self._heap[0][0] <= START + HORIZON_S:
            at, _, event = heappop(self._heap)
            due = self.machine.next_deadline()
            while due is not None and due <= at:
                self.take(self.machine.advance(now=due))
                due = self.machine.next_deadline()
            self.now = at
            if isinstance(event, TaskFinished):
                self.finished(event)
            if isinstance(event, NodeReported):
                self.beat(event.node, at + 15.0)
            self.take(self.machine.handle(event, now=at))
        for node, running in self._running.items():
            for began in running.values():
                self.busy_s[self._names[node]] += START + HORIZON_S - began

    def finished(self, event: TaskFinished) -> None:
        name = self._names[event.node]
        self.busy_s[name] += self.now - self._running[event.node].pop(event.task)
        self.done[name] += 1

    def take(self, commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, OfferTask):
                self.work(command)
            elif isinstance(command, FinishTask):
                self.ask()
            elif isinstance(command, FailTask):
                self.failed += 1

    def work(self, offer: OfferTask) -> None:
        name = self._names[offer.node]
        ids = {"node": offer.node, "task": offer.task, "part": 0}
        self._running[offer.node][offer.task] = self.now
        assert len(self._running[offer.node]) <= self.slots
        self.post(self.now, TaskAccepted(**ids, attempt=offer.attempt))
        self.post(self.now + 0.05, ReplyBegun(**ids, attempt=offer.attempt))
        self.post(
            self.now + 0.05 + TOKENS / SPEEDS[name],
            TaskFinished(
                **ids,
                attempt=offer.attempt,
                usage=Usage(prompt_tokens=5, completion_tokens=TOKENS),
                first_token_ms=50,
                total_ms=round(TOKENS / SPEEDS[name] * 1000) + 50,
                request_bytes=10_000,
                answer_bytes=10_000,
            ),
        )


@pytest.mark.parametrize("slots", [1, 3])
def test_all_are_busy_and_share_by_speed_while_there_is_a_backlog(slots: int) -> None:
    road = Road(slots)
    road.run()

    assert road.failed == 0
    for name in SPEEDS:
        assert road.busy_s[name] > 0.95 * slots * HORIZON_S, name
    total = sum(road.done.values())
    pace = {name: 1 / (0.05 + TOKENS / speed) for name, speed in SPEEDS.items()}
    for name, done in road.done.items():
        share = pace[name] / sum(pace.values())
        assert done / total == pytest.approx(share, rel=0.05), name


def test_without_a_backlog_each_is_tried_and_then_the_fastest_is_asked() -> None:
    road = Road(1)
    for name in SPEEDS:
        road.machine.handle(joined(name), now=START)
    names = []
    for number in range(30):
        commands = road.machine.handle(requested(f"t{number}"), now=road.now)
        offer = next(c for c in commands if isinstance(c, OfferTask))
        names.append(offer.node_name)
        seconds = TOKENS / SPEEDS[offer.node_name]
        ids = {"node": offer.node, "task": offer.task, "part": 0, "attempt": 0}
        road.machine.handle(TaskAccepted(**ids), now=road.now)
        road.now += 0.05 + seconds
        finished = TaskFinished(
            **ids,
            usage=Usage(completion_tokens=TOKENS),
            first_token_ms=50,
            total_ms=round(1000 * seconds) + 50,
            request_bytes=10_000,
            answer_bytes=10_000,
        )
        road.machine.handle(finished, now=road.now)

    assert set(names) == set(SPEEDS)
    assert set(names[-10:]) == {"flies"}
