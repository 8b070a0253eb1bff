"""The rows of models: what nodes offer and what tasks ask for."""

from __future__ import annotations

from typing import Any

import msgspec

from clubai.model import ModelOffer
from clubai.tui.look import Cell, Look
from clubai.tui.picture import Picture
from clubai.tui.tables.models import (
    MODELS,
    ModelRow,
    model_rows,
    models_grid,
    nodes_with,
    tasks_of,
)
from support.dashboard import NOW, node, script, snapshot, task

LOOK = Look(now=NOW)


def picture(**fields: Any) -> Picture:
    made = Picture()
    items = (
        [msgspec.structs.replace(snapshot(), **fields)] if fields else script(events=0)
    )
    for item in items:
        made.take(item, NOW)
    return made


def rows(made: Picture) -> dict[str, ModelRow]:
    return {row.name: row for row in model_rows(made, NOW)}


def cell(row: ModelRow, name: str) -> Cell:
    column = next(column for column in MODELS if column.name == name)
    return column.cell(row, LOOK)


def test_a_row_counts_nodes_tasks_and_speeds() -> None:
    row = rows(picture())["smollm2-135m-instruct"]

    assert (row.nodes, row.warm, row.slots, row.slots_free) == (6, 6, 13, 8)
    assert (row.requests, row.waiting) == (6, 2)
    assert row.tokens_per_second == 40.0
    assert row.first_token_ms == 550


def test_a_node_that_did_not_measure_a_model_counts_with_its_own_speed() -> None:
    nodes = (
        node(0, models=(ModelOffer(name="m", tokens_per_second=10.0),)),
        node(1, models=(ModelOffer(name="m"),), tokens_per_second=30.0),
        node(3, models=(ModelOffer(name="m"),), tokens_per_second=0.0),
        node(5, models=(ModelOffer(name="m"),), tokens_per_second=900.0),
    )
    models = (msgspec.structs.replace(snapshot().models[0], name="m"),)

    assert rows(picture(nodes=nodes, models=models))["m"].tokens_per_second == 20.0


def test_only_the_last_ten_minutes_are_asked() -> None:
    tasks = (
        task(4, id="a", model="m", ended_at=NOW - 601.0),
        task(4, id="b", model="m", ended_at=NOW - 599.0),
        task(0, id="c", model="m", created_at=NOW - 900.0),
    )
    models = (msgspec.structs.replace(snapshot().models[0], name="m"),)

    row = rows(picture(tasks=tasks, models=models))["m"]

    assert (row.requests, row.waiting) == (2, 1)


def test_a_model_that_only_tasks_name_is_shown() -> None:
    row = rows(picture(tasks=(task(0, model="gone"),)))["gone"]

    assert (row.nodes, row.waiting) == (0, 1)
    assert cell(row, "Nodes") == ("none up", "bad")
    assert cell(row, "Free").tone == "muted"
    assert cell(row, "Context") == ("-", "")
    assert cell(row, "Kinds") == ("-", "")


def test_cells_say_in_words_what_colours_say() -> None:
    row = rows(picture())["qwen3-8b"]
    full = msgspec.structs.replace(row, slots_free=0, warm=0, waiting=2)

    assert cell(row, "Nodes") == ("1+2", "")
    assert cell(row, "Free") == ("████░░ 4/6", "good")
    assert cell(full, "Free") == ("░░░░░░ full", "warn")
    assert cell(full, "Nodes") == ("0+3", "warn")
    assert cell(full, "Waiting") == ("2", "warn")


def test_every_column_sorts_and_is_explained() -> None:
    grid = models_grid()
    grid.put(model_rows(picture(), NOW), LOOK)
    for column in MODELS:
        grid.sort(column.name)
        assert len(grid.shown) == 2
        assert column.says


def test_tasks_of_a_model_are_those_that_asked_for_it() -> None:
    found = tasks_of(picture(), "qwen3-8b")

    assert len(found) == 6
    assert {each.model for each in found} == {"qwen3-8b"}


def test_nodes_with_a_model_are_all_that_offer_it() -> None:
    names = [node.name for node in nodes_with(picture(), "qwen3-8b")]

    assert names == ["barn", "den", "forge"]
    assert nodes_with(picture(), "gone") == []
