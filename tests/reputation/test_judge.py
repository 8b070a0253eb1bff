from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from clubai.model import MemberId, NodeId
from clubai.reputation.days import day_at, iso_day
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
    PauseAnnounced,
    PointsAdjusted,
    Promised,
    ReviewDecided,
    SpeedDoubted,
    SuspensionEnded,
    TrustChanged,
    VerdictGiven,
)
from clubai.reputation.judge import Judge
from clubai.reputation.rules import ASKED, CLUB, POLICIES, Rules
from support.standing import (
    ASKER,
    DAY,
    HOUR,
    MODEL,
    MONDAY,
    NODE,
    OWNER,
    WEEK,
    Court,
    changes,
)

NODES = [NodeId(letter * 32) for letter in (b"a", b"b", b"c")]
MEMBERS = [MemberId("m_one"), MemberId("m_two")]
STRANGER = NodeId(b"z" * 32)


def facts_of(node: NodeId) -> list[Fact]:
    """One of each kind."""
    cause = "task:1"
    return [
        AnswerGiven(
            node=node,
            asker=ASKER,
            cause=cause,
            model=MODEL,
            kind="chat",
            tokens=10,
            seconds=1.0,
        ),
        AnswerMissed(node=node, cause=cause, model=MODEL, why="Late."),
        CheckEnded(
            node=node,
            check="1",
            model=MODEL,
            kind=CheckKind.KNOWN_ANSWER,
            passed=False,
            why="Wrong.",
        ),
        VerdictGiven(node=node, asker=ASKER, cause=cause, value=4, checked=True),
        LieProved(node=node, cause=cause, why="It lied."),
        HoursPassed(
            node=node, last_hour="2026-01-05T01:00:00Z", day="2026-01-05", up=1
        ),
        SpeedDoubted(node=node, cause=cause, model=MODEL, why="Too fast."),
        ReviewDecided(node=node, review=0, upheld=True, by="op", why="Bad."),
        PointsAdjusted(node=node, points=5, by="op", why="Sorry."),
        TrustChanged(node=node, trusted=True, by="op"),
        SuspensionEnded(node=node, by="op", why="Enough."),
        Promised(node=node, schedule="mon 20-24"),
        PauseAnnounced(node=node, paused=True, why="Holiday."),
    ]


@pytest.mark.parametrize(
    "fact", facts_of(STRANGER), ids=lambda each: type(each).__name__
)
def test_of_a_node_that_never_appeared_nothing_follows(fact: Fact) -> None:
    court = Court()

    assert court.tell(fact) == []
    assert court.judge.record(STRANGER) is None
    assert court.judge.weight(STRANGER) == 0
    assert not court.judge.may_seal(STRANGER)


@pytest.mark.parametrize("rules", [CLUB, ASKED], ids=["club", "asked"])
def test_each_event_says_what_it_rests_on_and_why(rules: Rules) -> None:
    court = Court(rules)
    for fact in facts_of(NODE):
        court.tell(fact)
    court.wait(5 * WEEK)

    for event in court.events:
        kind, _, rest = event.cause.partition(":")
        assert kind in {"task", "check", "review", "hour", "week", "event", "member"}
        assert rest
        assert event.why


def test_a_fact_that_no_judge_knows_is_an_error() -> None:
    with pytest.raises(TypeError, match="Fact is no fact"):
        Court().tell(Fact(node=NODE))


@pytest.mark.parametrize(
    ("before", "after"), [(1800, 1782), (10, 10), (11, 10), (101, 99)]
)
def test_a_week_takes_a_hundredth_and_leaves_ten(before: int, after: int) -> None:
    court = Court(points=before)
    events = court.wait(WEEK)

    assert court.points == after
    assert changes(events) == [Change.DECAY] * (before != after)
    if events:
        assert events[0].cause == "week:2026-01-12"


