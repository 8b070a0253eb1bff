from __future__ import annotations

import pytest

from clubai.tui.look import Cell, Look
from clubai.tui.tables.tasks import (
    TASKS,
    of_which,
    tasks_grid,
    tokens_per_second,
    waited_ms,
)
from support.dashboard import NOW, task

LOOK = Look(now=NOW)
TWELVE = [task(number) for number in range(12)]


def cell(name: str, number: int, **fields: object) -> Cell:
    column = next(column for column in TASKS if column.name == name)
    return column.cell(task(number, **fields), LOOK)


def test_tasks_stay_in_the_order_in_which_they_are_given() -> None:
    grid = tasks_grid()

    grid.put(reversed(TWELVE), LOOK)

    assert [row.id for row in grid.shown] == [row.id for row in reversed(TWELVE)]


def test_the_newest_stand_first_where_one_column_is_left_out() -> None:
    grid = tasks_grid(without="Model", sort="Age")

    grid.put(TWELVE, LOOK)

    assert [row.id for row in grid.shown] == [row.id for row in reversed(TWELVE)]
    names = [column.name for column in TASKS if column.name != "Model"]
    assert [place.column.name for place in grid.place(78, wide=True)] == names


@pytest.mark.parametrize("column", TASKS, ids=lambda column: column.name)
def test_every_column_sorts_any_tasks_and_says_what_it_is(column: object) -> None:
    grid = tasks_grid()
    grid.put(TWELVE, LOOK)

    grid.sort(column.name)  # type: ignore[attr-defined]

    assert len(grid.shown) == 12
    assert column.says.endswith(".")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("width", "names"),
    [
        (57, "State Task Model Node Age"),
        (77, "State Task Model Node Tok/s Age Reason"),
        (98, "State Task Model Node First Tok/s Tokens Age Reason"),
    ],
)
def test_columns_that_matter_less_go_first(width: int, names: str) -> None:
    placed = tasks_grid().place(width)

    assert [place.column.name for place in placed] == names.split()
    assert sum(place.width + 1 for place in placed) - 1 <= width


def test_which_tasks_are_shown() -> None:
    assert len(of_which(TWELVE, "all")) == 12
    assert {row.state for row in of_which(TWELVE, "live")} == {
        *("queued", "offered", "running", "replying"),
    }
    assert {row.state for row in of_which(TWELVE, "failed")} == {"failed"}


def test_the_speed_is_of_the_answer_alone() -> None:
    times = {"first_token_ms": 500, "total_ms": 2500, "completion_tokens": 60}

    assert tokens_per_second(task(4, **times)) == 30.0
    assert tokens_per_second(task(3, **times)) == 0.0  # it replies still
    assert tokens_per_second(task(4, first_token_ms=0)) == 0.0
    assert tokens_per_second(task(4, first_token_ms=500, total_ms=500)) == 0.0


def test_a_queued_task_waits_until_now() -> None:
    assert waited_ms(task(0, created_at=NOW - 2), NOW) == 2000
    assert waited_ms(task(4, queued_ms=40), NOW) == 40
    assert cell("Waited", 0, created_at=NOW - 2) == ("2.0 s", "warn")


def test_why_it_failed_is_told_as_bad() -> None:
    assert cell("Reason", 5) == ("the node was lost", "bad")
    assert cell("Reason", 0).tone == "muted"
    assert cell("Reason", 4) == ("-", "muted")


def test_more_than_one_try_is_seen() -> None:
    assert cell("Tries", 4, attempts=1) == ("1", "")
    assert cell("Tries", 4, attempts=2) == ("2", "warn")


def test_those_that_wait_still_are_first_by_waiting() -> None:
    grid = tasks_grid()
    old, new = (task(n * 6, created_at=NOW - age) for n, age in ((1, 9), (2, 3)))
    grid.put([task(4, queued_ms=90_000), new, old], LOOK)

    grid.sort("Waited")

    assert [row.id for row in grid.shown] == [old.id, new.id, task(4).id]
