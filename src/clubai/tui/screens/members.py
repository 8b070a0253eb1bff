"""Who is in the club, and what they use."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from clubai.protocol.feed import ClubEvent
from clubai.tui.acts.members import invite, set_role
from clubai.tui.acts.roles import ROLES, may_see
from clubai.tui.asked import Asked
from clubai.tui.look import Look
from clubai.tui.screens.asking import AskingScreen
from clubai.tui.screens.member import MemberScreen
from clubai.tui.tables.members import MemberRow, members_grid, read_members
from clubai.tui.widgets.choose import Choose
from clubai.tui.widgets.table import LiveTable
from clubai.tui.words import Notice

REFUSED = Notice(
    "Operators, moderators and auditors see the members",
    "Your own use is on the screen `My tasks` of `clubai tui --member`, and your own "
    "keys are listed by `clubai key list`. An operator can give you such a role: "
    "`clubai member role NAME moderator`.",
)


class MembersScreen(AskingScreen):
    """All members."""

    crumb = "Members"
    again_s = 60.0
    HELP = """\
The members and what they used, asked each minute while this screen is shown.

Enter opens one: use by day, keys, nodes, tasks; of others, operators alone see more
than the nodes. `n` invites somebody: the token is shown once. For operators: `o` gives
the member under the cursor another role.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "act('invite')", "Invite"),
        Binding("o", "act('role')", "Role"),
    ]
    CSS = """
    #members-age {
        height: 1;
        color: $text-muted;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked = Asked(read_members)
        self._heard: ClubEvent | None = None

    def questions(self) -> list[tuple[Asked[Any], str]]:
        """The members, for whoever may see them."""
        if not may_see(self.picture.role, "members"):
            return []
        return [(self.asked, "/api/members")]

    def body(self) -> ComposeResult:
        """The table, and its age."""
        yield Static(id="members-age", markup=False)
        yield LiveTable[MemberRow](members_grid(), id="members")

    def fill(self, look: Look) -> Notice | None:
        """Show them."""
        if not may_see(self.picture.role, "members"):
            return REFUSED
        rows = self.asked.value
        if rows is None:
            title = "The members cannot be read" if self.asked.refused else "Loading"
            return Notice(title, self.asked.age(look))
        width = max(self.size.width - 2, 1)
        age = look.fit(self.asked.age(look), width)
        self.query_one("#members-age", Static).update(age)
        self.query_one("#members", LiveTable).put(rows, look)
        return None

    def tick(self) -> None:
        """Ask also when somebody joined or has another role."""
        if self._last_event() is not self._heard:
            if self.is_current and not self.board.paused:
                self.ask()
        else:
            super().tick()

    def ask(self) -> None:
        """Ask all of it now; what happened so far is answered with it."""
        self._heard = self._last_event()
        super().ask()

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        """Open one."""
        self.board.push_screen(MemberScreen(event.row))

    def action_act(self, what: str) -> None:
        """Invite somebody, or give the member under the cursor another role."""
        if what == "invite":
            self.board.act([invite(self.board.source.url)])
            return
        row = self.query_one("#members", LiveTable).grid.row
        if isinstance(row, MemberRow):
            self.run_worker(self._choose_role(row), group="role")

    async def _choose_role(self, member: MemberRow) -> None:
        look = self.board.look
        roles = [role for role in ROLES if role != member.role]
        title = f"{look.fit(member.name, 30)} is {look.fit(member.role, 12)}. Make it:"
        role = await self.board.push_screen_wait(Choose(title, roles))
        if role is not None:
            self.board.act([set_role(member, role)])

    def _last_event(self) -> ClubEvent | None:
        events = reversed(self.picture.events)
        return next((each for each in events if each.kind == "member"), None)
