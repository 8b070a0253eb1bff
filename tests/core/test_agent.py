from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from clubai.core.agent import (
    FIRST_BACKOFF_S,
    LONGEST_BACKOFF_S,
    Accept,
    AgentCommand,
    AgentEvent,
    AgentMachine,
    AssignmentArrived,
    AssignmentKey,
    CancelArrived,
    DrainChanged,
    LinkLost,
    PauseChanged,
    Refuse,
    RequestCompleted,
    SlotsChanged,
    StartWork,
    StopWork,
    WorkEnded,
    backoff,
)
from clubai.model import FailCode
from support.scene import task_id

NOW = 50.0


def tell(machine: AgentMachine, event: AgentEvent) -> list[AgentCommand]:
    commands = machine.handle(event, now=NOW)
    machine.validate()
    return commands


def arrive(machine: AgentMachine, name: str, attempt: int = 0) -> list[AgentCommand]:
    return tell(
        machine,
        AssignmentArrived(
            task=task_id(name),
            part=0,
            attempt=attempt,
            model="llama",
            deadline_s=600.0,
        ),
    )


def complete(machine: AgentMachine, name: str) -> list[AgentCommand]:
    return tell(machine, RequestCompleted(task=task_id(name), part=0, attempt=0))


def cancel(machine: AgentMachine, name: str) -> list[AgentCommand]:
    return tell(machine, CancelArrived(task=task_id(name), part=0, attempt=0))


def end(machine: AgentMachine, name: str) -> list[AgentCommand]:
    return tell(machine, WorkEnded(task=task_id(name), part=0, attempt=0))


def test_work_begins_when_the_request_is_whole() -> None:
    machine = AgentMachine(slots=1)
    assert arrive(machine, "t") == []

    ids = {"task": task_id("t"), "part": 0, "attempt": 0}
    assert complete(machine, "t") == [
        Accept(**ids),
        StartWork(**ids, model="llama", deadline=NOW + 600.0),
    ]


def test_a_slot_is_held_from_the_arrival_to_the_end_of_the_work() -> None:
    machine = AgentMachine(slots=2)
    free = [machine.free]
    arrive(machine, "t")
    free.append(machine.free)
    complete(machine, "t")
    free.append(machine.free)
    end(machine, "t")
    free.append(machine.free)

    assert free == [2, 1, 1, 2]
    assert machine.idle


def test_what_arrives_without_a_free_slot_is_refused() -> None:
    machine = AgentMachine(slots=1)
    arrive(machine, "t")
    (refusal,) = arrive(machine, "u")

    assert isinstance(refusal, Refuse)
    assert (refusal.task, refusal.code) == (task_id("u"), FailCode.BUSY)
    assert "1 slots" in refusal.message
    assert machine.running == (task_id("t"),)


@pytest.mark.parametrize(
    ("event", "word"),
    [(PauseChanged(paused=True), "paused"), (DrainChanged(draining=True), "draining")],
)
def test_a_node_that_wants_none_refuses_and_keeps_what_it_has(
    event: AgentEvent, word: str
) -> None:
    machine = AgentMachine(slots=3)
    arrive(machine, "working")
    complete(machine, "working")
    arrive(machine, "arriving")
    assert tell(machine, event) == []
    (refusal,) = arrive(machine, "new")

    assert isinstance(refusal, Refuse)
    assert word in refusal.message
    assert machine.free == 0
    assert len(complete(machine, "arriving")) == 2


def test_a_resumed_node_takes_work_again() -> None:
    machine = AgentMachine(slots=1)
    tell(machine, PauseChanged(paused=True))
    tell(machine, PauseChanged(paused=False))

    assert arrive(machine, "t") == []
    assert machine.free == 0


def test_a_cancelled_arrival_frees_its_slot_at_once() -> None:
    machine = AgentMachine(slots=1)
    arrive(machine, "t")

    assert cancel(machine, "t") == []
    assert machine.idle
    assert complete(machine, "t") == []


def test_cancelled_work_holds_its_slot_until_it_has_really_ended() -> None:
    machine = AgentMachine(slots=1)
    arrive(machine, "t")
    complete(machine, "t")
    (stop,) = cancel(machine, "t")

    assert isinstance(stop, StopWork)
    assert cancel(machine, "t") == []
    assert (machine.free, machine.running, machine.idle) == (0, (), False)
    end(machine, "t")
    assert (machine.free, machine.idle) == (1, True)


def test_a_lost_link_stops_everything() -> None:
    machine = AgentMachine(slots=3)
    for name in ("t", "u", "v"):
        arrive(machine, name)
    complete(machine, "t")
    complete(machine, "v")
    stops = tell(machine, LinkLost())

    assert [type(stop) for stop in stops] == [StopWork, StopWork]
    assert [stop.task for stop in stops] == [task_id("t"), task_id("v")]
    assert machine.running == ()
    assert machine.free == 1


def test_fewer_slots_take_nothing_away() -> None:
    machine = AgentMachine(slots=2)
    arrive(machine, "t")
    arrive(machine, "u")
    tell(machine, SlotsChanged(slots=1))
    assert machine.free == 0
    cancel(machine, "t")
    assert machine.free == 0
    cancel(machine, "u")

    assert machine.free == 1


def test_more_slots_take_more() -> None:
    machine = AgentMachine(slots=1)
    tell(machine, SlotsChanged(slots=2))

    assert arrive(machine, "t") == arrive(machine, "u") == []
    assert machine.free == 0


