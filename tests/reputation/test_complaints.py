from __future__ import annotations

from clubai.model import MemberId, NodeId
from clubai.reputation.complaints import Complainant
from clubai.reputation.events import Change
from clubai.reputation.facts import ReviewDecided
from support.standing import ASKER, DAY, Court, changes

OTHER = MemberId("m_other")
OTHER_NODE = NodeId(b"o" * 32)


def opened(court: Court, cause: str, asker: MemberId = ASKER) -> bool:
    return changes(court.complain(4, asker=asker, cause=cause)) == [
        Change.REVIEW_OPENED
    ]


def overrule(court: Court) -> None:
    event = court.events[-1]
    court.tell(
        ReviewDecided(node=event.node, review=event.seq, upheld=False, by="op", why="")
    )


def test_one_client_opens_one_review_of_a_node_a_day() -> None:
    court = Court()

    assert opened(court, "task:1")
    assert not opened(court, "task:2")
    court.wait(DAY - 1)
    assert not opened(court, "task:3")
    court.wait(1)
    assert opened(court, "task:4")


def test_another_client_and_another_node_have_their_own_count() -> None:
    court = Court()
    court.appear(node=OTHER_NODE, member=MemberId("m_second"))

    assert opened(court, "task:1")
    assert opened(court, "task:2", asker=OTHER)
    assert court.complain(4, cause="task:3", node=OTHER_NODE)


def test_three_reviews_of_a_node_in_thirty_days_are_the_most() -> None:
    court = Court()
    for number in range(3):
        assert opened(court, f"task:{number}")
        court.wait(2 * DAY)
    assert not opened(court, "task:9")

    court.wait(24 * DAY)
    assert opened(court, "task:9")


def test_one_task_is_reviewed_once_at_a_time() -> None:
    court = Court()

    assert opened(court, "task:1")
    assert not opened(court, "task:1", asker=OTHER)


def test_who_was_overruled_three_times_is_not_heard_for_ninety_days() -> None:
    court = Court()
    for number in range(3):
        assert opened(court, f"task:{number}")
        overrule(court)
        court.wait(11 * DAY)
    assert not opened(court, "task:9")
    court.wait(78 * DAY)
    assert not opened(court, "task:9")
    assert opened(court, "task:9", asker=OTHER)
    court.wait(DAY)
    assert opened(court, "task:10")


def test_after_that_it_takes_three_more() -> None:
    complainant = Complainant()
    for _ in range(3):
        complainant.overrule(0.0)
    until = complainant.unheard_until
    complainant.overrule(until)
    complainant.overrule(until)
    assert complainant.unheard_until == until

    complainant.overrule(until)
    assert complainant.unheard_until == 2 * until