def test_weeks_in_which_nobody_looked_come_each_at_its_own_time() -> None:
    court = Court(points=5000)
    together = court.wait(3.5 * WEEK)

    other = Court(points=5000)
    apart = [event for _ in range(7) for event in other.wait(WEEK / 2)]
    assert together == apart
    assert [event.at for event in together] == [MONDAY + n * WEEK for n in (1, 2, 3)]


def test_at_the_floor_weeks_leave_no_event() -> None:
    court = Court(points=11)

    assert len(court.wait(52 * WEEK)) == 1
    court.adjust(90)
    assert len(court.wait(WEEK)) == 1


def test_a_fact_after_a_week_finds_the_week_ended() -> None:
    court = Court(points=2000)
    court.now += WEEK
    events = court.lie()

    assert changes(events) == [Change.DECAY, Change.INVALID]
    assert court.points == 1980 - 198


def test_the_next_deadline_is_the_next_thing_to_do() -> None:
    judge = Judge(CLUB)
    assert judge.next_deadline() is None

    court = Court()
    assert court.judge.next_deadline() == MONDAY + WEEK
    court.now += WEEK + HOUR
    court.answer()
    assert court.judge.next_deadline() == MONDAY + 2 * WEEK
    court.wait(WEEK - HOUR)
    assert court.judge.next_deadline() == MONDAY + 2 * WEEK + HOUR
    assert changes(court.wait(HOUR)) == [Change.RELEASED]
    for _ in range(3):
        court.lie()
    court.wait(4 * WEEK)
    assert court.judge.next_deadline() == court.record.suspended_until


def test_time_does_not_go_back() -> None:
    court = Court()
    court.now += DAY
    court.answer()
    court.now -= HOUR
    (event,) = court.answer()

    assert event.at == MONDAY + DAY


def test_with_no_policy_the_numbers_are_those_that_were_asked_for() -> None:
    court = Court(ASKED)
    for _ in range(20):
        court.answer(seconds=10.0)
    court.answer(seconds=1.0)
    court.miss()
    court.hours(up=3, broken=2)
    court.complain(3)
    court.check(passed=False)

    assert court.points == 100 + 210 + 5 - 20 + 3 - 10 - 50 - 50
    assert court.judge.weight(NODE) == 1
    assert court.judge.may_seal(NODE)
    assert court.judge.audit_rate(NODE) == 0.1


def test_every_policy_can_be_off_alone() -> None:
    names = {
        each
        for each in Rules.__struct_fields__
        if isinstance(getattr(CLUB, each), bool)
    }

    assert names == set(POLICIES)
    assert all(getattr(CLUB, each) and not getattr(ASKED, each) for each in POLICIES)


def test_a_judge_begins_its_numbers_where_it_is_told() -> None:
    judge = Judge(CLUB, next_seq=40)
    events = judge.tell(NodeAppeared(node=NODE, member=OWNER), now=0.0)

    assert [event.seq for event in events] == [40]


def test_the_records_are_one_of_each_node() -> None:
    court = Court()
    court.appear(node=STRANGER, member=MemberId("m_other"))
    court.appear(member=MemberId("m_buyer"))

    records = {record.node: record.member for record in court.judge.records()}
    assert records == {NODE: "m_buyer", STRANGER: "m_other"}


def test_more_than_one_bad_audit_in_a_hundred_is_felt_by_all() -> None:
    court = Court(Rules(probation=False))
    for _ in range(200):
        court.check(passed=True)
    assert court.judge.audit_rate(NODE) == 0.05

    court.appear(node=STRANGER, member=MemberId("m_other"))
    for _ in range(3):
        court.tell(msgspec.structs.replace(facts_of(STRANGER)[2], check="x"))
    assert court.judge.audit_rate(NODE) == 0.1


nodes = st.sampled_from(NODES)
askers = st.sampled_from([*MEMBERS, ASKER])
causes = st.integers(0, 5).map("task:{:02x}".format)
models = st.sampled_from(["tiny", "huge"])
WHY = st.just("It is so.")