def test_work_that_was_not_begun_cannot_end() -> None:
    machine = AgentMachine(slots=1)
    arrive(machine, "t")
    end(machine, "t")

    assert machine.running == (task_id("t"),)


def test_an_assignment_that_arrives_twice_is_one() -> None:
    machine = AgentMachine(slots=2)
    arrive(machine, "t")

    assert arrive(machine, "t") == []
    assert machine.free == 1


def test_another_attempt_at_a_task_is_another_assignment() -> None:
    machine = AgentMachine(slots=2)
    arrive(machine, "t", attempt=0)
    arrive(machine, "t", attempt=1)
    cancel(machine, "t")

    assert machine.running == (task_id("t"),)


def test_events_about_nothing_that_is_held_change_nothing() -> None:
    machine = AgentMachine(slots=1)

    assert complete(machine, "t") == cancel(machine, "t") == end(machine, "t") == []
    assert machine.free == 1


@pytest.mark.parametrize(
    ("attempt", "longest"),
    [(0, 0.5), (1, 1.0), (3, 4.0), (5, 16.0), (6, 30.0), (10**9, 30.0), (-1, 0.5)],
)
def test_the_back_off_doubles_up_to_its_longest(attempt: int, longest: float) -> None:
    assert backoff(attempt, 0.5) == longest / 2
    assert backoff(attempt, 0.0) == 0.0


@given(st.integers(), st.floats(0, 1, exclude_max=True))
def test_the_back_off_stays_in_its_bounds(attempt: int, fraction: float) -> None:
    assert 0 <= backoff(attempt, fraction) <= LONGEST_BACKOFF_S
    assert backoff(attempt, fraction) <= FIRST_BACKOFF_S * 2 ** min(max(attempt, 0), 6)


names = st.sampled_from(["t", "u", "v"])
attempts = st.integers(0, 1)


class Node(RuleBasedStateMachine):
    """Any order of events, against a table of what runs."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = AgentMachine(slots=2)
        self.twin = AgentMachine(slots=2)
        self.slots = 2
        self.open = True
        self.paused = self.draining = False
        self.arriving: set[AssignmentKey] = set()
        self.working: set[AssignmentKey] = set()
        self.stopping: set[AssignmentKey] = set()

    @property
    def held(self) -> int:
        return len(self.arriving) + len(self.working) + len(self.stopping)

    def tell(self, event: AgentEvent) -> list[AgentCommand]:
        commands = self.machine.handle(event, now=NOW)
        assert commands == self.twin.handle(event, now=NOW)
        for command in commands:
            if isinstance(command, StartWork):
                assert command.key not in self.working | self.stopping
                self.arriving.remove(command.key)
                self.working.add(command.key)
            if isinstance(command, StopWork):
                self.working.remove(command.key)
                self.stopping.add(command.key)
        return commands

    @rule(name=names, attempt=attempts)
    def arrives(self, name: str, attempt: int) -> None:
        key = AssignmentKey(task_id(name), 0, attempt)
        known = key in self.arriving | self.working | self.stopping
        room = self.held < self.slots and not self.paused and not self.draining
        event = AssignmentArrived(
            task=key.task, part=0, attempt=attempt, model="m", deadline_s=9.0
        )
        commands = self.tell(event)
        assert len(commands) == (not known and not room)
        if room and not known:
            self.arriving.add(key)

    @rule(name=names, attempt=attempts)
    def completes(self, name: str, attempt: int) -> None:
        key = AssignmentKey(task_id(name), 0, attempt)
        was = key in self.arriving
        commands = self.tell(RequestCompleted(task=key.task, part=0, attempt=attempt))
        assert [type(c) for c in commands] == [Accept, StartWork] * was

    @rule(name=names, attempt=attempts)
    def ends(self, name: str, attempt: int) -> None:
        key = AssignmentKey(task_id(name), 0, attempt)
        assert self.tell(WorkEnded(task=key.task, part=0, attempt=attempt)) == []
        self.working.discard(key)
        self.stopping.discard(key)

    @rule(name=names, attempt=attempts)
    def is_cancelled(self, name: str, attempt: int) -> None:
        key = AssignmentKey(task_id(name), 0, attempt)
        worked = key in self.working
        self.arriving.discard(key)
        commands = self.tell(CancelArrived(task=key.task, part=0, attempt=attempt))
        assert [type(c) for c in commands] == [StopWork] * worked

    @rule()
    def loses_the_link(self) -> None:
        self.arriving.clear()
        self.tell(LinkLost())
        assert not self.working

    @rule(slots=st.integers(-1, 4))
    def has_other_slots(self, slots: int) -> None:
        self.slots = max(slots, 0)
        assert self.tell(SlotsChanged(slots=slots)) == []

    @rule(paused=st.booleans(), draining=st.booleans())
    def changes_its_mind(self, paused: bool, draining: bool) -> None:
        self.paused, self.draining = paused, draining
        self.tell(PauseChanged(paused=paused))
        self.tell(DrainChanged(draining=draining))

    @invariant()
    def it_agrees_with_the_table(self) -> None:
        self.machine.validate()
        closed = self.paused or self.draining
        assert self.machine.free == (0 if closed else max(self.slots - self.held, 0))
        assert self.machine.idle == (not self.held)
        listed = {key.task for key in self.arriving | self.working}
        assert set(self.machine.running) == listed


Node.TestCase.settings = settings(stateful_step_count=30)
TestNode = Node.TestCase
