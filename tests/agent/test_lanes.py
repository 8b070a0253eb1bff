from __future__ import annotations

from collections import Counter

import anyio
import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from clubai.agent.backends.base import UsageReport
from clubai.agent.lanes import Lanes
from clubai.agent.view import RECENT, WorkCounts
from clubai.core.agent import AssignmentKey
from clubai.model import FailCode, TaskId, task_text
from clubai.protocol.assignment import Assigned
from support.clock import Clock

MIDNIGHT = 1_700_006_400.0
"""2023-11-15, 00:00 UTC."""


class Played:
    """An answer that is as far as a test says."""

    def __init__(
        self, *, pieces: int = 0, first_ms: int = 0, elapsed_ms: int = 0
    ) -> None:
        self.pieces = pieces
        self.first_ms = first_ms
        self.elapsed_ms = elapsed_ms
        self.usage: UsageReport | None = None

    def finish(self, prompt: int, completion: int) -> None:
        self.usage = UsageReport(
            prompt_tokens=prompt, completion_tokens=completion, raw=msgspec.Raw(b"{}")
        )


def key(number: int, attempt: int = 0) -> AssignmentKey:
    return AssignmentKey(TaskId(bytes([number]) * 16), 0, attempt)


def assigned(model: str = "m") -> Assigned:
    return Assigned(
        node=b"n" * 32,
        bundle=b"",
        bundle_sig=bytes(64),
        boot=bytes(16),
        model=model,
        kind="chat",
        max_tokens=10,
        stream=True,
        deadline_s=60.0,
    )


def lanes_at(now: float = MIDNIGHT + 10) -> tuple[Lanes, Clock]:
    clock = Clock(now)
    return Lanes(wall_ms=lambda: int(clock() * 1000)), clock


def work(lanes: Lanes, number: int, played: Played, model: str = "m") -> None:
    lanes.arrived(key(number), assigned(model))
    lanes.working(key(number), played)


def test_a_lane_comes_with_the_work_and_goes_with_it() -> None:
    lanes, clock = lanes_at()
    lanes.arrived(key(1), assigned())
    [lane] = lanes.view()
    assert (lane.task, lane.model, lane.kind) == (task_text(key(1).task), "m", "chat")
    assert (lane.stage, lane.started_at) == ("arriving", clock.now)
    assert (lane.pieces, lane.pieces_per_second, lane.first_token_ms) == (0, 0.0, 0)

    played = Played()
    lanes.working(key(1), played)
    clock.forward(3)
    played.pieces, played.first_ms, played.elapsed_ms = 21, 500, 2500
    [lane] = lanes.view()
    assert (lane.stage, lane.pieces, lane.first_token_ms) == ("working", 21, 500)
    assert lane.pieces_per_second == 10.0
    assert lane.started_at == clock.now - 3

    lanes.stopping(key(1))
    assert [lane.stage for lane in lanes.view()] == ["stopping"]

    lanes.ended(key(1), FailCode.CANCELLED)
    assert lanes.view() == ()
    assert lanes.idle


def test_what_ended_is_kept_as_it_ended() -> None:
    lanes, clock = lanes_at()
    played = Played(pieces=3, first_ms=40, elapsed_ms=900)
    work(lanes, 1, played)
    played.finish(5, 2)
    clock.forward(2.5)
    lanes.ended(key(1), None)
    work(lanes, 2, Played(pieces=3, first_ms=40))
    lanes.ended(key(2), FailCode.BACKEND)
    lanes.arrived(key(3), assigned())
    lanes.ended(key(3), FailCode.CANCELLED)
    lanes.refused()

    cancelled, failed, done = lanes.recent
    assert (done.ending, done.code) == ("done", "")
    assert (done.prompt_tokens, done.completion_tokens) == (5, 2)
    assert (done.seconds, done.ended_at) == (2.5, clock.now)
    assert done.first_token_ms == 40
    assert (failed.ending, failed.code) == ("failed", "backend")
    assert (cancelled.ending, cancelled.code) == ("cancelled", "cancelled")
    counts = WorkCounts(
        done=1, failed=1, cancelled=1, refused=1, prompt_tokens=5, completion_tokens=2
    )
    assert lanes.today == lanes.since_start == counts


def test_tokens_of_an_answer_that_did_not_arrive_are_not_counted() -> None:
    lanes, _ = lanes_at()
    played = Played(pieces=3)
    work(lanes, 1, played)
    played.finish(5, 2)

    lanes.ended(key(1), FailCode.NODE_LOST)

    assert lanes.since_start == WorkCounts(cancelled=1)


def test_a_lost_connection_ends_all_lanes() -> None:
    lanes, _ = lanes_at()
    work(lanes, 1, Played())
    lanes.arrived(key(2), assigned())

    lanes.lost()

    assert lanes.idle
    assert {(ended.ending, ended.code) for ended in lanes.recent} == {
        ("cancelled", "node_lost")
    }


def test_a_day_begins_at_midnight_utc() -> None:
    lanes, clock = lanes_at(MIDNIGHT - 1)
    lanes.refused()
    assert lanes.today.refused == 1

    clock.now = MIDNIGHT
    assert lanes.today == WorkCounts()
    lanes.refused()
    lanes.refused()

    assert (lanes.today.refused, lanes.since_start.refused) == (2, 3)


