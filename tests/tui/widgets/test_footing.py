from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Input

from clubai.tui.widgets.footing import LAST, LEAST, Footing, fitting
from support.dashboard import settled, shown, text_of

ALL = "/ Filter  c Copy  d Drain  p Pause it  u Resume  K Kick  m Note  "


async def test_the_keys_of_a_screen_are_made_once() -> None:
    async with shown(keys=["2"]) as (board, pilot):
        before = list(board.screen.query_one(Footing).children)
        assert before

        await pilot.press("3")
        await settled(pilot)
        await pilot.press("2")
        await settled(pilot)

        assert list(board.screen.query_one(Footing).children) == before


async def test_other_keys_are_shown_when_there_are_others() -> None:
    async with shown(keys=["2"]) as (board, pilot):
        assert "Drain" in text_of(board).splitlines()[-1]
        before = list(board.screen.query_one(Footing).children)

        board.readonly = True
        await settled(pilot)
        await settled(pilot)

        assert "Drain" not in text_of(board).splitlines()[-1]
        assert list(board.screen.query_one(Footing).children) != before


async def test_the_keys_come_back_after_the_filter() -> None:
    async with shown(keys=["2"]) as (board, pilot):
        line = text_of(board).splitlines()[-1]

        await pilot.press("slash")
        assert isinstance(board.focused, Input)
        await pilot.press("escape")
        await settled(pilot)

        assert text_of(board).splitlines()[-1] == line


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (140, f"{ALL}q Quit  : Commands  ? Keys  P Pause"),
        (80, f"{ALL.replace('c Copy  ', '')}q Quit  ? Keys"),
        (60, "d Drain  p Pause it  u Resume  K Kick  q Quit  ? Keys"),
    ],
)
async def test_whole_keys_are_left_out_where_it_is_narrow(
    width: int, line: str
) -> None:
    async with shown(keys=["2"], size=(140, 24)) as (board, pilot):
        await pilot.resize_terminal(width, 24)
        await settled(pilot)

        assert text_of(board).splitlines()[-1].strip() == line


ACTIONS = ("act('drain')", "ask", "keys", *LAST, *LEAST)
KEYS = st.dictionaries(st.sampled_from(ACTIONS), st.integers(4, 20))


@given(KEYS, st.integers(0, 120))
def test_no_key_is_cut_but_the_one_that_tells_of_all(
    keys: dict[str, int], room: int
) -> None:
    actions, widths = list(keys), list(keys.values())

    kept = fitting(actions, widths, room)

    names = {actions[number] for number in kept}
    assert kept == sorted(kept)
    assert ("keys" in names) == ("keys" in keys)
    used = sum(widths[number] for number in kept) - 1
    assert used <= room or names <= {"keys"}
    left_out = set(keys) - names
    assert not left_out or sum(widths) - 1 > room
    if left_out - set(LEAST):
        assert not names & set(LEAST)
    if left_out & set(LAST):
        assert names <= {"keys"}
