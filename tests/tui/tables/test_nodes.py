from __future__ import annotations

import pytest

from clubai.model import NICKNAME_LENGTH, NodeStanding
from clubai.tui.grid import text_lines
from clubai.tui.look import Look
from clubai.tui.tables.nodes import NODES, node_name, nodes_grid
from support.dashboard import NOW, node


def texts(number: int, **fields: object) -> dict[str, str]:
    grid = nodes_grid()
    grid.put([node(number, **fields)], Look(now=NOW))
    return grid.texts(grid.shown[0])


def test_a_node_in_words() -> None:
    assert texts(1) == {
        "state": "alive",
        "node": "barn",
        "owner": "bo",
        "models": "smollm2-135m-instruct, qwen3-8b",
        "slots": "███░░░ 1/2",
        "tok/s": "25",
        "points": "145 +20",
        "done": "107",
        "failed": "3",
        "backend": "ollama",
        "version": "0.1.0",
        "seen": "2 s",
    }


def test_what_is_not_known_is_a_dash() -> None:
    shown = texts(0, standing=None, owner="", version="", seen_at=0.0)

    assert [shown[name] for name in ("points", "owner", "version", "seen")] == ["-"] * 4
    assert node_name(node(0, name="")) == node(0).id[:NICKNAME_LENGTH]


def test_a_suspended_node_is_out() -> None:
    standing = NodeStanding(points=5, held=0, suspended=True)

    assert texts(0, standing=standing)["points"] == "5 out"


@pytest.mark.parametrize("column", NODES, ids=[column.name for column in NODES])
def test_nodes_sort_by_each_column(column: object) -> None:
    grid = nodes_grid()
    grid.put([node(number) for number in range(6)], Look(now=NOW))
    grid.sort(column.name)  # type: ignore[attr-defined]

    assert len(grid.shown) == 6
    assert column.says.endswith(".")  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [58, 78, 98, 138, 198])
def test_it_fits(width: int) -> None:
    grid = nodes_grid()
    grid.put([node(number) for number in range(6)], Look(now=NOW, ascii=True))

    lines = text_lines(grid, grid.look, width=width)
    assert max(map(len, lines)) <= width
    assert "attic" in "".join(lines)
    assert all(line.isascii() for line in lines)
