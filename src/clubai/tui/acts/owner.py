"""What an owner can do to their node: how it is asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from clubai.tui.acts.act import Act

if TYPE_CHECKING:
    from clubai.agent.view import AgentSnapshot

OwnAct = Literal["pause", "drain", "look", "slots", "quit"]
LOCAL: Final = "AGENT"
"""In place of an HTTP method: it is done in this process."""


def tasks(count: int) -> str:
    """So many tasks, in words."""
    return f"{count} task" if count == 1 else f"{count} tasks"


def pause(agent: AgentSnapshot) -> Act:
    """Take no tasks, or take them again."""
    if agent.paused:
        return Act(
            "Take tasks again",
            "The club gives this node tasks again.",
            LOCAL,
            "pause",
            {"on": False},
            done="The node takes tasks.",
        )
    running = len(agent.lanes)
    rest = f"What runs ({tasks(running)}) goes on. " if running else ""
    return Act(
        "Pause this node",
        f"It gets no new tasks until you press p again. {rest}It stays in the club.",
        LOCAL,
        "pause",
        {"on": True},
        done="The node takes no new tasks.",
    )


def drain(agent: AgentSnapshot) -> Act:
    """End what runs, then leave the club."""
    running = len(agent.lanes)
    first = f"{tasks(running)} will be ended first. " if running else ""
    return Act(
        "Drain and quit",
        f"It gets no new tasks. {first}Then the agent ends by itself, and the node "
        "leaves the club.",
        LOCAL,
        "drain",
        done="The agent ends once it is idle.",
    )


def leave(agent: AgentSnapshot) -> Act:
    """Quit while tasks run."""
    running = len(agent.lanes)
    verb = "is" if running == 1 else "are"
    goes = "it goes" if running == 1 else "they go"
    return Act(
        "Quit now",
        f"{tasks(running)} {verb} running: {goes} to other nodes. "
        "No instead, then d: the node ends them first.",
        LOCAL,
        "quit",
    )
