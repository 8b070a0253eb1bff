from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clubai.tui.look import Look
from clubai.tui.tables.slots import LANES, Lane, lanes, lanes_grid
from support.dashboard import NOW, node, task

LOOK = Look(now=NOW)


def texts(lane: Lane) -> dict[str, str]:
    return {column.name: column.cell(lane, LOOK).text for column in LANES}


def test_each_slot_is_a_lane_with_its_task_or_free() -> None:
    there = [task(9, created_at=NOW - 3), task(3, created_at=NOW - 9)]

    found = lanes(node(2, slots=3, slots_used=2), there, {})

    assert [lane.task and lane.task.id for lane in found] == [
        *(task(3).id, task(9).id, None),
    ]
    assert [lane.busy for lane in found] == [True, True, False]
    assert texts(found[1])["For"] == "3.0 s"
    assert texts(found[2])["State"] == "free"


def test_a_task_keeps_its_lane_when_the_one_before_it_ends() -> None:
    later = task(9, created_at=NOW - 3)

    found = lanes(node(2, slots=3, slots_used=1), [later], {later.id: 2})

    assert [lane.busy for lane in found] == [False, True, False]


def test_a_slot_that_is_used_by_what_is_not_shown_is_in_use() -> None:
    found = lanes(node(2, slots=3, slots_used=2), [task(3)], {})

    assert [lane.busy for lane in found] == [True, True, False]
    assert found[1].task is None
    assert texts(found[1])["State"] == "in use"


def test_the_table_sorts_by_every_column() -> None:
    grid = lanes_grid()
    grid.put(lanes(node(2, slots=3, slots_used=2), [task(3)], {}), LOOK)

    for column in LANES:
        grid.sort(column.name)
        assert len(grid.shown) == 3


@given(
    st.integers(0, 9),
    st.integers(0, 12),
    st.sets(st.integers(0, 8), max_size=9),
    st.dictionaries(st.integers(0, 8), st.integers(1, 12)),
)
def test_every_task_has_one_lane_and_every_slot_is_there(
    slots: int, used: int, tasks: set[int], before: dict[int, int]
) -> None:
    there = [task(number) for number in sorted(tasks)]
    known = {task(number).id: lane for number, lane in before.items()}

    found = lanes(node(1, slots=slots, slots_used=used), there, known)

    assert [lane.number for lane in found] == list(range(1, len(found) + 1))
    assert sorted(lane.task.id for lane in found if lane.task) == [
        each.id for each in there
    ]
    assert len(found) >= slots
    assert sum(lane.busy for lane in found) >= min(used, slots)
