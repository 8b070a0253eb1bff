from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.tui.app import VIEWS
from clubai.tui.widgets.views import GAP, ViewLine, view_texts
from support.dashboard import shown, text_of

NAMES = [tab.name for tab in VIEWS["operator"]]


def test_where_there_is_room_the_names_are_whole() -> None:
    texts = view_texts(NAMES, 140)

    assert texts[0] == "1 Overview"
    assert texts[3] == "4 Reputation"


@given(
    st.lists(st.text("abcdefgh", min_size=1, max_size=12), max_size=9),
    st.integers(1, 200),
)
def test_all_are_cut_alike_and_fit_and_the_numbers_stay(
    names: list[str], width: int
) -> None:
    texts = view_texts(names, width)

    assert [text.split()[0] for text in texts] == [
        str(number) for number in range(1, len(names) + 1)
    ]
    least = len(names) * 3 + GAP * max(len(names) - 1, 0)
    if width >= least:
        assert sum(map(len, texts)) + GAP * (len(texts) - 1) <= width
        cut = {len(text) - 2 for text in texts}
        longest = max(cut, default=0)
        for name, text in zip(names, texts, strict=True):
            assert text[2:] == name[:longest]


@pytest.mark.parametrize("width", [60, 80, 140])
async def test_the_line_stands_on_every_screen_and_fits(width: int) -> None:
    async with shown(size=(width, 24)) as (board, pilot):
        for number in range(1, len(NAMES) + 1):
            await pilot.press(str(number))
            await pilot.pause()
            line = text_of(board).splitlines()[1]
            assert len(line) <= width
            assert f"{len(NAMES)} {NAMES[-1][:3]}" in line


async def test_a_click_on_a_name_goes_there() -> None:
    async with shown(size=(140, 24)) as (board, pilot):
        line = text_of(board).splitlines()[1]

        await pilot.click(ViewLine, offset=(line.index("Nodes"), 0))
        await pilot.pause()

        assert board.tab == "Nodes"