def answers(node: st.SearchStrategy[NodeId]) -> st.SearchStrategy[Fact]:
    return st.builds(
        AnswerGiven,
        node=node,
        asker=askers,
        cause=causes,
        model=models,
        kind=st.just("chat"),
        tokens=st.just(100),
        seconds=st.just(10.0),  # what is fast is forgotten: nothing is
    )


def checks(node: st.SearchStrategy[NodeId]) -> st.SearchStrategy[Fact]:
    return st.builds(
        CheckEnded,
        node=node,
        check=st.just("1"),
        model=models,
        kind=st.sampled_from(CheckKind),
        passed=st.booleans(),
        why=WHY,
    )


def complaints(node: st.SearchStrategy[NodeId]) -> st.SearchStrategy[Fact]:
    return st.builds(
        VerdictGiven,
        node=node,
        asker=askers,
        cause=causes,
        value=st.integers(0, 6),
        checked=st.booleans(),
    )


def faults(node: st.SearchStrategy[NodeId]) -> st.SearchStrategy[Fact]:
    return st.one_of(
        st.builds(LieProved, node=node, cause=causes, why=WHY),
        st.builds(
            AnswerMissed,
            node=node,
            cause=causes,
            model=models,
            why=WHY,
            client_gone=st.booleans(),
        ),
        st.builds(SpeedDoubted, node=node, cause=causes, model=models, why=WHY),
    )


def words(node: st.SearchStrategy[NodeId]) -> st.SearchStrategy[Fact]:
    return st.one_of(
        st.builds(SuspensionEnded, node=node, by=st.just("op"), why=WHY),
        st.builds(
            PointsAdjusted,
            node=node,
            points=st.integers(-3000, 3000),
            by=st.just("op"),
            why=WHY,
        ),
        st.builds(TrustChanged, node=node, trusted=st.booleans(), by=st.just("op")),
        st.builds(Promised, node=node, schedule=st.sampled_from(["", "mon 20-24"])),
        st.builds(PauseAnnounced, node=node, paused=st.booleans(), why=WHY),
    )


def any_fact(node: st.SearchStrategy[NodeId]) -> st.SearchStrategy[Fact]:
    return st.one_of(
        answers(node), checks(node), complaints(node), faults(node), words(node)
    )


