from __future__ import annotations

import pytest

from clubai.model import MemberId, NodeId
from clubai.reputation.events import Change, StandingEvent
from clubai.reputation.register import Register
from clubai.reputation.rules import CLUB
from support.standing import NODE, OWNER


def joined() -> Register:
    register = Register(CLUB, next_seq=7)
    register.join(NODE, OWNER, points=100, why="It came.")
    return register


def test_events_are_numbered_without_gaps() -> None:
    register = joined()
    record = register.current(NODE)
    assert record is not None
    register.put(record, Change.FLAGGED, cause="task:1", why="Fast.")
    register.put(record, Change.FLAGGED, cause="task:2", why="Fast.")

    assert [event.seq for event in register.fresh()] == [7, 8, 9]
    assert register.fresh() == []


def test_points_are_cut_at_the_floor_and_their_sum_stays_right() -> None:
    register = joined()
    record = register.current(NODE)
    assert record is not None
    register.put(record, Change.INVALID, points=-500, cause="task:1", why="Bad.")
    register.put(record, Change.UPTIME, points=3, cause="hour:2026-01-05", why="Here.")

    assert [event.points for event in register.fresh()] == [100, -90, 3]
    assert record.points == 13


def test_numbers_go_on_after_the_last_event_taken() -> None:
    before = joined()
    register = Register(CLUB, next_seq=0)
    for event in before.fresh():
        register.take(event)
    record = register.current(NODE)
    assert record is not None

    assert register.put(record, Change.FLAGGED, cause="task:1", why="Fast.").seq == 8


def test_an_event_of_a_node_that_never_joined_is_an_error() -> None:
    event = StandingEvent(
        seq=4, at=0.0, node=NodeId(b"x" * 32), member=OWNER, change=Change.COMPLETED
    )
    with pytest.raises(ValueError, match="event 4 is of a node that never joined"):
        Register(CLUB, next_seq=0).take(event)


def test_a_member_s_nodes_are_all_that_they_ever_owned() -> None:
    register = joined()
    register.join(NODE, MemberId("m_buyer"), points=100, why="It was sold.")

    assert [each.node for each in register.of_member(OWNER)] == [NODE]
    assert [each.member for each in register.all_current()] == ["m_buyer"]
    assert len(register.records) == 2


def test_references_are_the_nodes_that_are_trusted_with_their_present_owner() -> None:
    register = joined()
    other = NodeId(b"o" * 32)
    for record in (
        register.current(NODE),
        register.join(other, OWNER, points=100, why="It came."),
    ):
        assert record is not None
        register.put(record, Change.TRUSTED, cause="member:op", why="Known.")
    assert list(register.trusted) == [NODE, other]

    register.put(record, Change.UNTRUSTED, cause="member:op", why="Gone odd.")
    register.join(NODE, MemberId("another"), points=100, why="It was sold.")
    assert list(register.trusted) == []

    register.join(NODE, OWNER, points=100, why="It came back.")
    assert list(register.trusted) == [NODE]
    again = Register(CLUB, next_seq=7)
    for event in register.fresh():
        again.take(event)
    assert again.trusted == register.trusted
