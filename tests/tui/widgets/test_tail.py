"""The tail of events in a small place."""

from __future__ import annotations

from textual.app import App, ComposeResult

from clubai.tui.look import Look
from clubai.tui.widgets.tail import EventTail
from support.dashboard import NOW, happened


class Shown(App[None]):
    """Nothing but the tail."""

    def compose(self) -> ComposeResult:
        yield EventTail(id="tail")


async def test_the_newest_stays_in_sight_wherever_it_stands() -> None:
    app, look = Shown(), Look(now=NOW)
    async with app.run_test(size=(60, 6)) as pilot:
        tail = app.query_one("#tail", EventTail)
        tail.put([happened(number) for number in range(20)], look)
        await pilot.pause()
        assert tail.scroll_offset.y == 0

        await pilot.press("S")
        assert "m_new19 joined" in tail.render_line(5).text

        tail.put([happened(number) for number in range(40)], look)
        await pilot.pause()
        assert "m_new39 joined" in tail.render_line(5).text

        await pilot.press("up", "up")
        tail.put([happened(number) for number in range(60)], look)
        await pilot.pause()
        assert tail.grid.row == happened(37)
        assert "m_new39 joined" in tail.render_line(5).text

        await pilot.press("f")
        assert tail.grid.row == happened(59)
        assert tail.events.follows
