from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.dividing.options import Dividing
from clubai.dividing.plan import Bounds, Plan, Step, check_ceilings, explain, in_order
from clubai.errors import PlanError


def step(name: str, *needs: str, max_tokens: int = 10) -> Step:
    return Step(
        id=name, kind="part", needs=needs, prompt_tokens=5, max_tokens=max_tokens
    )


def plan(*steps: Step) -> Plan:
    return Plan(mode="subtasks", model="m", steps=in_order(steps))


def test_steps_come_after_what_they_need() -> None:
    steps = in_order([step("c", "b", "a"), step("b", "a"), step("a"), step("d")])

    assert [each.id for each in steps] == ["a", "d", "b", "c"]


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([step("a", "b"), step("b", "a")], "in a circle: 'a', 'b'"),
        ([step("a", "a")], "in a circle: 'a'"),
        ([step("a", "x")], "part 'a' needs 'x', which is not there"),
        ([step("a"), step("a")], "two parts have the id 'a'"),
    ],
)
def test_what_cannot_run_is_refused(steps: list[Step], why: str) -> None:
    with pytest.raises(PlanError, match=why):
        in_order(steps)


@given(st.data())
def test_any_graph_without_a_circle_is_ordered(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    steps = [
        step(str(n), *(str(need) for need in data.draw(st.sets(st.integers(0, n - 1)))))
        if n
        else step("0")
        for n in range(count)
    ]
    ordered = in_order(data.draw(st.permutations(steps)))

    assert sorted(each.id for each in ordered) == sorted(each.id for each in steps)
    seen: set[str] = set()
    for each in ordered:
        assert set(each.needs) <= seen
        seen.add(each.id)


def test_bounds_add_up() -> None:
    made = plan(step("a"), step("b"), step("merge", "a", "b", max_tokens=20))

    assert made.bounds == Bounds(requests=3, prompt_tokens=15, completion_tokens=40)
    assert (made.width, made.depth) == (2, 2)


def test_an_answer_without_a_bound_leaves_the_plan_without() -> None:
    assert plan(step("a"), step("b", max_tokens=0)).bounds.completion_tokens == 0


@pytest.mark.parametrize(
    ("dividing", "why"),
    [
        (Dividing(max_parts=1), "up to 2 requests, and `max_parts` is 1"),
        (Dividing(budget_tokens=19), "up to 20 tokens, and `budget_tokens` is 19"),
    ],
)
def test_a_plan_over_a_ceiling_is_refused(dividing: Dividing, why: str) -> None:
    with pytest.raises(PlanError, match=why):
        check_ceilings(plan(step("a"), step("b")), dividing)


def test_a_plan_without_a_bound_is_over_any_budget() -> None:
    with pytest.raises(PlanError, match="without a bound"):
        check_ceilings(plan(step("a", max_tokens=0)), Dividing(budget_tokens=10**6))


def test_a_plan_at_its_ceilings_is_good() -> None:
    check_ceilings(plan(step("a"), step("b")), Dividing(max_parts=2, budget_tokens=20))


def test_a_plan_is_explained() -> None:
    made = Plan(
        mode="subtasks",
        model="m",
        note="the planner was of no use",
        expected_s=12.4,
        steps=(
            Step(id="1", kind="part", title="find it", prompt_tokens=7, max_tokens=9),
            Step(id="merge", kind="merge", needs=("1",), max_tokens=1, perhaps=True),
        ),
    )

    assert list(explain(made)) == [
        "mode subtasks, model m",
        "the planner was of no use",
        (
            "2 requests at most, 1 at once, 2 in a row; tokens at most: 7 of prompts, "
            "10 of answers, about 12 s"
        ),
        "  1 [part]: find it",
        "  merge [merge, perhaps] after 1: ",
    ]
