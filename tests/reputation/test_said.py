from __future__ import annotations

import pytest

from clubai.model import MemberId, NodeId
from clubai.reputation.events import Change
from clubai.reputation.facts import (
    PauseAnnounced,
    Promised,
    SuspensionEnded,
    TrustChanged,
)
from clubai.reputation.rules import ASKED, CLUB, Rules
from support.standing import DAY, HOUR, NODE, OWNER, Court, changes

SECOND = NodeId(b"2" * 32)
BUYER = MemberId("m_buyer")


def points(court: Court, node: NodeId) -> int:
    record = court.judge.record(node)
    assert record is not None
    return record.points


def test_a_node_joins_with_a_hundred_points_and_its_models() -> None:
    court = Court()

    assert changes(court.events) == [Change.JOINED, Change.CLAIMED]
    assert (court.events[0].points, court.events[0].total) == (100, 100)
    assert court.appear() == []


def test_a_second_node_begins_no_better_than_the_worst() -> None:
    court = Court(points=40)
    court.appear(node=SECOND)

    assert points(court, SECOND) == 40


@pytest.mark.parametrize(
    ("rules", "first", "expected"),
    [(CLUB, 5000, 100), (Rules(identity=False), 40, 100), (ASKED, 40, 100)],
)
def test_it_begins_with_no_more_than_a_hundred(
    rules: Rules, first: int, expected: int
) -> None:
    court = Court(rules, points=first)
    court.appear(node=SECOND)

    assert points(court, SECOND) == expected


def test_a_node_not_seen_for_ninety_days_does_not_weigh() -> None:
    court = Court(points=40)
    court.wait(90 * DAY - 1)
    court.appear(node=SECOND)
    assert points(court, SECOND) < 40

    court = Court(points=40)
    court.wait(90 * DAY)
    court.appear(node=SECOND)
    assert points(court, SECOND) == 100


def test_another_member_s_nodes_do_not_weigh() -> None:
    court = Court(points=40)
    court.appear(node=SECOND, member=BUYER)

    assert points(court, SECOND) == 100


def test_with_another_owner_a_node_begins_anew() -> None:
    court = Court(points=5000)
    court.tell(TrustChanged(node=NODE, trusted=True, by="op"))
    (joined, _) = court.appear(member=BUYER)

    assert (joined.change, joined.member, joined.points) == (Change.JOINED, BUYER, 100)
    assert (court.points, court.record.member) == (100, BUYER)
    assert not court.record.trusted


def test_back_with_the_old_owner_it_has_what_it_had() -> None:
    court = Court(points=40)
    court.appear(member=BUYER)
    (joined,) = court.appear(member=OWNER)

    assert (joined.points, joined.total) == (0, 40)
    assert court.points == 40


def test_an_operator_moves_points_down_to_the_floor() -> None:
    court = Court()
    (event,) = court.adjust(-500)

    assert (event.change, event.points, event.total) == (Change.ADJUSTED, -90, 10)
    assert (event.cause, event.by) == ("member:op", "op")


def test_trust_is_given_and_taken_back() -> None:
    court = Court()
    trust = TrustChanged(node=NODE, trusted=True, by="op")
    assert changes(court.tell(trust)) == [Change.TRUSTED]
    assert court.record.trusted
    assert court.tell(trust) == []

    court.tell(TrustChanged(node=NODE, trusted=False, by="op"))
    assert not court.record.trusted


def test_only_a_suspension_can_end() -> None:
    assert Court().tell(SuspensionEnded(node=NODE, by="op", why="Why not.")) == []


def test_a_schedule_is_published_and_withdrawn() -> None:
    court = Court()
    (event,) = court.tell(Promised(node=NODE, schedule="mon 20-24"))
    assert (event.change, event.why, event.points) == (Change.PROMISED, "mon 20-24", 0)
    assert court.record.schedule == "mon 20-24"
    assert court.tell(Promised(node=NODE, schedule="mon 20-24")) == []

    court.tell(Promised(node=NODE, schedule=""))
    assert court.record.schedule == ""


def test_a_pause_is_noted_once() -> None:
    court = Court()
    pause = PauseAnnounced(node=NODE, paused=True, why="Moving house.")
    assert changes(court.tell(pause)) == [Change.PAUSED]
    assert court.record.paused
    court.now += HOUR
    assert court.tell(pause) == []

    resume = PauseAnnounced(node=NODE, paused=False, why="Back.")
    assert changes(court.tell(resume)) == [Change.RESUMED]
    assert not court.record.paused
