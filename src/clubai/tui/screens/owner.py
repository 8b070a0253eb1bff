"""The owner's node, all of it at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from clubai.tui.look import Look, clock
from clubai.tui.own_points import rank
from clubai.tui.owner_cards import (
    Card,
    backend_card,
    connection_card,
    layout,
    points_card,
    served_card,
)
from clubai.tui.screens.lane import LaneScreen
from clubai.tui.screens.owner_base import STYLES, OwnerPage
from clubai.tui.tables.lanes import (
    Slot,
    ended_grid,
    lanes_grid,
    slots_of,
    work_key,
)
from clubai.tui.tables.own import LEVELS
from clubai.tui.widgets.table import LiveTable
from clubai.tui.words import Notice

if TYPE_CHECKING:
    from clubai.agent.view import AgentSnapshot

SIDE_BY_SIDE = 76
"""From this width on the cards stand in two columns."""


class OwnerScreen(OwnerPage):
    """Slots, model server, connection, points, what was served, the log."""

    CSS = """
    OwnerScreen #cards, OwnerScreen #tail {
        height: auto;
    }
    OwnerScreen #recent {
        height: 1fr;
    }
    """
    crumb = "Node"
    HELP = """\
Your node: its slots, its model server, its points, what it served, its connection,
what has ended, the last lines of its log. Enter on a line of the tables shows all of
it; Tab goes from one table to the other. `2` shows every change of the points with its
reason, `3` the log, `1` goes back here.

- `p` takes no new tasks, or takes them again; the node stays in the club
- `d` takes no new tasks, ends what runs, and then quits
- `b` looks at the model server now
- `s` sets how many tasks it takes at once (0: as many as the model server has)
- `R` connects now, when the agent waits to try again
- `P` freezes the screen; the agent goes on
- `q` quits; it asks while tasks run: other nodes get them
"""

    def body(self) -> ComposeResult:
        """The slots, the cards, what has ended, the log's end."""
        yield LiveTable[Slot](lanes_grid(), id="lanes")
        yield Static(id="cards", markup=False)
        yield LiveTable[Any](ended_grid(), id="recent")
        yield Static(id="tail", markup=False)

    def show(self, agent: AgentSnapshot, look: Look) -> Notice | None:
        """Show all of it, as much of each as there is room for."""
        width = self.size.width - 2
        banner = self.query_one("#banner")
        height = self.size.height - 3 - (banner.size.height or 1) * banner.display
        slots = slots_of(agent)
        lanes = 1 + min(len(slots), max(height // 4, 2))
        tail = 1 if height < 15 else 2 if height < 28 else 6
        most = min(height // 2, height - lanes - tail - (2 if height < 15 else 3))
        self._set_height("#lanes", lanes)
        self.query_one("#lanes", LiveTable).put(slots, look)
        self._show_cards(agent, look, width, max(most, 1))
        self.query_one("#recent", LiveTable).put(agent.recent, look)
        self._show_tail(look, width, tail)
        return None

    def on_live_table_chosen(self, event: LiveTable.Chosen) -> None:
        """Show all of one."""
        work = event.row.lane if isinstance(event.row, Slot) else event.row
        if work is not None:
            self.board.push_screen(LaneScreen(work_key(work)))

    @property
    def _filtered(self) -> LiveTable[Any] | None:
        return self.query_one("#recent", LiveTable)  # slots are few

    def _show_cards(
        self, agent: AgentSnapshot, look: Look, width: int, height: int
    ) -> None:
        backend, connection, points, served = self._cards(agent, look)
        columns: tuple[tuple[Card, ...], ...] = (
            (backend, connection),
            (points, served),
        )
        if width < SIDE_BY_SIDE:
            columns = ((connection, backend, points, served),)
        lines = layout(columns, look, width=width, height=height)
        self.query_one("#cards", Static).update(_content(lines))

    def _cards(self, agent: AgentSnapshot, look: Look) -> tuple[Card, Card, Card, Card]:
        owner = self.owner
        missing, then = owner.no_feed, owner.club_look
        nodes = list(owner.picture.mirror.nodes.values())
        return (
            backend_card(agent, look, silent_since=owner.silent_since),
            connection_card(agent, look, owner.club_state),
            points_card(
                owner.node,
                owner.points,
                rank(nodes, agent.node),
                then,
                missing=missing,
            ),
            served_card(
                agent, None if missing else owner.points, look, club_now=then.now
            ),
        )

    def _show_tail(self, look: Look, width: int, lines: int) -> None:
        last = list(self.owner.log_tail.lines)[-lines:]
        shown = []
        for line in last:
            level = look.align(line.level, 7)
            text = look.fit(line.text, max(width - 17, 10))
            tone = LEVELS.get(line.level, "")
            shown.append([(f"{clock(line.at)} ", "muted"), (f"{level} ", tone)])
            shown[-1].append((text, ""))
        self._set_height("#tail", lines)
        self.query_one("#tail", Static).update(_content(shown))

    def _set_height(self, what: str, height: int) -> None:
        styles = self.query_one(what).styles
        if styles.height is None or styles.height.value != height:
            styles.height = height


def _content(lines: list[list[tuple[str, Any]]]) -> Content:
    pieces: list[tuple[str, str]] = []
    for index, line in enumerate(lines):
        if index:
            pieces.append(("\n", ""))
        pieces += [(text, STYLES.get(tone, "")) for text, tone in line]
    return Content.assemble(*pieces)
