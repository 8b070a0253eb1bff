from __future__ import annotations

from clubai.model import NodeStanding
from clubai.tui.look import Cell, Look
from clubai.tui.tables.nodes import (
    NODES,
    first_tokens_of,
    node_name,
    nodes_grid,
)
from support.dashboard import NOW, node, node_id, task

LOOK = Look(now=NOW)


def cell(name: str, *given: object, **fields: object) -> Cell:
    column = next(column for column in NODES if column.name == name)
    return column.cell(node(1, **fields), LOOK)


def test_the_times_to_the_first_token_are_of_each_node_and_of_late() -> None:
    tasks = [
        *(task(4, node="a", first_token_ms=ms, ended_at=NOW) for ms in range(1, 101)),
        task(4, node="b", first_token_ms=7, ended_at=NOW - 9),
        task(4, node="b", first_token_ms=900, ended_at=NOW - 601),
        task(5, node="c", first_token_ms=0, ended_at=NOW),
    ]

    assert first_tokens_of(tasks, NOW) == {"a": 95, "b": 7}


def test_the_column_looks_at_the_newest_times() -> None:
    times: dict[str, float] = {}
    grid = nodes_grid(times)
    grid.put([node(0), node(1)], LOOK)
    column = next(column for column in grid.columns if column.name == "First p95")

    times[node_id(1)] = 250
    grid.sort("First p95")

    assert [column.cell(row, LOOK).text for row in grid.shown] == ["250 ms", "-"]
    assert cell("First p95").text == "-"


def test_every_column_sorts_any_nodes_and_says_what_it_is() -> None:
    grid = nodes_grid()
    grid.put([node(0, standing=None), *(node(n) for n in range(1, 6))], LOOK)

    for column in grid.columns:
        grid.sort(column.name)
        assert len(grid.shown) == 6
        assert column.says.endswith(".")


def test_at_80_columns_the_models_are_there_and_at_60_they_are_not() -> None:
    wide, narrow = (
        [place.column.name for place in nodes_grid().place(width)] for width in (78, 58)
    )

    assert wide == ["State", "Node", "Models", "Slots", "Tok/s", "Points"]
    assert narrow == ["State", "Node", "Slots", "Tok/s", "Points"]


def test_points_say_what_is_held_and_that_it_is_out() -> None:
    def standing(**fields: object) -> NodeStanding:
        return NodeStanding(points=100, **{"held": 0, **fields})  # type: ignore[arg-type]

    assert cell("Points", standing=None) == ("-", "muted")
    assert cell("Points", standing=standing(held=20)).text == "100 +20"
    assert cell("Points", standing=standing(suspended=True)) == ("100 out", "bad")
    assert cell("Points", standing=standing(trusted=True)) == ("100", "good")


def test_a_node_without_a_name_is_called_by_its_id() -> None:
    assert node_name(node(0, name="")) == node_id(0)[:12]
