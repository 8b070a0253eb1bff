"""The owner's application: one agent of this process, and what the club says of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast
from urllib.parse import quote

from textual.binding import Binding, BindingType
from textual.screen import Screen

from clubai.errors import ClubAIError
from clubai.model import NodeSnapshot
from clubai.tui import plain
from clubai.tui.acts import owner as acts
from clubai.tui.acts.act import Act
from clubai.tui.board import Board
from clubai.tui.logtail import LogTail
from clubai.tui.look import Look
from clubai.tui.own_points import MOST, OwnPoints
from clubai.tui.owner import NO_KEY, NoClub, OwnerSource
from clubai.tui.owner_words import ClubState
from clubai.tui.screens.owner import OwnerScreen
from clubai.tui.screens.owner_base import NAMES
from clubai.tui.screens.owner_log import OwnerLogScreen
from clubai.tui.screens.owner_points import OwnerPointsScreen
from clubai.tui.source import Source
from clubai.tui.widgets.confirm import Confirm
from clubai.tui.widgets.number import NumberScreen

if TYPE_CHECKING:
    from clubai.agent.view import AgentSnapshot

MOST_SLOTS: Final = 64
TABS: Final[tuple[tuple[str, Callable[[], Screen[None]]], ...]] = tuple(
    zip(NAMES, (OwnerScreen, OwnerPointsScreen, OwnerLogScreen), strict=True)
)
"""The screens, in the order of their number keys."""


class OwnerBoard(Board):
    """What `clubai-agent --tui` shows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("P", "pause", "Freeze the screen", show=False),
        Binding("R", "follow_again", "Reconnect now", show=False),
        *(
            Binding(str(number), f"view({number})", name, show=False)
            for number, (name, _) in enumerate(TABS, 1)
        ),
    ]

    def __init__(
        self,
        owner: OwnerSource,
        club: Source | None = None,
        *,
        log: LogTail | None = None,
        readonly: bool = False,
        ascii: bool = False,
    ) -> None:
        super().__init__(club or NoClub(""), readonly=readonly, ascii=ascii)
        self.owner = owner
        self.log_tail = log or LogTail()
        self.points = OwnPoints()
        self.silent_since = 0.0
        """Since when the model server does not answer; 0: it does."""
        self._seen: AgentSnapshot | None = None
        self._had_ended = False
        self._acting = False
        self._leaving = False
        self._loading = False
        self._gaps = 0
        for name, make in TABS:
            self.add_mode(name, make)

    @property
    def agent(self) -> AgentSnapshot | None:
        """What the agent told last."""
        return self.owner.snapshot

    @property
    def node(self) -> NodeSnapshot | None:
        """The node as the club sees it."""
        agent = self.agent
        return self.picture.mirror.nodes.get(agent.node) if agent else None

    @property
    def club_state(self) -> ClubState:
        """What others told the coordinator about the node."""
        node = self.node
        if node is None or not self.picture.connected:
            return ""
        return node.state if node.state in ("paused", "draining") else ""

    @property
    def no_feed(self) -> str:
        """Why the club tells nothing; empty: it does, or did."""
        if isinstance(self.source, NoClub):
            return NO_KEY
        if self.picture.refused:
            return self.picture.refused
        if self.picture.stats is None:
            state = self.picture.state
            if state is not None and not state.connected:
                return f"The club's feed is not there: {state.reason}"
            return "Asking the club."
        return ""

    @property
    def look(self) -> Look:
        """By what values are written now: the agent's times are this machine's."""
        return Look(now=self.owner.clock(), ascii=self._ascii)

    @property
    def club_look(self) -> Look:
        """The same for times of the coordinator."""
        return super().look

    @property
    def can_act(self) -> bool:
        """The agent runs, and more than looking is allowed."""
        return not self.readonly and not self.owner.ended and self.agent is not None

    def marks(self) -> str:
        """As the board's; but pausing is something else here."""
        return super().marks().replace("PAUSED", "FROZEN")

    def on_mount(self) -> None:
        """Begin with the node."""
        self.switch_mode(TABS[0][0])

    def flush(self, *, force: bool = False) -> None:
        """Redraw when the agent told something new; end when it has drained."""
        owner, agent = self.owner, self.agent
        if owner.ended and not self._had_ended:
            self._had_ended = True
            if not owner.failure:
                self.exit()
                return
            force = True
        if agent is not None and agent is not self._seen:
            self._seen = agent
            self.picture.version += 1
            if agent.backend.answers:
                self.silent_since = 0.0
            elif not self.silent_since:
                self.silent_since = agent.backend.looked_at
        if agent is not None and not isinstance(self.source, NoClub):
            self._hear(agent.node)
        super().flush(force=force)

    def load(self) -> None:
        """Read the earlier changes of the points, and the balance, of the club."""
        agent = self.agent
        if agent is not None and not self._loading:
            self._loading = True
            self.run_worker(self._load(agent.nickname), group="points")

    async def own(self, what: acts.OwnAct) -> None:
        """Do something to the node; asks first where that is due."""
        if self._acting or not self.can_act:
            return
        self._acting = True
        try:
            await self._own(what)
        finally:
            self._acting = False
        self.flush(force=True)

    def action_view(self, number: int) -> None:
        """Go to the screen with this number."""
        name = TABS[number - 1][0]
        while self.current_mode == name and len(self.screen_stack) > 1:
            self.pop_screen()
        if self.current_mode != name:
            self.switch_mode(name)

    def action_follow_again(self) -> None:
        """Connect now: the agent to the coordinator, the screen to the feed."""
        agent = self.agent
        if not self.picture.connected and not isinstance(self.source, NoClub):
            self.follow()
        if not self.can_act or agent is None:
            return
        if agent.link.connected_at:
            self.notify("The node is connected.", timeout=2)
            return
        self.run_worker(self._try(self.owner.try_now(), "Reconnect", "Trying now."))

    async def action_quit(self) -> None:
        """Leave; asks while tasks run."""
        agent = self.agent
        if agent is None or not agent.lanes or self.owner.ended:
            self.exit()
        elif not self._leaving:
            self.run_worker(self._ask_to_quit(agent), group="own")

    def _hear(self, node: str) -> None:
        self.points.hear(self.picture, node)
        known = node in self.picture.mirror.nodes
        missed = len(self.picture.gaps) != self._gaps
        if known and (missed or not (self.points.loaded or self.points.refused)):
            self._gaps = len(self.picture.gaps)
            self.load()

    async def _load(self, nickname: str) -> None:
        try:
            path = f"/api/reputation/{quote(nickname, safe='')}?limit={MOST}"
            self.points.load(await self.ask_club(path))
            balance = await self.ask_club("/api/balance")
            self.points.balance = balance if isinstance(balance, dict) else None
        finally:
            self._loading = False
        self.flush(force=True)

    async def _ask_to_quit(self, agent: AgentSnapshot) -> None:
        self._leaving = True
        try:
            if await self._asked(acts.leave(agent)):
                self.exit()
        finally:
            self._leaving = False

    async def _own(self, what: acts.OwnAct) -> None:
        agent, owner = self.agent, self.owner
        if agent is None:
            return
        if agent.draining and what in ("pause", "drain"):
            self.notify("It drains already, and ends by itself.", timeout=3)
        elif what == "pause":
            act, on = acts.pause(agent), not agent.paused
            if await self._asked(act):
                await self._try(owner.pause(on), act.title, act.done)
        elif what == "drain":
            act = acts.drain(agent)
            if await self._asked(act):
                await self._try(owner.drain(), act.title, act.done)
        elif what == "look":
            await self._look()
        elif what == "slots":
            await self._slots(agent)

    async def _look(self) -> None:
        answers = await self._try(self.owner.look(), "Look at the model server")
        if answers is not None:
            said = "It answers." if answers else "It does not answer."
            self._tell("The model server", said, bad=not answers)

    async def _slots(self, agent: AgentSnapshot) -> None:
        most = agent.backend.most_slots or MOST_SLOTS
        wanted = await self.push_screen_wait(
            NumberScreen(
                "How many tasks at once",
                f"It takes {agent.slots} now. 1 to {most}; 0: as many as the model "
                f"server has ({agent.backend.slots}). What runs goes on.",
                value=agent.wanted_slots,
                least=0,
                most=most,
            )
        )
        if wanted is None:
            return
        taken = await self._try(self.owner.set_slots(wanted), "Slots")
        if taken is not None:
            self._tell("Slots", f"It takes {acts.tasks(taken)} at once.")

    async def _asked(self, act: Act) -> bool:
        return await self.push_screen_wait(Confirm([act])) is not None

    async def _try(
        self, doing: Awaitable[Any], title: str, done: str = ""
    ) -> Any | None:
        try:
            result = await doing
        except ClubAIError as error:
            self._tell(f"Not done: {title}", str(error), bad=True)
            return None
        if done:
            self._tell(title, done)
        return result

    def _tell(self, title: str, text: str, *, bad: bool = False) -> None:
        self.notify(
            plain.text(text),
            title=title,
            severity="error" if bad else "information",
            markup=False,
        )


def owner_of(screen: Screen[Any]) -> OwnerBoard:
    """The owner's board on which a screen stands."""
    return cast(OwnerBoard, screen.app)
