from __future__ import annotations

from textual.app import App, ComposeResult

from clubai.tui.widgets.tabs import TabLine


class Shown(App[None]):
    chosen = -1

    def compose(self) -> ComposeResult:
        yield TabLine(("Live", "Models"))

    def on_tab_line_chosen(self, event: TabLine.Chosen) -> None:
        self.chosen = event.index


async def test_the_chosen_one_stands_in_brackets_and_a_click_chooses() -> None:
    app = Shown()
    async with app.run_test(size=(40, 5)) as pilot:
        line = app.query_one(TabLine)
        assert str(line.visual) == "[Live]  Models "

        await pilot.click(TabLine, offset=(9, 0))
        assert app.chosen == 1

        app.chosen = -1
        await pilot.click(TabLine, offset=(6, 0))
        await pilot.click(TabLine, offset=(30, 0))
        assert app.chosen == -1

        line.choose(-1)
        assert str(line.visual) == " Live  [Models]"
        assert [line.at(x) for x in (0, 5, 6, 7, 14, 15)] == [0, 0, None, 1, 1, None]
