from __future__ import annotations

import pytest

from clubai.reputation import work as reputation_work
from clubai.reputation.rules import Rules
from clubai.sim.plan import Plan, as_asked, rules_without
from clubai.sim.populations import PRESETS, Population
from clubai.sim.world import World

SMALL = Plan(nodes=24, days=4, seed=3, tasks_per_day=10)


def lived(plan: Plan) -> World:
    world = World(plan)
    world.run()
    return world


def points(world: World) -> list[int]:
    return [world.points(seat) for seat in world.seats]


def only(**fields: object) -> dict[str, Population]:
    """A mix in which half are honest, and half are as the fields say."""
    return {
        "honest": Population(share=0.5),
        "other": Population(share=0.5, **fields),  # type: ignore[arg-type]
    }


def test_every_task_is_counted_once() -> None:
    world = lived(SMALL)
    tally = world.tally

    assert tally.tasks == 24 * 4 * 10
    assert tally.delivered + tally.unserved == tally.tasks
    assert sum(seat.answers for seat in world.seats) == tally.delivered
    assert sum(seat.checks for seat in world.seats) == tally.checks
    assert sum(seat.bad for seat in world.seats) == tally.bad
    assert sum(day.delivered for day in tally.days) == tally.delivered
    assert sum(day.check_work for day in tally.days) == tally.check_work


def test_days_are_told_one_after_another() -> None:
    days: list[int] = []

    World(SMALL).run(days.append)

    assert days == [1, 2, 3, 4]


def test_the_points_are_those_of_the_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    dearer = Rules(completed=30)
    plan = Plan(nodes=24, days=4, seed=3, tasks_per_day=10, rules=dearer)

    assert sum(points(lived(plan))) > 1.8 * sum(points(lived(SMALL)))

    before = points(lived(as_asked(SMALL)))
    monkeypatch.setattr(reputation_work, "given", lambda *given: None)
    assert sum(points(lived(as_asked(SMALL)))) < sum(before) / 2


def test_timeouts_cost_points_and_another_node_is_asked() -> None:
    world = lived(Plan(nodes=24, days=4, mix=only(timeouts=0.5)))
    honest = [world.points(seat) for seat in world.seats if seat.name == "honest"]
    others = [world.points(seat) for seat in world.seats if seat.name == "other"]

    assert max(others) < min(honest)
    assert world.tally.unserved == 0


def test_nodes_that_never_answer_leave_tasks_unserved() -> None:
    mix = {"lost": Population(share=1, timeouts=1)}

    world = lived(Plan(nodes=5, days=2, mix=mix))

    assert world.tally.delivered == 0
    assert world.tally.unserved == world.tally.tasks


def test_a_cap_of_tasks_a_day_is_kept() -> None:
    world = lived(Plan(nodes=24, days=4, mix=only(per_day=1)))

    others = [seat for seat in world.seats if seat.name == "other"]
    assert all(seat.answers <= 4 for seat in others)


def test_one_machine_does_not_do_the_work_of_many() -> None:
    world = lived(as_asked(Plan(nodes=40, days=3, mix=only(machine=20))))
    others = [seat for seat in world.seats if seat.name == "other"]

    assert sum(seat.answers for seat in others) <= 3 * 80


def test_nodes_are_asked_only_in_their_hours() -> None:
    mix = {"day": Population(share=1, hours=1)}

    world = lived(Plan(nodes=3, days=3, mix=mix))

    assert world.tally.unserved > 0.7 * world.tally.tasks


def test_a_caught_node_comes_back_with_a_new_name_and_pays_for_it() -> None:
    mix = only(bad=1.0, renews=1)
    world = lived(Plan(nodes=12, days=6, mix=mix))
    others = [seat for seat in world.seats if seat.name == "other"]

    assert all(seat.renewals == 1 for seat in others)
    assert all(seat.fees == 1000 for seat in others)
    assert len({seat.member for seat in world.seats}) == 12
    assert len(world.names) == 18


def test_a_suspended_node_gets_neither_work_nor_checks() -> None:
    world = lived(Plan(nodes=12, days=8, mix=only(bad=1.0)))
    others = [seat for seat in world.seats if seat.name == "other"]

    assert all(seat.suspended_at >= 0 for seat in others)
    assert world.tally.days[-1].bad == 0
    assert all(seat.answers < 20 for seat in others)


def test_a_ring_wins_comparisons_that_it_has_the_majority_in() -> None:
    mix = {
        "honest": Population(share=0.4),
        "ring": Population(share=0.6, bad=1.0, colludes=True),
    }
    alone = {**mix, "ring": Population(share=0.6, bad=1.0)}

    together = lived(as_asked(Plan(nodes=20, days=3, mix=mix)))
    apart = lived(as_asked(Plan(nodes=20, days=3, mix=alone)))

    def lost(world: World) -> int:
        return sum(world.points(s) for s in world.seats if s.name == "honest")

    assert lost(together) < lost(apart)


def test_rules_without_a_policy_are_used() -> None:
    bad = PRESETS | {"garbage": Population(share=0.03, bad=1.0)}
    plan = Plan(nodes=24, days=4, seed=3, tasks_per_day=10, mix=bad)
    free = Plan(
        nodes=24,
        days=4,
        seed=3,
        tasks_per_day=10,
        mix=bad,
        rules=rules_without(("slash",)),
    )

    assert lived(plan).tally.bad < lived(free).tally.bad


def test_a_suspended_node_is_not_checked_any_more() -> None:
    world = World(Plan(nodes=6, days=6, mix={"bad": Population(share=1, bad=1.0)}))
    checks: list[int] = []

    world.run(lambda day: checks.append(world.tally.checks))

    assert all(seat.suspended_at >= 0 for seat in world.seats)
    assert checks[0] == checks[-1] > 0


def test_who_is_outvoted_loses_points() -> None:
    mix = only(bad=1.0, caught=1.0)
    unseen = only(bad=1.0, caught=0.0)

    def others(world: World) -> int:
        return sum(world.points(seat) for seat in world.seats if seat.name == "other")

    caught = lived(as_asked(Plan(nodes=24, days=4, mix=mix)))
    assert others(caught) < 0.9 * others(
        lived(as_asked(Plan(nodes=24, days=4, mix=unseen)))
    )


def test_new_nodes_are_checked_before_they_have_worked() -> None:
    world = lived(Plan(nodes=10, days=1, mix=only(), tasks_per_day=8))

    assert all(seat.checks >= 20 for seat in world.seats)


def test_work_is_audited_at_the_rate_of_the_judge() -> None:
    flat = rules_without(("adaptive_audit",))
    world = lived(Plan(nodes=20, days=5, mix=only(), rules=flat))

    assert 0.06 < world.tally.checks / world.tally.delivered < 0.14


def test_a_node_without_work_is_checked_all_day() -> None:
    world = lived(Plan(nodes=8, days=4, mix=only(timeouts=0.8)))
    others = [seat for seat in world.seats if seat.name == "other"]

    assert all(seat.checks > 20 for seat in others)
