from __future__ import annotations

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from clubai.tui.grid import Column, Grid
from clubai.tui.look import Cell, Look
from clubai.tui.widgets.table import LiveTable
from support.dashboard import settled, shown

Row = tuple[str, int]


def grid() -> Grid[Row]:
    return Grid(
        (
            Column(
                name="Name",
                width=8,
                grow=True,
                cell=lambda row, _: Cell(row[0]),
                sort=lambda row: row[0],
            ),
            Column(
                name="Size",
                width=6,
                right=True,
                falling=True,
                cell=lambda row, _: Cell(str(row[1]), "good"),
                sort=lambda row: row[1],
            ),
            Column(
                name="More",
                width=40,
                rank=1,
                cell=lambda row, _: Cell("界" * 20),
                sort=lambda row: row[0],
            ),
        ),
        key=lambda row: row[0],
        sort="Name",
    )


class Tables(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.chosen: list[Row] = []

    def compose(self) -> ComposeResult:
        yield LiveTable[Row](grid())

    @property
    def table(self) -> LiveTable[Row]:
        return self.query_one(LiveTable)

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        assert event.control is self.table
        self.chosen.append(event.row)


def rows(*numbers: int) -> list[Row]:
    return [(f"row{number:03}", number) for number in numbers]


def lines(app: Tables) -> list[str]:
    table = app.table
    return [table.render_line(y).text for y in range(table.size.height)]


async def put(app: Tables, pilot: Pilot[None], given: list[Row]) -> None:
    app.table.put(given, Look())
    await pilot.pause()


def line_of_cursor(app: Tables) -> int:
    return app.table.grid.index - app.table.scroll_offset.y


async def test_keys_move_the_cursor_and_the_view_follows() -> None:
    app = Tables()
    async with app.run_test(size=(40, 10)) as pilot:
        await put(app, pilot, rows(*range(50)))
        assert len(lines(app)) == 10
        for keys, index in (
            ("j", 1),
            ("down", 2),
            ("k", 1),
            ("pagedown", 9),
            ("G", 49),
            ("pageup", 41),
            ("end", 49),
            ("g", 0),
            ("up", 0),
        ):
            await pilot.press(keys)
            assert app.table.grid.index == index, keys
            assert 0 <= line_of_cursor(app) < 9, keys
            assert f"row{index:03}" in lines(app)[line_of_cursor(app) + 1]
        await pilot.press("j", "enter")
        await pilot.pause()
        assert app.chosen == rows(1)


async def test_a_row_is_opened_once_by_keys_in_one_read() -> None:
    async with shown(keys=["2"]) as (board, pilot):
        for _ in range(2):
            for _ in range(2):
                board.simulate_key("enter")
            await settled(pilot)
            crumbs = [getattr(screen, "crumb", "") for screen in board.screen_stack]
            assert crumbs == ["Nodes", "attic"]
            await pilot.press("escape")


async def test_the_row_under_the_cursor_keeps_its_line() -> None:
    app = Tables()
    async with app.run_test(size=(40, 10)) as pilot:
        await put(app, pilot, rows(*range(100, 150)))
        await pilot.press(*["j"] * 20)
        before = line_of_cursor(app)
        for more in range(8):
            await put(app, pilot, rows(*range(90 - more * 7, 150)))
            assert app.table.grid.cursor == "row120"
            assert line_of_cursor(app) == before
        await put(app, pilot, rows(*range(119, 150)))
        assert line_of_cursor(app) == 1
        await put(app, pilot, rows(119, 120))
        assert app.table.scroll_offset.y == 0


async def test_nobody_who_scrolled_away_is_brought_back() -> None:
    app = Tables()
    async with app.run_test(size=(40, 10)) as pilot:
        await put(app, pilot, rows(*range(50)))
        await pilot.press("j")
        app.table.scroll_to(y=30, animate=False, immediate=True)
        await put(app, pilot, rows(*range(50)))
        assert app.table.scroll_offset.y == 30
        await pilot.press("j")
        assert app.table._sees(2)


async def test_the_wheel_scrolls() -> None:
    app = Tables()
    async with app.run_test(size=(40, 10)) as pilot:
        await put(app, pilot, rows(*range(50)))
        app.table._on_mouse_scroll_down(wheel())
        app.animator.force_stop_animation(app.table, "scroll_y")
        await pilot.pause()
        assert app.table.scroll_target_y > 0
        assert app.table.grid.index == 0


def wheel() -> object:
    from textual.events import MouseScrollDown

    return MouseScrollDown(
        None,
        x=1,
        y=5,
        delta_x=0,
        delta_y=1,
        button=0,
        shift=False,
        meta=False,
        ctrl=False,
    )


async def test_a_click_on_a_head_sorts_and_one_on_a_row_chooses() -> None:
    app = Tables()
    async with app.run_test(size=(40, 10)) as pilot:
        await put(app, pilot, rows(3, 1, 2))
        assert lines(app)[0].startswith("Name▲")
        await pilot.click(LiveTable, offset=(1, 0))
        assert lines(app)[0].startswith("Name▼")
        await pilot.click(LiveTable, offset=(37, 0))
        assert app.table.grid.sort_by == "Size"
        await pilot.click(LiveTable, offset=(2, 3))
        assert app.table.grid.cursor == "row001"
        assert app.chosen == []
        await pilot.click(LiveTable, offset=(2, 8))
        assert app.table.grid.cursor == "row001"


async def test_a_double_click_opens_what_was_clicked_first() -> None:
    app = Tables()
    async with app.run_test(size=(40, 10)) as pilot:
        await put(app, pilot, rows(1, 2, 3))
        await pilot.click(LiveTable, offset=(2, 2), times=2)
        await pilot.pause()
        assert app.chosen == rows(2)


async def test_sorting_and_marking_by_keys() -> None:
    app = Tables()
    async with app.run_test(size=(40, 10)) as pilot:
        await put(app, pilot, rows(1, 2, 3))
        await pilot.press("greater_than_sign")
        assert (app.table.grid.sort_by, app.table.grid.falling) == ("Size", True)
        await pilot.press("S")
        assert not app.table.grid.falling
        await pilot.press("less_than_sign", "space", "space")
        assert app.table.grid.marked == {"row001", "row002"}
        app.table.set_filter("3")
        assert [row[0] for row in app.table.grid.shown] == ["row003"]


@pytest.mark.parametrize("width", [20, 41, 60, 100])
async def test_each_line_is_as_wide_as_the_table(width: int) -> None:
    app = Tables()
    async with app.run_test(size=(width, 8)) as pilot:
        await put(app, pilot, [("界" * 30, 1), *rows(*range(20))])
        assert {cell_len(line) for line in lines(app)} == {app.table.size.width}
        assert not app.table.show_horizontal_scrollbar
        await pilot.press("W")
        await pilot.pause()
        assert app.table.show_horizontal_scrollbar is (width < 60)
        for x in range(5):
            app.table.scroll_to(x=x, animate=False, immediate=True)
            assert {cell_len(line) for line in lines(app)} == {app.table.size.width}


async def test_no_column_stands_behind_the_scrollbar() -> None:
    app = Tables()
    async with app.run_test(size=(20, 8)) as pilot:
        await put(app, pilot, rows(1, 2))
        assert lines(app)[0] == "Name▲           Size"

        await put(app, pilot, rows(*range(20)))
        await pilot.pause()
        assert app.table.show_vertical_scrollbar
        assert lines(app)[0] == "Name▲         Size  "
        strips = [app.table.render_line(y) for y in range(app.table.size.height)]
        assert all(part.style is not None for strip in strips for part in strip)
