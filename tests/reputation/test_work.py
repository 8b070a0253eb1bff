from __future__ import annotations

from clubai.reputation.events import Change
from clubai.reputation.facts import SpeedDoubted
from clubai.reputation.rules import Rules
from support.standing import HOUR, MODEL, NODE, OWNER, Court, changes

UNFAIR = Rules(fair_hours=False)
OPEN = Rules(escrow=False)


def test_a_task_earns_ten() -> None:
    court = Court(OPEN)
    (event,) = court.answer(cause="task:31")

    assert (event.points, event.total, event.cause) == (10, 110, "task:31")


def test_an_owner_s_own_task_earns_nothing() -> None:
    court = Court(OPEN)

    assert court.answer(asker=OWNER) == []


def test_an_owner_s_own_tasks_do_not_move_what_is_fast() -> None:
    court = Court(OPEN)
    for _ in range(30):
        court.answer(asker=OWNER, seconds=1000.0)

    assert changes(court.answer(seconds=10.0)) == [Change.COMPLETED]


def test_timeouts_cost_at_most_sixty_within_an_hour() -> None:
    court = Court()
    points = []
    for _ in range(4):
        court.miss()
        points.append(court.points)
        court.now += 60

    assert points == [80, 60, 40, 40]
    assert court.events[-1].points == 0


def test_the_hour_slides() -> None:
    court = Court(points=500)
    for _ in range(4):
        court.miss()
        court.now += 20 * 60
    assert court.points == 500 - 80

    court.now -= 1
    court.miss()
    assert court.points == 500 - 80
    court.now += 1
    court.miss()
    assert court.points == 500 - 100


def test_a_timeout_at_the_floor_counts_for_the_hour() -> None:
    court = Court(points=10)
    for _ in range(3):
        court.miss()
    court.adjust(90)
    court.miss()

    assert court.points == 100


def test_without_fair_hours_each_costs_twenty() -> None:
    court = Court(UNFAIR, points=500)
    for _ in range(4):
        court.miss()
    court.miss(client_gone=True)
    court.miss(accepted=False)

    assert court.points == 500 - 6 * 20


def test_what_is_not_the_node_s_doing_costs_nothing() -> None:
    court = Court()

    assert court.miss(client_gone=True) == []
    assert court.miss(accepted=False) == []


def test_the_points_never_fall_below_ten() -> None:
    court = Court(UNFAIR)
    for _ in range(9):
        court.miss()
        court.now += HOUR

    assert court.points == 10
    assert sum(event.points for event in court.events) == 10


def test_a_doubted_speed_is_noted_and_costs_nothing() -> None:
    court = Court()
    (event,) = court.tell(
        SpeedDoubted(node=NODE, cause="task:5", model=MODEL, why="9000 tokens/s.")
    )

    assert (event.change, event.points, event.why) == (
        Change.FLAGGED,
        0,
        "9000 tokens/s.",
    )
    assert court.record.marks == 0
