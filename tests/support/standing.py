"""A judge with one node, and short ways to tell it what the node did."""

from __future__ import annotations

from clubai.model import MemberId, NodeId
from clubai.reputation.events import Change, StandingEvent
from clubai.reputation.facts import (
    AnswerGiven,
    AnswerMissed,
    CheckEnded,
    CheckKind,
    Fact,
    HoursPassed,
    LieProved,
    NodeAppeared,
    PointsAdjusted,
    VerdictGiven,
)
from clubai.reputation.judge import Judge
from clubai.reputation.record import Record
from clubai.reputation.rules import CLUB, Rules

NODE = NodeId(b"n" * 32)
OWNER = MemberId("m_owner")
ASKER = MemberId("m_asker")
MODEL = "tiny"
HOUR = 3600.0
DAY = 24 * HOUR
WEEK = 7 * DAY
MONDAY = 1767571200.0
"""2026-01-05, 00:00 UTC."""


class Court:
    """Tells at its own `now`, which only moves by `wait`."""

    def __init__(self, rules: Rules = CLUB, *, points: int = 100) -> None:
        self.judge = Judge(rules)
        self.now = MONDAY
        self.events: list[StandingEvent] = []
        self.appear()
        if points != 100:
            self.adjust(points - 100)

    @property
    def record(self) -> Record:
        record = self.judge.record(NODE)
        assert record is not None
        return record

    @property
    def points(self) -> int:
        return self.record.points

    def tell(self, fact: Fact) -> list[StandingEvent]:
        events = self.judge.tell(fact, now=self.now)
        self.events += events
        return events

    def wait(self, seconds: float) -> list[StandingEvent]:
        self.now += seconds
        events = self.judge.advance(now=self.now)
        self.events += events
        return events

    def appear(
        self,
        *models: str,
        node: NodeId = NODE,
        member: MemberId = OWNER,
    ) -> list[StandingEvent]:
        models = models or (MODEL,)
        return self.tell(NodeAppeared(node=node, member=member, models=models))

    def answer(
        self,
        *,
        seconds: float = 1.0,
        tokens: int = 100,
        asker: MemberId = ASKER,
        cause: str = "task:0a",
        node: NodeId = NODE,
    ) -> list[StandingEvent]:
        return self.tell(
            AnswerGiven(
                node=node,
                asker=asker,
                cause=cause,
                model=MODEL,
                kind="chat",
                tokens=tokens,
                seconds=seconds,
            )
        )

    def miss(
        self, *, client_gone: bool = False, accepted: bool = True
    ) -> list[StandingEvent]:
        return self.tell(
            AnswerMissed(
                node=NODE,
                cause="task:0b",
                model=MODEL,
                why="It did not answer in time.",
                client_gone=client_gone,
                accepted=accepted,
            )
        )

    def check(
        self,
        *,
        passed: bool,
        kind: CheckKind = CheckKind.KNOWN_ANSWER,
        model: str = MODEL,
    ) -> list[StandingEvent]:
        why = "As expected." if passed else "Not as expected."
        return self.tell(
            CheckEnded(
                node=NODE, check="c1", model=model, kind=kind, passed=passed, why=why
            )
        )

    def complain(
        self,
        value: int,
        *,
        checked: bool = True,
        asker: MemberId = ASKER,
        cause: str = "task:0c",
        node: NodeId = NODE,
    ) -> list[StandingEvent]:
        return self.tell(
            VerdictGiven(
                node=node, asker=asker, cause=cause, value=value, checked=checked
            )
        )

    def lie(self, cause: str = "task:0d") -> list[StandingEvent]:
        return self.tell(LieProved(node=NODE, cause=cause, why="It signed a lie."))

    def adjust(self, points: int) -> list[StandingEvent]:
        return self.tell(PointsAdjusted(node=NODE, points=points, by="op", why="test"))

    def hours(
        self, hour: str = "2026-01-05T03:00:00Z", *, up: int = 0, broken: int = 0
    ) -> list[StandingEvent]:
        return self.tell(
            HoursPassed(node=NODE, last_hour=hour, day=hour[:10], up=up, broken=broken)
        )


def changes(events: list[StandingEvent]) -> list[Change]:
    return [event.change for event in events]
