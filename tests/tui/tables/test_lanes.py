from __future__ import annotations

from clubai.tui.grid import Grid
from clubai.tui.look import Look
from clubai.tui.tables.lanes import (
    ENDED,
    LANES,
    Slot,
    ended_grid,
    ended_lines,
    lane_lines,
    lanes_grid,
    slots_of,
    work_key,
)
from support.dashboard import NOW
from support.owner import agent, ended, lane

LOOK = Look(now=NOW)


def filled(**fields: int) -> Grid[Slot]:
    grid = lanes_grid()
    grid.put(slots_of(agent(**fields)), LOOK)
    return grid


def test_each_slot_has_a_line_and_free_ones_say_so() -> None:
    rows = [filled().texts(slot) for slot in filled().shown]

    assert [row["stage"] for row in rows] == ["working", "arriving", "free", "free"]
    assert rows[0] == {
        "slot": "1",
        "stage": "working",
        "task": "00000000",
        "model": "qwen3-8b",
        "kind": "chat",
        "pieces": "37",
        "/s": "12",
        "first": "420 ms",
        "age": "12 s",
    }
    assert set(rows[2].values()) == {"3", "free", ""}


def test_more_work_than_slots_is_marked() -> None:
    grid = filled(lanes=3, slots=2)

    assert [grid.texts(slot)["slot"] for slot in grid.shown] == ["1", "2", "3!"]


def test_every_column_sorts_free_and_used_slots() -> None:
    grid = filled(lanes=3)
    for column in LANES:
        grid.sort(column.name)
        assert len(grid.shown) == 4
        assert column.says.endswith(".")


def test_the_ended_say_how_and_why() -> None:
    grid = ended_grid()
    grid.put(agent(recent=4).recent, LOOK)

    rows = [grid.texts(work) for work in grid.shown]
    assert [row["how"] for row in rows] == ["done", "done", "failed", "cancelled"]
    assert [row["why"] for row in rows] == ["-", "-", "backend", "cancelled"]
    assert (rows[0]["ended"], rows[0]["took"], rows[0]["out"]) == (
        "20 s",
        "3.5 s",
        "64",
    )
    for column in ENDED:
        grid.sort(column.name)
        assert len(grid.shown) == 4


def test_the_same_assignment_has_one_key_while_it_runs_and_after() -> None:
    running, done = lane(1), ended(1, task=lane(1).task)

    assert work_key(running) == work_key(done)
    assert work_key(running) != work_key(lane(1, attempt=2))


def test_all_of_one_is_told() -> None:
    running = dict(lane_lines(lane(0), LOOK))
    assert running["state"].text == "working"
    assert running["pieces"].text == "37, 12 a second"
    assert running["since"].text == "12 s"

    failed = dict(ended_lines(ended(2), LOOK))
    assert (failed["state"].text, failed["why"].text) == ("failed", "backend")
    assert failed["tokens"].text == "120 in, 0 out"
    assert "pieces" not in failed
