"""The dashboard: the board with the screens of one view on it, each behind a number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final, Literal, NamedTuple

from textual.command import Provider
from textual.screen import Screen

from clubai.tui.asking import Asking
from clubai.tui.board import Board
from clubai.tui.palette import ClubCommands
from clubai.tui.screens.events import EventsScreen
from clubai.tui.screens.members import MembersScreen
from clubai.tui.screens.mine import MineScreen
from clubai.tui.screens.models import ModelsScreen
from clubai.tui.screens.nodes import NodesScreen
from clubai.tui.screens.overview import OverviewScreen
from clubai.tui.screens.playground import PlaygroundScreen
from clubai.tui.screens.reputation import ReputationScreen
from clubai.tui.screens.tasks import TasksScreen
from clubai.tui.source import Source
from clubai.tui.widgets.views import ViewLine

View = Literal["operator", "member"]
HINT_S: Final = 12.0


class Tab(NamedTuple):
    """One screen of a view."""

    name: str
    make: Callable[[], Screen[None]]


VIEWS: Final[dict[View, tuple[Tab, ...]]] = {
    "operator": (
        Tab("Overview", OverviewScreen),
        Tab("Nodes", NodesScreen),
        Tab("Tasks", TasksScreen),
        Tab("Reputation", ReputationScreen),
        Tab("Models", ModelsScreen),
        Tab("Events", EventsScreen),
        Tab("Members", MembersScreen),
        Tab("Playground", PlaygroundScreen),
    ),
    "member": (
        Tab("Playground", PlaygroundScreen),
        Tab("My tasks", MineScreen),
        Tab("Nodes", NodesScreen),
        Tab("Models", ModelsScreen),
        Tab("Reputation", ReputationScreen),
    ),
}
"""The screens of each view, in the order of their number keys."""


class Dashboard(Board):
    """A club on one screen."""

    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {
        ClubCommands
    }

    def __init__(
        self,
        source: Source,
        *,
        view: View = "operator",
        readonly: bool = False,
        ascii: bool = False,
        theme: str = "",
        asking: Asking | None = None,
    ) -> None:
        super().__init__(
            source, readonly=readonly, ascii=ascii, theme=theme, asking=asking
        )
        self.tabs = VIEWS[view]
        for number, tab in enumerate(self.tabs, 1):
            self.add_mode(tab.name, tab.make)
            self.bind(str(number), f"view({number})", description=tab.name, show=False)

    @property
    def tab_names(self) -> Sequence[str]:
        """The screens of this view."""
        return [tab.name for tab in self.tabs]

    def on_view_line_asked(self, event: ViewLine.Asked) -> None:
        """A screen was clicked."""
        self.action_view(event.number)

    def on_mount(self) -> None:
        """Begin with the first screen."""
        self.switch_mode(self.tabs[0].name)
        if self.asking.samples and "Playground" in self.tab_names:
            number = self.tab_names.index("Playground") + 1
            self.notify(
                f"{number} leads to the Playground: ask the club. After Esc, space "
                "asks a prepared question.",
                title="A club of your own",
                timeout=HINT_S,
            )

    def action_view(self, number: int) -> None:
        """Go to the screen with this number; on it already: to its beginning."""
        name = self.tabs[number - 1].name
        if self.current_mode == name:
            self._pop_all()
        else:
            self.switch_mode(name)

    async def go(self, name: str) -> None:
        """Go to the beginning of the screen of this name; it is there then."""
        if self.current_mode != name:
            await self.switch_mode(name)
        self._pop_all()

    def _pop_all(self) -> None:
        while len(self.screen_stack) > 1:
            self.pop_screen()
