from __future__ import annotations

from textual.app import App, ComposeResult

from clubai.tui.look import Cell
from clubai.tui.widgets.page import Lines, Page, painted


class Shown(App[None]):
    def compose(self) -> ComposeResult:
        yield Page(id="page")


def test_what_a_terminal_obeys_is_not_in_the_lines() -> None:
    shown = painted([[Cell("one\x1b[2J"), Cell(" [bold]two[/]", "bad")], [Cell("3")]])

    assert shown.plain == "one[2J [bold]two[/]\n3"


async def test_a_page_scrolls_and_draws_what_is_new_alone() -> None:
    async with Shown().run_test(size=(40, 5)) as pilot:
        page = pilot.app.query_one(Page)
        page.put([[Cell(f"line {number}")] for number in range(9)])
        await pilot.pause()
        first = pilot.app.query_one(Lines).visual

        page.put([[Cell(f"line {number}")] for number in range(9)])
        assert pilot.app.query_one(Lines).visual is first

        page.focus()
        await pilot.press("end")
        await pilot.pause()
        assert page.scroll_offset.y == 4
