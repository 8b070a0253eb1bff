from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from clubai.tui.export import as_json, as_markdown
from clubai.tui.grid import Column, Grid
from clubai.tui.look import Cell, Look
from support.dashboard import node

ANY_TEXT = st.text(st.characters(codec=None))


def names() -> Grid[str]:
    return Grid(
        (
            Column(
                name="Name",
                width=4,
                cell=lambda name, _: Cell(name),
                sort=lambda name: name,
            ),
            Column(
                name="Length",
                width=4,
                rank=9,
                cell=lambda name, _: Cell(str(len(name))),
                sort=len,
            ),
        ),
        key=lambda name: name,
    )


def test_one_row_is_an_object_and_several_are_an_array() -> None:
    assert json.loads(as_json([node(1)]))["name"] == "barn"
    assert [row["name"] for row in json.loads(as_json([node(1), node(2)]))] == [
        "barn",
        "cellar",
    ]
    assert as_json([node(1)]).startswith('{\n  "id"')


def test_a_markdown_table_has_all_columns() -> None:
    assert as_markdown(names(), ["attic", "a|b\\\nc"], Look()) == (
        "| Name | Length |\n| --- | --- |\n| attic | 5 |\n| a\\|b\\\\ c | 6 |"
    )


@given(ANY_TEXT)
def test_what_is_copied_is_not_obeyed_by_a_terminal(name: str) -> None:
    table = as_markdown(names(), [name])

    assert table.count("\n") == 2
    for text in (table, as_json([node(0, name=name)])):
        assert not any(c in text for c in "\r\x1b\x07\x9b\u202e")
        text.encode()
