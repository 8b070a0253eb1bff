from __future__ import annotations

from textual.app import App
from textual.widgets import Static

from clubai.tui.widgets.number import NumberScreen


class Asking(App[None]):
    """Asks for a number from 0 to 8."""

    given: int | None = -1

    def on_mount(self) -> None:
        self.ask()

    def ask(self) -> None:
        screen = NumberScreen("Slots", "how [many]", value=3, least=0, most=8)
        self.push_screen(screen, self.take)

    def take(self, given: int | None) -> None:
        self.given = given


async def test_what_is_typed_replaces_the_number_and_its_range_is_kept() -> None:
    app = Asking()
    async with app.run_test() as pilot:
        assert str(app.screen.query_one("#number-asks", Static).render()) == (
            "how [many]"
        )
        await pilot.press("9", "enter")
        assert app.given == -1
        await pilot.press("backspace", "6", "enter")
        assert app.given == 6

        app.ask()
        await pilot.press("escape")
        assert app.given is None

        app.ask()
        await pilot.press("enter")
        assert app.given == 3
