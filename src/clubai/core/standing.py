"""The judge within the machine: it is told what tasks show, and heeded by who works.

Points, audits and suspensions are the judge's; here is only what ties them to nodes and
tasks: which facts an ending is, whose work is kept away, and which audits are owed.
Without a judge nothing is told, and all nodes are equal.
"""

from __future__ import annotations

import math
import random
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from clubai.core.commands import Command, RecordStanding
from clubai.core.limits import CoordinatorLimits
from clubai.core.news import News
from clubai.core.nodes import Node
from clubai.core.registry import Registry
from clubai.core.tasks import Task
from clubai.model import FailCode, NodeId, NodeStanding, Usage, Value, task_text
from clubai.reputation.audits import owed_after
from clubai.reputation.events import StandingEvent
from clubai.reputation.facts import (
    AnswerGiven,
    AnswerMissed,
    Fact,
    NodeAppeared,
    PauseAnnounced,
    Promised,
    SpeedDoubted,
)
from clubai.reputation.hours import Hours
from clubai.reputation.judge import Judge
from clubai.reputation.promise import Schedule, parse_schedule
from clubai.reputation.record import Record
from clubai.reputation.selection import draw
from clubai.verification.plausibility import Machine, Speed, doubts
from clubai.verification.rates import Rates

MOST_OWED: Final = 4096
MOST_OWED_BY_ONE: Final = 40
"""Audits of one node and model."""


class Owed(Value, frozen=True, kw_only=True):
    """An audit that a node owes for work with a model."""

    node: NodeId
    model: str
    again: bool = False
    """An earlier one told nothing."""


