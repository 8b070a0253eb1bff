"""`clubai-agent --tui`: the agent with the owner's view of it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from clubai.cli import place
from clubai.cli.boundary import report_on, unwrap
from clubai.cli.running import Loop, end_in_time
from clubai.cli.screen import log_tail, run_screen

if TYPE_CHECKING:
    from clubai.agent.config import AgentConfig
    from clubai.tui.source import Source


def show_agent(
    config: AgentConfig, *, loop: Loop, readonly: bool = False, ascii_only: bool = False
) -> None:
    """Run the agent and show it until the person leaves, it has drained, or a signal.

    Raises: what ended the agent, once the person has seen it and left.
    """
    from clubai.agent.agent import Agent
    from clubai.tui.agent_thread import agent_in_thread, starting
    from clubai.tui.owner_board import OwnerBoard

    opening = partial(Agent.open, config, env=os.environ)
    phase = starting(config.backend)
    with log_tail() as tail, ExitStack() as stack:
        owner = stack.enter_context(
            agent_in_thread(opening, loop=loop, phase=phase, tell=_told)
        )
        board = OwnerBoard(
            owner, _club(config), log=tail, readonly=readonly, ascii=ascii_only
        )
        run_screen(board, tail)
        with end_in_time():
            stack.close()
    if owner.error is not None:
        raise owner.error


def _club(config: AgentConfig) -> Source:
    """The club as the owner's key sees it, where there is one."""
    from clubai.tui.owner import NoClub
    from clubai.tui.source import Attached

    url = place.base_url(config.coordinator_url)
    return Attached(url, config.token) if config.token else NoClub(url)


def _told(error: BaseException) -> str:
    """What the command line says of it, without the program's name."""
    alone = unwrap(error)
    report = report_on(alone)
    if report is None:
        return f"{type(alone).__name__}: {alone}. This is a bug."
    return report.line().removeprefix("clubai: ")
