"""Any interleaving of nodes, clients and time, honest or not, against a small model."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from clubai.core.commands import (
    CancelAttempt,
    Command,
    DropNode,
    FailTask,
    FinishTask,
    OfferTask,
    RecordTask,
    RejectNode,
    SayWait,
)
from clubai.core.coordinator import CoordinatorMachine
from clubai.core.events import (
    AttemptFailed,
    ClientKey,
    ClientLeft,
    Event,
    NodeKicked,
    NodeLeft,
    NodePaused,
    NodeReported,
    ReplyBegun,
    TaskAccepted,
    TaskCancelled,
    TaskFinished,
    TaskRequested,
    TaskStopped,
)
from clubai.core.limits import CoordinatorLimits
from clubai.core.news import NodeNews
from clubai.core.nodes import Node, node_snapshot
from clubai.model import (
    FailCode,
    ModelOffer,
    NodeId,
    NodeSnapshot,
    TaskId,
    TaskSnapshot,
    Usage,
)
from support.scene import START, joined, node_id, offer, requested

NODES = tuple(node_id(name) for name in ("ant", "bee", "cat", "dog"))
NAMES = dict(zip(NODES, ("ant", "bee", "cat", "dog"), strict=True))
OFFERS = (
    offer("llama"),
    offer("llama", context=4096),
    offer("llama", context=8192, warm=False),
    offer("llama", warm=False, tokens_per_second=float("inf")),
    offer("embed", kinds=("embedding",), context=512),
    offer("other", tokens_per_second=float("nan")),
)
LIMITS = CoordinatorLimits(max_queue=6, max_queue_member=4, ended_kept=8)

nodes = st.sampled_from(NODES)
some_nodes = st.lists(nodes, max_size=2).map(tuple)
offers = st.lists(st.sampled_from(OFFERS), max_size=3).map(tuple)
pick = st.integers(0, 1 << 16)
Key = tuple[TaskId, int]
"""A task and one attempt at it."""


class Club(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.machine = CoordinatorMachine(limits=LIMITS)
        self.twin = CoordinatorMachine(limits=LIMITS)
        self.now = START
        self.here: dict[NodeId, tuple[int, tuple[ModelOffer, ...]]] = {}
        self.shut: set[NodeId] = set()
        self.held: set[NodeId] = set()
        self.leases: dict[Key, NodeId] = {}
        self.accepted: set[Key] = set()
        self.begun: set[TaskId] = set()
        self.requests: dict[TaskId, TaskRequested] = {}
        self.tried: dict[TaskId, list[NodeId]] = {}
        self.ended: Counter[TaskId] = Counter()
        self.recorded: Counter[TaskId] = Counter()
        self.gone_clients: set[ClientKey] = set()
        self.clients = [ClientKey(number) for number in range(3)]
        self.shown: dict[str, TaskSnapshot | NodeSnapshot] = {}
        self.machine.news.task = lambda task, now: self.show(task.snapshot())
        self.machine.news.node = self.show_node

    def show(self, snapshot: TaskSnapshot | NodeSnapshot) -> None:
        self.shown[snapshot.id] = snapshot

    def show_node(self, node: Node, news: NodeNews, now: float) -> None:
        state = "lost" if news == "lost" else node.state
        self.show(node_snapshot(node, state))

    # what the model of the test says to each event and command

    def tell(self, event: Event) -> list[Command]:
        if isinstance(event, TaskRequested):
            self.requests[event.task] = event
            self.tried[event.task] = []
        commands = self.machine.handle(event, now=self.now)
        assert commands == self.twin.handle(event, now=self.now)
        for command in commands:
            self.check(command)
        return commands

    def check(self, command: Command) -> None:
        match command:
            case OfferTask():
                self.check_offer(command)
            case FailTask() | FinishTask():
                self.check_end(command)
            case CancelAttempt():
                assert self.leases.pop((command.task, command.attempt)) == command.node
            case RecordTask():
                self.recorded[TaskId(command.facts.id)] += 1
                assert self.recorded[TaskId(command.facts.id)] == 1
            case DropNode():
                self.forget_node(command.node)
            case SayWait():
                assert not self.recorded[command.task]
                assert all(task != command.task for task, _ in self.leases)
            case RejectNode():
                assert self.hostile

    hostile = False

    def check_offer(self, command: OfferTask) -> None:
        request, tried = self.requests[command.task], self.tried[command.task]
        slots, models = self.here[command.node]
        assert command.node not in (*self.shut, *self.held)
        assert command.node not in (*tried, *request.exclude)
        assert not request.pinned or command.node in request.pinned
        assert any(
            model.name == request.model and request.kind in model.kinds
            for model in models
        )
        assert command.client == request.client not in self.gone_clients
        assert command.task not in self.begun
        assert command.attempt == len(tried) < LIMITS.max_attempts
        self.leases = {
            key: node for key, node in self.leases.items() if key[0] != command.task
        }
        self.leases[command.task, command.attempt] = command.node
        tried.append(command.node)
        assert list(self.leases.values()).count(command.node) <= slots

    def check_end(self, command: FailTask | FinishTask) -> None:
        assert command.client not in self.gone_clients
        assert self.recorded[command.task] == 1
        self.ended[command.task] += 1
        assert self.ended[command.task] == 1
        if isinstance(command, FailTask):
            assert command.attempts == len(self.tried[command.task])
            assert command.begun == (command.task in self.begun)
            assert command.message
        self.leases.pop((command.task, command.attempt), None)

    def forget_node(self, node: NodeId) -> None:
        self.here.pop(node, None)
        self.shut.discard(node)
        self.leases = {key: at for key, at in self.leases.items() if at != node}

    # what may happen

    @initialize(models=offers)
    def begin(self, models: tuple[ModelOffer, ...]) -> None:
        self.join(NODES[0], (OFFERS[0], *models), 1)

    @rule(node=nodes, models=offers, slots=st.integers(0, 3))
    def join(self, node: NodeId, models: tuple[ModelOffer, ...], slots: int) -> None:
        # in the machine, what the node held is retried before it is in again
        self.leases = {key: at for key, at in self.leases.items() if at != node}
        self.here.pop(node, None)
        self.shut.discard(node)
        event = joined(NAMES[node], *models, slots=slots)
        self.here[node] = (slots, event.models)
        self.tell(event)

    @rule(node=nodes)
    def leave(self, node: NodeId) -> None:
        self.forget_node(node)
        self.tell(NodeLeft(node=node, reason="closed"))

    @rule(node=nodes)
    def kick(self, node: NodeId) -> None:
        here = node in self.here
        commands = self.tell(NodeKicked(node=node, reason="kicked"))
        assert [c.node for c in commands if isinstance(c, DropNode)] == [node] * here

    @rule(
        node=nodes,
        models=st.none() | offers,
        slots=st.none() | st.integers(-1, 3),
        paused=st.sampled_from([False, False, True]),
        draining=st.sampled_from([False, False, False, True]),
        lists=st.sampled_from(["all", "all", "none", "foreign"]),
    )
    def report(
        self,
        node: NodeId,
        models: tuple[ModelOffer, ...] | None,
        slots: int | None,
        paused: bool,
        draining: bool,
        lists: str,
    ) -> None:
        slots_now, models_now = self.here.get(node, (1, (OFFERS[0],)))
        slots_now = slots_now if slots is None else slots
        models_now = models_now if models is None else models
        if node in self.here:
            self.here[node] = (max(slots_now, 0), models_now)
            self.shut.discard(node)
            if paused or draining:
                self.shut.add(node)
        held = [key[0] for key, at in self.leases.items() if at == node]
        running = {"all": held, "none": [], "foreign": list(self.requests)}[lists]
        # two heartbeats that leave a task out end its lease: the model follows the
        # CancelAttempt that comes with it
        self.tell(
            NodeReported(
                node=node,
                models=models_now,
                slots=slots_now,
                running=tuple(running),
                paused=paused,
                draining=draining,
            )
        )

    @rule(node=nodes, paused=st.booleans(), drain=st.booleans())
    def hold(self, node: NodeId, paused: bool, drain: bool) -> None:
        (self.held.add if paused else self.held.discard)(node)
        self.tell(NodePaused(node=node, paused=paused, drain=drain))

    @rule(
        client=pick,
        member=st.sampled_from(["m_a", "m_b"]),
        model=st.sampled_from(["llama", "llama", "llama", "embed", "other", "none"]),
        kind=st.sampled_from(["chat", "chat", "chat", "embedding"]),
        prompt=st.sampled_from([0, 0, 100, 5000, 1 << 40]),
        wait_s=st.sampled_from([0.0, 8.0, 60.0, float("nan")]),
        deadline_s=st.sampled_from([0.0, 7.0, 600.0, 600.0]),
        exclude=some_nodes | st.just(()),
        pinned=st.just(()) | st.just(()) | some_nodes,
    )
    def request(self, client: int, prompt: int, **fields: Any) -> None:
        self.tell(
            requested(
                f"t{len(self.requests)}",
                client=self.clients[client % len(self.clients)],
                prompt_tokens=prompt,
                **fields,
            )
        )

    def lease(self, number: int) -> tuple[NodeId, TaskId, int]:
        keys = list(self.leases)
        task, attempt = keys[number % len(keys)]
        return self.leases[task, attempt], task, attempt

    @precondition(lambda self: self.leases)
    @rule(number=pick)
    def accept(self, number: int) -> None:
        node, task, attempt = self.lease(number)
        self.tell(TaskAccepted(node=node, task=task, part=0, attempt=attempt))

    @precondition(lambda self: self.leases)
    @rule(number=pick)
    def reply(self, number: int) -> None:
        node, task, attempt = self.lease(number)
        self.begun.add(task)
        self.tell(ReplyBegun(node=node, task=task, part=0, attempt=attempt))

    @precondition(lambda self: self.leases)
    @rule(number=pick, tokens=st.sampled_from([0, 1, 50, -3, 1 << 70]))
    def finish(self, number: int, tokens: int) -> None:
        node, task, attempt = self.lease(number)
        commands = self.tell(
            TaskFinished(
                node=node,
                task=task,
                part=0,
                attempt=attempt,
                usage=Usage(prompt_tokens=tokens, completion_tokens=tokens),
                first_token_ms=tokens,
                total_ms=5,
                request_bytes=10_000,
                answer_bytes=10_000,
            )
        )
        assert [c.task for c in commands if isinstance(c, FinishTask)] == [task]

    @precondition(lambda self: self.leases)
    @rule(number=pick, code=st.sampled_from(FailCode))
    def fail(self, number: int, code: FailCode) -> None:
        node, task, attempt = self.lease(number)
        del self.leases[task, attempt]
        self.tell(
            AttemptFailed(
                node=node, task=task, part=0, attempt=attempt, code=code, message="x"
            )
        )

    @precondition(lambda self: self.requests)
    @rule(
        node=nodes,
        number=pick,
        part=st.sampled_from([0, 0, 0, 1]),
        attempt=st.integers(-1, 3),
        what=st.sampled_from([TaskAccepted, ReplyBegun, AttemptFailed, TaskFinished]),
    )
    def lie(
        self, node: NodeId, number: int, part: int, attempt: int, what: type[Any]
    ) -> None:
        """Answer for whatever is not this node's to answer for now."""
        task = list(self.requests)[number % len(self.requests)]
        if part == 0 and self.leases.get((task, attempt)) == node:
            return
        fields: dict[str, Any] = {}
        if what is AttemptFailed:
            fields = {"code": FailCode.BACKEND, "message": "x"}
        if what is TaskFinished:
            fields = {
                "usage": Usage(),
                "first_token_ms": 1,
                "total_ms": 2,
                "request_bytes": 3,
                "answer_bytes": 3,
            }
        tried = self.tried[task]
        once = part == 0 and 0 <= attempt < len(tried) and tried[attempt] == node
        live = not self.recorded[task] and node in self.here
        self.hostile = True
        commands = self.tell(
            what(node=node, task=task, part=part, attempt=attempt, **fields)
        )
        self.hostile = False
        assert [type(c) for c in commands] == [RejectNode] * (live and not once)

    @precondition(lambda self: self.requests)
    @rule(number=pick, client=pick)
    def cancel(self, number: int, client: int) -> None:
        task = list(self.requests)[number % len(self.requests)]
        key = self.clients[client % len(self.clients)]
        live = not self.recorded[task] and self.requests[task].client == key
        commands = self.tell(TaskCancelled(client=key, task=task))
        ends = [c.task for c in commands if isinstance(c, FailTask)]
        assert ends == [task] * live

    @precondition(lambda self: self.requests)
    @rule(number=pick)
    def stop(self, number: int) -> None:
        task = list(self.requests)[number % len(self.requests)]
        live = not self.recorded[task]
        commands = self.tell(TaskStopped(task=task, reason="enough"))
        assert [c.task for c in commands if isinstance(c, FailTask)] == [task] * live

    @rule(number=pick)
    def client_leaves(self, number: int) -> None:
        number %= len(self.clients)
        gone = self.clients[number]
        self.gone_clients.add(gone)
        self.clients[number] = ClientKey(gone + len(self.clients))
        self.tell(ClientLeft(client=gone))
        assert all(
            self.recorded[task]
            for task, request in self.requests.items()
            if request.client == gone
        )

    @rule(seconds=st.sampled_from([0.0, 0.5, 5.0, 10.0, 16.0, 26.0, 46.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        commands = self.machine.advance(now=self.now)
        assert commands == self.twin.advance(now=self.now)
        for command in commands:
            self.check(command)
        due = self.machine.next_deadline()
        assert due is None or due > self.now

    # what always holds

    @invariant()
    def what_is_told_is_what_is_seen(self) -> None:
        for task in self.machine.tasks():
            assert self.shown[task.id] == task
        for node in self.machine.nodes():
            told = self.shown[node.id]
            assert isinstance(told, NodeSnapshot)
            assert repr((told.state, told.slots, told.models)) == repr(  # it has a nan
                (node.state, node.slots, node.models)
            )

    @invariant()
    def the_state_agrees_with_itself(self) -> None:
        self.machine.validate()

    @invariant()
    def the_counts_agree_with_what_was_told(self) -> None:
        stats = self.machine.stats(
            now=self.now, started_at=START, members=0, tasks_before=0
        )
        assert stats.slots_used == len(self.leases)
        assert stats.tasks_running == len(self.leases)
        assert stats.tasks_done + stats.tasks_failed == sum(self.recorded.values())
        live = [task for task in self.requests if not self.recorded[task]]
        assert stats.tasks_queued == len(live) - len(self.leases)
        assert self.machine.idle == (not live)

    @invariant()
    def the_models_agree_with_what_nodes_said(self) -> None:
        offered: Counter[str] = Counter()
        for node, (_, models) in self.here.items():
            for name in {model.name for model in models}:
                offered[name] += node not in (*self.shut, *self.held)
        shown = {model.name: model.nodes for model in self.machine.models()}
        assert shown == offered

    @invariant()
    def whoever_is_told_the_end_has_not_left(self) -> None:
        for task, request in self.requests.items():
            if self.recorded[task] and request.client not in self.gone_clients:
                assert self.ended[task] == 1

    def teardown(self) -> None:
        """When every node does its work and time goes on, every task ends."""
        for _ in range(150):
            if self.machine.idle:
                break
            for node in list(self.here):
                self.report(node, None, None, False, False, "all")
            while self.leases:
                self.finish(0, 5)
            self.time_passes(5.0)
            self.machine.validate()
        assert self.machine.idle
        assert all(self.recorded[task] == 1 for task in self.requests)


Club.TestCase.settings = settings(stateful_step_count=40)
TestClub = Club.TestCase