class Lives(RuleBasedStateMachine):
    """One judge lives on; another is rebuilt from the events now and then."""

    @initialize(off=st.sets(st.sampled_from(POLICIES)))
    def begin(self, off: set[str]) -> None:
        self.rules = Rules(**dict.fromkeys(off, False))
        self.now = MONDAY + 3 * DAY
        self.events: list[StandingEvent] = []
        self.living = Judge(self.rules)
        self.rebuilt = Judge(self.rules)
        for number, node in enumerate(NODES):
            self.tell(NodeAppeared(node=node, member=MEMBERS[number % 2]))

    def tell(self, fact: Fact) -> None:
        events = self.living.tell(fact, now=self.now)
        assert self.rebuilt.tell(fact, now=self.now) == events
        self.events += events

    @rule(fact=answers(nodes), count=st.integers(1, 4))
    def answers_are_given(self, fact: Fact, count: int) -> None:
        for _ in range(count):
            self.tell(fact)

    @rule(fact=checks(nodes), count=st.integers(1, 3))
    def checks_end(self, fact: Fact, count: int) -> None:
        for _ in range(count):
            self.tell(fact)

    @rule(fact=complaints(nodes))
    def a_client_complains(self, fact: Fact) -> None:
        self.tell(fact)

    @rule(fact=faults(nodes), count=st.integers(1, 4))
    def faults_are_found(self, fact: Fact, count: int) -> None:
        for _ in range(count):
            self.tell(fact)

    @rule(fact=words(nodes))
    def somebody_says_something(self, fact: Fact) -> None:
        self.tell(fact)

    @rule(
        node=nodes, member=st.sampled_from(MEMBERS), models=st.lists(models, max_size=2)
    )
    def a_node_appears(self, node: NodeId, member: MemberId, models: list[str]) -> None:
        self.tell(NodeAppeared(node=node, member=member, models=tuple(models)))

    @rule(
        node=nodes,
        ago=st.integers(0, 1),
        up=st.integers(0, 9),
        kept=st.integers(0, 3),
        broken=st.integers(0, 9),
    )
    def hours_pass(
        self, node: NodeId, ago: int, up: int, kept: int, broken: int
    ) -> None:
        day = iso_day(day_at(self.now) - ago)
        hour = f"{day}T07:00:00Z"
        self.tell(
            HoursPassed(
                node=node, last_hour=hour, day=day, up=up, kept=kept, broken=broken
            )
        )

    @precondition(lambda self: any(each.open_reviews for each in self.living.records()))
    @rule(upheld=st.booleans(), choice=st.integers(0, 99))
    def a_review_ends(self, upheld: bool, choice: int) -> None:
        reviews = [
            (record.node, number)
            for record in self.living.records()
            for number in record.open_reviews
        ]
        node, number = reviews[choice % len(reviews)]
        self.tell(
            ReviewDecided(node=node, review=number, upheld=upheld, by="op", why="Seen.")
        )

    @rule(seconds=st.sampled_from([60.0, HOUR, 5 * HOUR, DAY, 6 * DAY, 31 * DAY]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def what_is_due_is_done(self) -> None:
        self.now = max(self.now, self.living.next_deadline() or 0.0)
        events = self.living.advance(now=self.now)
        assert self.rebuilt.advance(now=self.now) == events
        self.events += events
        assert self.living.advance(now=self.now) == []

    @rule()
    def the_coordinator_starts_again(self) -> None:
        self.rebuilt = Judge(self.rules)
        self.rebuilt.restore(self.events)
        for record in self.living.records():
            assert self.rebuilt.record(record.node) == record

    @invariant()
    def points_are_the_sum_of_events(self) -> None:
        for record in self.living.records():
            own = [
                event
                for event in self.events
                if (event.node, event.member) == (record.node, record.member)
            ]
            assert record.points == sum(event.points for event in own) == own[-1].total
            assert record.held == sum(event.held for event in own)
            assert record.held == sum(held.points for held in record.escrow)
            assert record.points >= self.rules.minimum
            assert record.held >= 0
            assert 0 <= self.living.weight(record.node) <= 1.05
            assert 0.05 <= self.living.audit_rate(record.node) <= 1

    @invariant()
    def events_are_in_order(self) -> None:
        assert [event.seq for event in self.events] == list(range(len(self.events)))
        times = [event.at for event in self.events]
        assert times == sorted(times)


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def outcome(told: Iterable[tuple[int, Fact]]) -> dict[NodeId, tuple[int, int]]:
    judge = Judge(CLUB)
    for number, node in enumerate(NODES):
        member = MemberId(f"m_{number}")
        judge.tell(NodeAppeared(node=node, member=member, models=("tiny",)), now=MONDAY)
    for day, fact in told:
        judge.tell(fact, now=MONDAY + day * DAY / 2)
    judge.advance(now=MONDAY + 100 * DAY)
    return {record.node: (record.points, record.held) for record in judge.records()}


@given(
    st.lists(st.tuples(st.integers(0, 60), any_fact(nodes)), max_size=30),
    st.permutations(NODES),
)
def test_the_order_in_which_nodes_are_told_of_does_not_matter(
    told: list[tuple[int, Fact]], order: list[NodeId]
) -> None:
    told.sort(key=lambda each: each[0])
    other = sorted(told, key=lambda each: (each[0], order.index(each[1].node)))
    together = outcome(told)

    assert outcome(other) == together
    for node in NODES:
        alone = outcome([each for each in told if each[1].node == node])
        assert alone[node] == together[node]
