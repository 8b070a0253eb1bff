from __future__ import annotations

import pytest

from clubai.cli.simulating import run_plan
from clubai.sim import plan as plans
from clubai.sim.plan import Plan

PLAN = Plan(nodes=12, days=2, tasks_per_day=3)


@pytest.fixture
def _halves_from_twelve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "SHARDED_FROM", 12)


def test_a_small_club_is_one() -> None:
    assert run_plan(PLAN, None).clubs == 1


@pytest.mark.usefixtures("_halves_from_twelve")
def test_halves_are_the_same_on_one_core_and_on_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_once = run_plan(PLAN, 2)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    one_by_one = run_plan(PLAN, None)

    assert at_once.clubs == one_by_one.clubs == 2
    assert at_once.result == one_by_one.result


@pytest.mark.usefixtures("_halves_from_twelve")
def test_one_process_is_one_club() -> None:
    assert run_plan(PLAN, 1).clubs == 1
