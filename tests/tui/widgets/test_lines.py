"""Lines of cells on a screen."""

from __future__ import annotations

from textual.app import App, ComposeResult

from clubai.tui.look import Cell
from clubai.tui.widgets.lines import Lines


class Shown(App[None]):
    """Nothing but lines."""

    def compose(self) -> ComposeResult:
        yield Lines(id="lines")


async def test_cells_stand_side_by_side_in_their_tones() -> None:
    app = Shown()
    async with app.run_test(size=(20, 4)) as pilot:
        lines = app.query_one("#lines", Lines)
        lines.put([[Cell("good", "good"), Cell(" plain")], [Cell("x" * 30, "bad")]])
        await pilot.pause()

        first, second, third = (lines.render_line(y) for y in range(3))

    assert first.text == "good plain" + " " * 10
    assert second.text == "x" * 20
    assert third.text == " " * 20
    good, plain = list(first)[:2]
    assert good.style is not None
    assert plain.style is not None
    assert good.style.color != plain.style.color


async def test_the_same_lines_are_not_drawn_again() -> None:
    app = Shown()
    async with app.run_test(size=(20, 4)) as pilot:
        lines = app.query_one("#lines", Lines)
        lines.put([[Cell("one")]])
        await pilot.pause()
        drawn = []
        lines.refresh = lambda *_, **__: drawn.append(True) or lines

        lines.put([[Cell("one")]])
        assert not drawn
        lines.put([[Cell("two")]])
        assert drawn
