from __future__ import annotations

from clubai.sim.tally import Closed, DayCount, Outcome, Result, Tally, together


def outcome(**fields: int) -> Outcome:
    return Outcome(
        nodes=fields.get("nodes", 2),
        points=fields.get("points", 10),
        suspended=1,
        suspended_days=(fields.get("day", 3),),
        credit=7,
        fees=0,
        cost=1.5,
        answers=4,
        bad=1,
        checks=2,
        course=(5, 10),
    )


def result(seed: int) -> Result:
    day = DayCount(delivered=seed, bad=1, work=2, check_work=1)
    return Result(
        tally=Tally(tasks=seed, delivered=seed, bad=1, work=2, days=[day]),
        outcomes={"honest": outcome(day=seed)},
        closes=(Closed(month="2026-01", pool=seed, paid=seed, carry=0),),
    )


def test_several_clubs_are_their_sum() -> None:
    found = together([result(9), result(4)])

    assert (found.tally.tasks, found.tally.bad, found.tally.work) == (13, 2, 4)
    assert found.tally.days == [DayCount(delivered=13, bad=2, work=4, check_work=2)]
    assert found.outcomes["honest"].nodes == 4
    assert found.outcomes["honest"].suspended_days == (4, 9)
    assert found.outcomes["honest"].course == (10, 20)
    assert [each.paid for each in found.closes] == [9, 4]


def test_one_club_alone_is_itself() -> None:
    assert together([result(9)]) == result(9)


def test_adding_leaves_the_parts_as_they_were() -> None:
    first, second = result(9), result(4)

    together([first, second])

    assert first == result(9)


def test_a_day_is_what_came_since() -> None:
    before = DayCount(delivered=1, bad=0, work=10, check_work=1)
    after = DayCount(delivered=4, bad=1, work=40, check_work=3)

    assert after.minus(before) == DayCount(delivered=3, bad=1, work=30, check_work=2)
