"""Members, their keys, their use by day, their nodes and tasks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.coordinator.api_keys import ApiKeySummary
from clubai.tui.grid import text_lines
from clubai.tui.look import Look
from clubai.tui.tables.members import (
    DayRow,
    KeyRow,
    keys_grid,
    members_grid,
    nodes_line,
    read_days,
    read_keys,
    read_members,
    tasks_of,
    usage_lines,
)
from support.club_answers import day, key, member
from support.dashboard import NOW, node, task

LOOK = Look(now=NOW)
MEMBERS = read_members(
    {"members": [member("ana"), member("bo", tokens_30d=10_000, last_asked_at=0.0)]}
)


def test_shares_are_of_all_members_tokens() -> None:
    assert [row.share for row in MEMBERS] == [0.75, 0.25]


def test_a_club_that_counts_no_use_yet_is_read() -> None:
    (row,) = read_members({"members": [{"id": "m", "name": "n", "role": "member"}]})

    assert (row.share, row.tokens_30d) == (0.0, 0)


@pytest.mark.parametrize("width", [58, 78, 138, 198])
def test_the_members_read_well_at_every_width(width: int) -> None:
    grid = members_grid()
    grid.put(MEMBERS, LOOK)

    _, ana, bo = text_lines(grid, LOOK, width=width)

    assert "12.0k" in ana
    assert "60 s" in ana
    assert "never" in bo
    assert max(len(ana), len(bo)) <= width


def test_keys_say_whether_they_are_good() -> None:
    keys = [
        key("one"),
        key("two", revoked_at=NOW, monthly_tokens=None),
        key("three", expires_at=NOW, login=True),
    ]
    grid = keys_grid()
    grid.put(read_keys({"keys": keys}), LOOK)

    text = "\n".join(text_lines(grid, LOOK, width=100))

    for word in ("good", "revoked", "expired", "log in", "100k", "none"):
        assert word in text


def test_use_by_day_is_drawn_with_the_words_that_read_it() -> None:
    lines = usage_lines(
        read_days({"days": [day(number) for number in range(1, 31)]}),
        Look(ascii=True),
        78,
    )

    assert lines[0].startswith("Tokens by day (UTC), 30 days:")
    assert "465 tasks, 15 failed" in lines[0]
    assert len(lines) == 5
    assert lines[-1] == "2026-09-01 to 2026-09-30; most: 870 on 2026-09-27"
    assert all(line.isascii() for line in lines)


def test_a_narrow_screen_says_which_days_are_drawn() -> None:
    days = read_days({"days": [day(number) for number in range(1, 31)]})

    assert usage_lines(days, LOOK, 10)[-1].startswith("2026-09-21 to 2026-09-30")
    assert usage_lines([], LOOK, 10) == ["No day is told."]


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=90), st.integers(10, 200))
def test_any_use_fits(tokens: list[int], width: int) -> None:
    days = [
        DayRow(
            day="2026-09-01", tasks=1, failed=0, prompt_tokens=each, completion_tokens=0
        )
        for each in tokens
    ]

    assert all(len(line) <= width for line in usage_lines(days, LOOK, width)[1:-1])


def test_nodes_are_found_by_their_owner() -> None:
    nodes = [node(number) for number in range(6)]

    assert nodes_line(nodes, ("ana", "m_ana"), LOOK) == (
        "Nodes: attic alive 100 points · den paused 235 points"
    )
    assert nodes_line(nodes, ("nobody",), LOOK) == "Nodes: none"


def test_tasks_are_found_by_their_member() -> None:
    tasks = [task(number) for number in range(6)]
    found = tasks_of(tasks, "m_ana")

    assert [each.id for each in found] == [f"{number:032x}" for number in (0, 2, 4)]


def test_what_is_read_of_keys_is_what_the_club_tells() -> None:
    assert set(KeyRow.__struct_fields__) <= set(ApiKeySummary.__struct_fields__)