def test_an_assignment_that_comes_twice_is_one_lane() -> None:
    lanes, clock = lanes_at()
    work(lanes, 1, Played(pieces=4))
    clock.forward(5)

    lanes.arrived(key(1), assigned())

    [lane] = lanes.view()
    assert (lane.stage, lane.pieces, lane.started_at) == ("working", 4, clock.now - 5)


def test_what_is_not_there_cannot_end() -> None:
    lanes, _ = lanes_at()

    lanes.stopping(key(1))
    lanes.ended(key(1), None)

    assert (lanes.recent, lanes.since_start) == ((), WorkCounts())


def test_the_speed_of_a_model_follows_its_answers() -> None:
    lanes, _ = lanes_at()
    for tokens, speed in ((21, 10.0), (41, 13.0)):
        played = Played(pieces=tokens, first_ms=500, elapsed_ms=2500)
        work(lanes, 1, played)
        played.finish(5, tokens)
        lanes.ended(key(1), None)
        assert lanes.speed("m") == pytest.approx(speed)
    assert lanes.speed("n") == 0.0


@pytest.mark.parametrize("elapsed_ms", [500, 599])
def test_an_answer_that_came_all_at_once_tells_no_speed(elapsed_ms: int) -> None:
    lanes, _ = lanes_at()
    played = Played(pieces=100, first_ms=500, elapsed_ms=elapsed_ms)
    work(lanes, 1, played)
    played.finish(5, 100)
    assert lanes.view()[0].pieces_per_second == 0.0

    lanes.ended(key(1), None)

    assert lanes.speed("m") == 0.0


async def test_whoever_waits_wakes_when_the_last_lane_goes() -> None:
    lanes, _ = lanes_at()
    await lanes.wait_idle()
    work(lanes, 1, Played())
    work(lanes, 2, Played())
    woken: list[bool] = []

    async def wait() -> None:
        await lanes.wait_idle()
        woken.append(lanes.idle)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        lanes.ended(key(1), None)
        await anyio.wait_all_tasks_blocked()
        assert woken == []
        lanes.ended(key(2), None)
    assert woken == [True]


CODES = st.sampled_from([None, *FailCode])
NUMBERS = st.integers(0, 5)


class LanesMachine(RuleBasedStateMachine):
    """Any order of what a driver tells; a plain model beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes, self.clock = lanes_at()
        self.open: dict[AssignmentKey, str] = {}
        self.ended: list[FailCode | None] = []
        self.refused = 0

    @rule(number=NUMBERS)
    def arrive(self, number: int) -> None:
        self.lanes.arrived(key(number), assigned())
        self.open.setdefault(key(number), "arriving")

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def work(self, data: st.DataObject) -> None:
        which = data.draw(st.sampled_from(sorted(self.open)))
        played = Played()
        played.finish(3, 4)
        self.lanes.working(which, played)
        self.open[which] = "working"

    @rule(number=NUMBERS)
    def stop(self, number: int) -> None:
        self.lanes.stopping(key(number))
        if key(number) in self.open:
            self.open[key(number)] = "stopping"

    @rule(number=NUMBERS, code=CODES)
    def end(self, number: int, code: FailCode | None) -> None:
        self.lanes.ended(key(number), code)
        if self.open.pop(key(number), None):
            self.ended.append(code)

    @rule(times=st.integers(1, RECENT))
    def come_and_go(self, times: int) -> None:
        for _ in range(times):
            self.lanes.arrived(key(9), assigned())
            self.lanes.ended(key(9), FailCode.BACKEND)
            self.ended.append(FailCode.BACKEND)

    @rule()
    def refuse(self) -> None:
        self.lanes.refused()
        self.refused += 1

    @rule()
    def lose(self) -> None:
        self.lanes.lost()
        self.ended += [FailCode.NODE_LOST] * len(self.open)
        self.open.clear()

    @rule(hours=st.integers(1, 30))
    def wait(self, hours: int) -> None:
        self.clock.forward(hours * 3600)

    @invariant()
    def lanes_are_what_is_open(self) -> None:
        shown = [(lane.task, lane.stage) for lane in self.lanes.view()]
        assert shown == [
            (task_text(each.task), stage) for each, stage in self.open.items()
        ]
        assert self.lanes.idle == (not self.open)

    @invariant()
    def counts_are_of_all_that_ended(self) -> None:
        counts, codes = self.lanes.since_start, Counter(self.ended)
        given_up = codes[FailCode.CANCELLED] + codes[FailCode.NODE_LOST]
        assert (counts.done, counts.cancelled) == (codes[None], given_up)
        assert counts.failed == codes.total() - codes[None] - given_up
        assert counts.refused == self.refused
        assert counts.completion_tokens % 4 == 0
        assert counts.completion_tokens // 4 * 3 == counts.prompt_tokens
        today = self.lanes.today
        assert today.done <= counts.done
        assert today.failed <= counts.failed

    @invariant()
    def the_newest_are_kept(self) -> None:
        kept = [ended.code for ended in self.lanes.recent]
        newest = self.ended[::-1][:RECENT]
        assert kept == [code.value if code else "" for code in newest]


TestLanesMachine = LanesMachine.TestCase
TestLanesMachine.settings = settings(stateful_step_count=30)
