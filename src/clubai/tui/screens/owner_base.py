"""What the screens of the owner's view have: the node's frame, and its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, cast

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from clubai.tui import plain
from clubai.tui.acts.owner import OwnAct
from clubai.tui.look import Look
from clubai.tui.owner_words import (
    owner_banner,
    owner_notice,
    owner_status,
    too_small_owner,
)
from clubai.tui.screens.base import LEAST_HEIGHT, LEAST_WIDTH, ClubScreen
from clubai.tui.words import Notice

if TYPE_CHECKING:
    from clubai.agent.view import AgentSnapshot
    from clubai.tui.owner_board import OwnerBoard

STYLES: Final = {
    "accent": "bold $text-accent",
    "good": "$text-success",
    "warn": "$text-warning",
    "bad": "bold $text-error",
    "muted": "$text-muted",
}
"""Of the tones."""
NAMES: Final = ("Node", "Points", "Log")
"""Of the screens behind the number keys."""


class OwnerPage(ClubScreen):
    """A screen about the agent of this process."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "act('pause')", "Pause"),
        Binding("d", "act('drain')", "Drain"),
        Binding("b", "act('look')", "Probe"),
        Binding("s", "act('slots')", "Slots"),
    ]
    _could_act: bool | None = None

    @property
    def owner(self) -> OwnerBoard:
        """What it stands on."""
        return cast("OwnerBoard", self.app)

    def show(self, agent: AgentSnapshot, look: Look) -> Notice | None:
        """Show the agent in the body; or what to show in its place."""
        raise NotImplementedError

    def fill(self, look: Look) -> Notice | None:
        """Show the agent, when there is one and room for it."""
        owner = self.owner
        agent = owner.agent
        notice = owner_notice(agent, owner.owner.failure, owner.owner.phase)
        if agent is None or notice is not None:
            return notice
        if self.size.width < LEAST_WIDTH or self.size.height < LEAST_HEIGHT:
            return too_small_owner(agent, look)
        return self.show(agent, look)

    def draw(self) -> None:
        """Show what the agent told last."""
        if not self.is_mounted:
            return
        owner, look = self.owner, self.owner.look
        self._draw_frame(look)
        notice = self.fill(look)
        body, instead = self.query_one("#body"), self.query_one("#notice", Static)
        body.display, instead.display = notice is None, notice is not None
        if notice is not None:
            title = Text(notice.title, "bold")
            instead.update(title.append(f"\n\n{plain.text(notice.text)}"))
        body.set_class(bool(owner.owner.failure), "-stale")
        if owner.can_act != self._could_act:
            self._could_act = owner.can_act
            self.refresh_bindings()

    def may_act(self, what: str) -> bool:
        """It is one's own node."""
        return True

    def action_act(self, what: OwnAct) -> None:
        """Do it to the node; asks first."""
        self.owner.run_worker(self.owner.own(what), group="own")

    def _draw_frame(self, look: Look) -> None:
        owner = self.owner
        failure = owner.owner.failure
        parts = owner_status(
            owner.agent,
            look,
            failed=bool(failure),
            club=owner.club_state,
            marks=owner.marks(),
            width=self.size.width - 2,
        )
        pieces: list[tuple[str, str]] = []
        for text, tone in parts:
            if pieces:
                pieces.append((look.rule, "$text-muted"))
            pieces.append((look.fit(text, 60), STYLES.get(tone, "")))
        self.query_one("#status", Static).update(
            Content.assemble(*pieces), layout=False
        )
        self.query_one("#crumbs", Static).update(self._path(look), layout=False)
        text = owner_banner(owner.agent, failure, look)
        warning = self.query_one("#banner", Static)
        warning.display = bool(text)
        if text:
            warning.update(Text(text))

    def _path(self, look: Look) -> Text:
        first, *deeper = self.crumbs()
        path = Text()
        for number, name in enumerate(NAMES, 1):
            path.append(f"{number} {name}", "bold" if name == first else "dim")
            path.append("  ")
        for crumb in deeper:
            path.append(f"> {look.fit(crumb, 40)} ", "bold")
        table = self._filtered
        if table is not None and table.grid.filter:
            grid = table.grid
            shown = f"{len(grid.shown)} of {grid.total}"
            path.append(f"{shown}  /{look.fit(grid.filter, 30)}", "italic")
        return path
