"""How the nodes stand: live before told, ranks, and the distribution."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.coordinator.standing import StandingSummary
from clubai.model import NodeStanding, node_text
from clubai.tui.acts.standing import standing_path
from clubai.tui.grid import text_lines
from clubai.tui.look import Look
from clubai.tui.picture import Change
from clubai.tui.tables.reputation import (
    EDGES,
    Told,
    node_rows,
    ranked,
    read_page,
    read_told,
    reputation_grid,
    spread,
    spread_lines,
    told_since,
)
from support.api_calls import api_club
from support.club_answers import ledger, reputation, told
from support.dashboard import NOW, change, node, node_id

LOOK = Look(now=NOW)
NODES = {node_id(number): node(number) for number in range(6)}
TOLD = read_told(reputation())


def test_live_points_win_over_told_ones() -> None:
    standing = NodeStanding(points=777, held=3)
    nodes = {node_id(1): node(1, standing=standing)}

    (row,) = node_rows(nodes, {node_id(1): TOLD[node_id(1)]}, ())

    assert (row.points, row.held, row.name, row.done) == (777, 3, "barn", 107)
    assert row.told is not None
    assert row.told.audits_passed == 11


def test_nodes_that_are_away_are_shown_as_they_were_told() -> None:
    (row,) = node_rows({}, {node_id(4): TOLD[node_id(4)]}, ())

    assert (row.name, row.points, row.state, row.done) == ("eaves", 280, "suspended", 0)


def test_nobody_judges_nobody_is_shown() -> None:
    assert node_rows({node_id(1): node(1, standing=None)}, {}, ()) == []


@pytest.mark.parametrize(
    ("suspended", "trusted", "said", "word"),
    [
        (True, True, "proven", "suspended"),
        (False, True, "proven", "trusted"),
        (False, False, "probation", "probation"),
        (False, False, "suspended", ""),
    ],
)
def test_the_standing_in_a_word(
    suspended: bool, trusted: bool, said: str, word: str
) -> None:
    standing = NodeStanding(points=1, held=0, suspended=suspended, trusted=trusted)
    fresh = read_told({"nodes": [told(1, state=said)]})

    (row,) = node_rows({node_id(1): node(1, standing=standing)}, fresh, ())

    assert row.state == word


def test_what_was_seen_moves_and_the_last_of_it_is_said() -> None:
    changes = [
        Change(NOW - 20.0, change(3, points=10)),
        Change(NOW - 10.0, change(6, "timeout", -20)),
    ]

    row = next(row for row in node_rows(NODES, {}, changes) if row.name == "attic")

    assert (row.moved, row.last_at) == (-10, NOW - 10.0)
    assert row.last == "timeout -20: no answer within 30 s"
    assert told_since(changes, LOOK) == "changes seen for 20 s"
    assert told_since([], LOOK) == "no change seen yet"


@given(st.lists(st.integers(0, 20), min_size=1))
def test_a_rank_is_one_more_than_those_with_more_points(points: list[int]) -> None:
    (model,) = node_rows({}, {node_id(1): TOLD[node_id(1)]}, ())
    rows = ranked(
        msgspec.structs.replace(model, id=str(number), points=each)
        for number, each in enumerate(points)
    )

    for row in rows:
        assert row.rank == 1 + sum(each > row.points for each in points)


@given(st.lists(st.integers(0, 20_000)))
def test_the_groups_hold_everybody_and_begin_and_end_with_somebody(
    points: list[int],
) -> None:
    groups = spread(points)

    assert sum(count for _, count in groups) == len(points)
    if points:
        assert groups[0][1] > 0
        assert groups[-1][1] > 0
    assert len(groups) <= len(EDGES) + 1


def test_edges_belong_to_the_group_above() -> None:
    assert spread([49]) == [("under 50", 1)]
    assert spread([50, 99]) == [("50-99", 2)]
    assert spread([5000]) == [("5000 and more", 1)]


@given(st.lists(st.integers(0, 20_000), max_size=40), st.integers(20, 200))
def test_bars_fit_and_are_ascii_when_asked(points: list[int], width: int) -> None:
    lines = spread_lines(points, Look(ascii=True), width)

    assert all(line.isascii() for line in lines)
    assert all(len(line) <= max(width, 24) for line in lines)


def test_a_page_is_read() -> None:
    page = read_page(ledger(next=5))

    assert page.told.name == "attic"
    assert not page.complete
    assert read_page(ledger()).complete
    with pytest.raises(KeyError):
        read_page({"nodes": []})


@pytest.mark.parametrize("width", [58, 78, 98, 138, 198])
def test_the_table_reads_well_at_every_width(width: int) -> None:
    grid = reputation_grid()
    grid.put(node_rows(NODES, TOLD, ()), LOOK)

    lines = text_lines(grid, LOOK, width=width)

    assert all(len(line) <= width for line in lines)
    assert "forge" in lines[1]
    assert "suspended" in "\n".join(lines)
    assert "trusted" in "\n".join(lines)


def test_what_is_read_is_what_the_club_tells() -> None:
    assert set(Told.__struct_fields__) <= set(StandingSummary.__struct_fields__)


async def test_what_a_club_answers_is_read(tmp_path: Path) -> None:
    async with api_club(tmp_path) as api:
        alice = await api.join("alice")
        node = await api.club.add("attic", owner=alice.member)
        every = await api.call("GET", "/api/reputation", key=alice.key)
        path = f"{standing_path(node_text(node.id))}?limit=200"
        one = await api.call("GET", path, key=alice.key)

    page = read_page(one.json())
    assert page.complete
    assert page.lines[-1].change == "joined"
    assert read_told(every.json()) == {page.told.id: page.told}
