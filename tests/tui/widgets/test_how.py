from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Static

from clubai.model import ModelSnapshot
from clubai.tui.look import Look
from clubai.tui.widgets.how import MOST_NAME, HowLine, model_choices, model_told

LOOK = Look(ascii=True)
QWEN = ModelSnapshot(
    name="qwen3-8b",
    nodes=2,
    warm=1,
    slots=6,
    slots_free=4,
    context=32_768,
    kinds=("chat",),
)
NASTY = ModelSnapshot(
    name="x\x1b[31m" + "y" * 60,
    nodes=1,
    warm=0,
    slots=1,
    slots_free=0,
    context=0,
    kinds=("chat",),
)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("", "any"),
        ("qwen3-8b", "qwen3-8b (4 of 6 slots free)"),
        ("gone", "gone (no node offers it now)"),
    ],
)
def test_the_model_is_told_with_who_has_room_for_it(model: str, told: str) -> None:
    assert model_told(model, (NASTY, QWEN), LOOK) == told


def test_any_can_be_chosen_and_each_model_that_is_offered() -> None:
    choices = model_choices((QWEN, NASTY), LOOK)

    assert choices[:2] == [
        ("", "any: the one with the most free slots"),
        ("qwen3-8b", "qwen3-8b: 4 of 6 slots free, context 32768"),
    ]
    assert choices[2][0] == NASTY.name
    assert choices[2][1].endswith(": 0 of 1 slots free, context -")


def test_a_models_name_is_cut_and_gives_the_terminal_no_orders() -> None:
    for told in (
        model_told(NASTY.name, (NASTY,), LOOK),
        model_choices((NASTY,), LOOK)[1][1],
    ):
        assert "\x1b" not in told
        assert told.isascii()
        assert len(told) < MOST_NAME + 40


class Shown(App[None]):
    """The line alone."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def compose(self) -> ComposeResult:
        yield HowLine()

    def on_how_line_asked(self, event: HowLine.Asked) -> None:
        self.asked.append(event.choice)


async def test_it_tells_what_is_under_way_and_what_was_clicked() -> None:
    app = Shown()
    async with app.run_test() as pilot:
        line = app.query_one(HowLine)
        told = []
        for running in (2, 0):
            line.show("[any]", "consensus", running)
            await pilot.pause()
            told.append([str(each.render()) for each in line.query(Static)])
        line.show("[any]", "consensus", 1)
        for each in ("#asking-mode", "#asking-model", "#asking-now"):
            await pilot.click(each)

    assert told == [
        ["model [any]", "mode consensus", "2 of 4 under way"],
        ["model [any]", "mode consensus", ""],
    ]
    assert app.asked == ["mode", "model"]
