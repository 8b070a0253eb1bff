"""What the owner's view says of the agent: its state in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from clubai.tui import plain
from clubai.tui.acts.owner import tasks
from clubai.tui.look import Cell, Look, ago, clock
from clubai.tui.words import Notice

if TYPE_CHECKING:
    from clubai.agent.view import AgentSnapshot

MOST: Final = 400
ClubState = Literal["", "paused", "draining"]
"""What the coordinator was told about the node by somebody else."""


def state_of(agent: AgentSnapshot, look: Look, club: ClubState = "") -> Cell:
    """The agent's state, a sign and words."""
    on, off = look.dot(True), look.dot(False)
    match agent.state:
        case "joining":
            return Cell(f"{off} joining", "warn")
        case "reconnecting":
            return Cell(f"{off} reconnecting", "bad")
        case "paused":
            return Cell(f"{on} paused: takes no tasks", "warn")
        case "draining":
            left = tasks(len(agent.lanes))
            return Cell(f"{on} draining: {left} left", "warn")
    if club:
        return Cell(f"{on} {club} by the club", "warn")
    if not agent.backend.answers:
        return Cell(f"{off} no model server", "bad")
    if agent.lanes:
        return Cell(f"{on} working: {len(agent.lanes)}/{agent.slots}", "good")
    return Cell(f"{on} idle", "good")


def owner_status(
    agent: AgentSnapshot | None,
    look: Look,
    *,
    failed: bool,
    club: ClubState = "",
    marks: str = "",
    width: int = 200,
) -> list[tuple[str, str]]:
    """The parts of the head line, text and tone; what has no room is left out."""
    state = Cell(f"{look.dot(False)} starting", "warn")
    if agent is not None:
        state = state_of(agent, look, club)
    if failed:
        state = Cell(f"{look.dot(False)} ended", "bad")
    parts: list[tuple[int, str, str]] = [(3, "ClubAI", "accent")]
    if agent is not None:
        parts.append((1, f"{look.fit(agent.name, 24)} {agent.nickname}", ""))
    parts += [(0, state.text, state.tone), (0, marks, "warn")]
    if agent is not None and agent.draining and agent.state != "draining":
        parts.append((0, "draining", "warn"))
    elif agent is not None and agent.paused and agent.state != "paused":
        parts.append((0, "paused", "warn"))
    parts.append((2, clock(look.now), "muted"))
    parts = [part for part in parts if part[1]]
    while sum(len(text) + 3 for _, text, _ in parts) > width and any(
        rank for rank, *_ in parts
    ):
        parts.remove(max(parts))
    return [(text, tone) for _, text, tone in parts]


def owner_banner(agent: AgentSnapshot | None, failure: str, look: Look) -> str:
    """What is wrong, where data stand below; empty: nothing."""
    if agent is None:
        return ""
    if failure:
        old = ago(look.now - agent.now)
        return plain.name(
            f"The agent has ended: {failure} What is shown is {old} old. q leaves.",
            MOST,
        )
    if agent.alarms:
        more = f" ({len(agent.alarms)} alarms)" if len(agent.alarms) > 1 else ""
        return plain.name(f"KEY LOG ALARM: {agent.alarms[0]}{more}", MOST)
    return ""


def owner_notice(
    agent: AgentSnapshot | None, failure: str, phase: str
) -> Notice | None:
    """What to show as long as there is nothing else; None: there is."""
    if agent is not None:
        return None
    if failure:
        return Notice(
            "The agent could not start", f"{plain.text(failure)}\n\nq leaves."
        )
    return Notice("Starting", plain.text(phase))


def too_small_owner(agent: AgentSnapshot, look: Look) -> Notice:
    """What fits a very small terminal."""
    today = agent.today
    lines = (
        state_of(agent, look).text,
        f"slots {len(agent.lanes)}/{agent.slots}",
        f"today {today.done} done",
        f"      {today.failed} failed",
        "(60x15 shows more)",
    )
    return Notice(plain.name(agent.name, 20), "\n".join(lines))
