from __future__ import annotations

from textual import events
from textual.app import App, ComposeResult

from clubai.tui.widgets.question import QuestionLine


class Lined(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def compose(self) -> ComposeResult:
        yield QuestionLine()

    @property
    def line(self) -> QuestionLine:
        return self.query_one(QuestionLine)

    def on_question_line_asked(self, event: QuestionLine.Asked) -> None:
        self.asked.append(self.line.take())


async def test_enter_asks_and_empties_the_line() -> None:
    app = Lined()
    async with app.run_test() as pilot:
        await pilot.press("h", "i", "enter")

        assert (app.asked, app.line.text) == (["hi"], "")


async def test_a_paste_and_ctrl_j_keep_their_lines() -> None:
    app = Lined()
    async with app.run_test() as pilot:
        app.post_message(events.Paste("one\ntwo"))
        await pilot.press("ctrl+j", "x")
        assert app.line.text == "one\ntwo\nx"
        await pilot.press("enter")

        assert app.asked == ["one\ntwo\nx"]


async def test_up_and_down_go_through_earlier_questions() -> None:
    app = Lined()
    async with app.run_test() as pilot:
        await pilot.press("a", "enter", "b", "enter", "b", "enter", "d")
        texts = []
        for key in ("up", "up", "up", "down", "down", "down"):
            await pilot.press(key)
            texts.append(app.line.text)

        assert texts == ["b", "a", "a", "b", "d", "d"]
        assert app.line.asked == ["a", "b"]


async def test_up_moves_within_several_lines_first() -> None:
    app = Lined()
    async with app.run_test() as pilot:
        await pilot.press("a", "enter", "x", "ctrl+j", "y", "up")
        assert app.line.text == "x\ny"
        await pilot.press("up")

        assert app.line.text == "a"
