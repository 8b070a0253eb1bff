from __future__ import annotations

import pytest

from clubai.reputation.rules import ASKED, CLUB
from clubai.sim.plan import Plan, as_asked, rules_without, shards


def test_policies_can_be_left_out() -> None:
    rules = rules_without(("escrow", "slash"))

    assert not rules.escrow
    assert not rules.slash
    assert rules.probation
    assert rules_without(()) == CLUB


def test_unknown_policies_are_refused() -> None:
    with pytest.raises(ValueError, match="'luck' is none of the policies"):
        rules_without(("luck",))


def test_as_asked_changes_the_rules_alone() -> None:
    plan = as_asked(Plan(nodes=7, days=8, seed=9, tasks_per_day=3))

    assert plan.rules == ASKED
    assert plan.as_asked
    assert (plan.nodes, plan.days, plan.seed, plan.tasks_per_day) == (7, 8, 9, 3)


def test_small_clubs_are_one() -> None:
    plan = Plan(nodes=1999)

    assert shards(plan) == [plan]


def test_large_clubs_are_halves_with_seeds_of_their_own() -> None:
    first, second = shards(Plan(nodes=2001, seed=4))

    assert (first.nodes, second.nodes) == (1000, 1001)
    assert first.seed != second.seed
    assert {first.seed, second.seed}.isdisjoint(
        {half.seed for half in shards(Plan(nodes=2001, seed=5))}
    )