class Standing:
    """What the machine knows of nodes' standing, by its judge."""

    def __init__(
        self,
        limits: CoordinatorLimits,
        registry: Registry,
        judge: Judge | None,
        rng: random.Random,
        *,
        news: News,
    ) -> None:
        self._limits = limits
        self._news = news
        self._registry = registry
        self._judge = judge
        self._rng = rng
        self._hours = Hours()
        self._here: set[NodeId] = set()
        self._paused: set[NodeId] = set()
        """By their own word, or their owner's."""
        self._changed = True
        """`_due` is to be looked for anew."""
        self._due = math.inf
        self._rates = Rates()
        self._owed: OrderedDict[Owed, int] = OrderedDict()
        """How many of each, the longest owed first."""
        self._canaries: dict[NodeId, float] = {}
        """When a node that is kept from work was last made to owe an audit."""
        self.on_owed: Callable[[], None] = lambda: None
        """Called when an audit is owed anew."""
        self.closing = False
        """The coordinator stops: what is lost by that is nobody's fault."""

    def begin(
        self,
        schedules: Mapping[NodeId, Schedule],
        paused: Iterable[NodeId],
        now: float,
    ) -> None:
        """The coordinator is up from now on; nobody is punished for before."""
        self._hours.coordinator_up(now)
        for node, schedule in schedules.items():
            self._hours.schedule(node, schedule, now)
        for node in paused:
            self._pause(node, True, now)
        self._changed = True

    @property
    def draws(self) -> bool:
        """Whether nodes are drawn by standing."""
        return self._judge is not None and self._judge.rules.selection

    def choose(self, nodes: Sequence[Node], model: str) -> Node:
        """Draw one of several nodes that are alike otherwise, by standing."""
        if self._judge is None or len(nodes) == 1:
            return nodes[0]
        weights = [self._judge.weight(node.id, model) * node.room for node in nodes]
        return nodes[draw(weights, self._rng)] if any(weights) else nodes[0]

    def may_seal(self, node: Node, model: str) -> bool:
        """Whether the node is proven enough for what only it can read."""
        return self._judge is None or self._judge.may_seal(node.id, model)

    def appeared(self, node: Node, now: float, out: list[Command]) -> None:
        """A node came, or named its models."""
        if self._judge is None:
            return
        models = tuple(offer.name for offer in node.models)
        fact = NodeAppeared(node=node.id, member=node.owner, models=models)
        self.tell(fact, now, out)
        self._heed([node.id])
        self.heard(node, now)

    def answered(
        self, task: Task, node: Node, usage: Usage, now: float, out: list[Command]
    ) -> None:
        """A node's answer is whole; now and then that makes it owe an audit."""
        if self._judge is None:
            return
        request = task.request
        seconds = max(now - task.began_at, 0.0)
        fact = AnswerGiven(
            node=node.id,
            asker=request.member,
            cause=f"task:{task_text(request.task)}",
            model=request.model,
            kind=request.kind,
            tokens=usage.completion_tokens,
            seconds=seconds,
            check=request.check,
        )
        self.tell(fact, now, out)
        if request.kind != "embedding":
            self._doubt(fact, usage, now, out)
        own = request.member == node.owner
        if own or request.check or request.kind != "chat":
            return
        if self._rng.random() < self._judge.audit_rate(node.id):
            self._owe(Owed(node=node.id, model=request.model))

    def _doubt(
        self, given: AnswerGiven, usage: Usage, now: float, out: list[Command]
    ) -> None:
        """Flag an answer that came faster than others can make it."""
        node, model, tokens = given.node, given.model, usage.completion_tokens
        most = self._rates.add(node, model, tokens, given.seconds, now)
        if not most:
            return
        speed = Speed(tokens=tokens, total_ms=given.seconds * 1000)
        why = "; ".join(doubts(speed, Machine(class_tokens_s=most)))
        doubted = SpeedDoubted(node=node, cause=given.cause, model=model, why=why)
        self.tell(doubted, now, out)

    def missed(
        self, task: Task, code: FailCode, now: float, out: list[Command]
    ) -> None:
        """A node accepted a task, and no answer came of it in time."""
        if self._judge is None or self.closing or task.state == "offered":
            return
        late = now >= task.began_at + self._limits.timeout_after_s
        if code is FailCode.EXPIRED and not late:
            return  # whoever asked gave it no time
        why = "lost" if code is FailCode.NODE_LOST else "not answered in time"
        fact = AnswerMissed(
            node=task.nodes[-1],
            cause=f"task:{task_text(task.request.task)}",
            model=task.request.model,
            why=f"the task was {why}",
        )
        self.tell(fact, now, out)

    def tell(self, fact: Fact, now: float, out: list[Command]) -> None:
        """Give the judge a fact, and heed what it says."""
        if self._judge is None:
            return
        if isinstance(fact, Promised | PauseAnnounced):
            self._announced(fact, now)
        self._follow(self._judge.tell(fact, now=now), out)

    def advance(self, now: float, out: list[Command]) -> None:
        """Do what is due by `now`."""
        if self._judge is None or now < self.next_deadline():
            return
        events = self._judge.advance(now=now)
        for passed in self._hours.advance(now):
            events += self._judge.tell(passed, now=now)
        self._follow(events, out)

    def next_deadline(self) -> float:
        """When `advance` has something to do; infinity: never."""
        if self._judge is None:
            return math.inf
        if self._changed:
            self._changed = False
            times = (self._judge.next_deadline(), self._hours.next_deadline())
            self._due = min(
                (time for time in times if time is not None), default=math.inf
            )
        return self._due

    def _follow(self, events: list[StandingEvent], out: list[Command]) -> None:
        self._changed = True
        if events:
            out.append(RecordStanding(events=tuple(events)))
            self._owe_after(events)
            self._heed([event.node for event in events])
            self._news.standing(events)

    def _owe_after(self, events: list[StandingEvent]) -> None:
        """A new node, and one in doubt, owe audits at once."""
        assert self._judge is not None  # noqa: S101 - it gave the events
        for event in events:
            count = owed_after(event, self._judge.rules)
            node = self._registry.nodes.get(event.node) if count else None
            if node is None:
                continue
            model = event.model or next((each.name for each in node.models), "")
            if model:
                self._owe(Owed(node=node.id, model=model), count)

    def gone(self, node: Node, now: float) -> None:
        """A node left, or is not heard from."""
        if self._judge is not None and node.id in self._here:
            self._here.remove(node.id)
            self._hours.down(node.id, now)
            self._changed = True

    def excuse(self, node: Node, now: float) -> None:
        """A node is made to go: the promised hour that runs cannot be broken."""
        if self._judge is not None:
            self._hours.excuse(node.id, now)
            self._changed = True

    def heard(self, node: Node, now: float) -> None:
        """A node is here; one without members' work owes an audit now and then."""
        if self._judge is None:
            return
        if node.id not in self._here:
            self._here.add(node.id)
            self._hours.up(node.id, now)
            self._changed = True
        pauses = not node.working
        if pauses != (node.id in self._paused):
            self._pause(node.id, pauses, now)
        if node.barred and node.models:
            self._owe_canary(node, now)

    def _owe_canary(self, node: Node, now: float) -> None:
        record = None if self._judge is None else self._judge.record(node.id)
        if record is None or record.suspended_until > now:
            return
        if now >= self._canaries.get(node.id, 0.0) + self._limits.canary_every_s:
            self._canaries[node.id] = now
            self._owe(Owed(node=node.id, model=node.models[0].name))

    @property
    def owes_audits(self) -> bool:
        """Whether there are any to take."""
        return bool(self._owed)

    def take_owed(self) -> Owed | None:
        """The audit that is owed for the longest; it is the caller's now."""
        if not self._owed:
            return None
        owed, count = self._owed.popitem(last=False)
        if count > 1:
            self._owed[owed] = count - 1  # behind the others: nodes take turns
        return owed

    def _forgive(self, node: NodeId) -> None:
        """A suspended node owes nothing: it is over with it for a while."""
        for owed in [each for each in self._owed if each.node == node]:
            del self._owed[owed]

    def owe_again(self, owed: Owed) -> None:
        """An audit that was taken told nothing: it is owed once more, and not twice."""
        if not owed.again:
            self._owe(msgspec.structs.replace(owed, again=True))

    def _announced(self, fact: Promised | PauseAnnounced, now: float) -> None:
        if isinstance(fact, PauseAnnounced):
            self._pause(fact.node, fact.paused, now)
            return
        schedule = parse_schedule(fact.schedule) if fact.schedule else None
        self._hours.schedule(fact.node, schedule, now)

    def _pause(self, node: NodeId, paused: bool, now: float) -> None:
        if paused:
            self._paused.add(node)
            self._hours.paused(node, now)
        else:
            self._paused.discard(node)
            self._hours.resumed(node, now)

    def _owe(self, owed: Owed, count: int = 1) -> None:
        self._owed[owed] = min(self._owed.get(owed, 0) + count, MOST_OWED_BY_ONE)
        if len(self._owed) > MOST_OWED:
            self._owed.popitem(last=False)
        self.on_owed()

    def _heed(self, nodes: Iterable[NodeId]) -> None:
        assert self._judge is not None  # noqa: S101 - whoever calls has told it
        for node_id in dict.fromkeys(nodes):
            node = self._registry.nodes.get(node_id)
            record = self._judge.record(node_id)
            if record is not None and record.suspended:
                self._forgive(node_id)
            if node is None or record is None:
                continue
            barred = self._judge.weight(node_id) == 0
            self._registry.judge(node, barred=barred, standing=shown(record))


def shown(record: Record) -> NodeStanding:
    """What everyone may see of a node's standing."""
    return NodeStanding(
        points=record.points,
        held=record.held,
        suspended=record.suspended_until > 0,
        trusted=record.trusted,
    )
