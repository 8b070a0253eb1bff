"""`clubai chat`: the member's view of a club, to ask it and see what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from clubai.cli import logs, place
from clubai.cli.completing import complete_models
from clubai.cli.connecting import trust_for
from clubai.cli.options import answer_options, club_options, examples, option
from clubai.cli.screen import ascii_option, need_terminal, run_screen
from clubai.tui.asking import Asking

if TYPE_CHECKING:
    from clubai.model import Mode
    from clubai.tui.app import Dashboard


@click.command(
    epilog=examples(
        "clubai chat",
        "clubai chat --model smollm2-135m",
        "clubai chat --mode consensus --url https://club.example.org",
        "clubai chat --system 'Answer in one short sentence.' --temperature 0 --seed 7",
    )
)
@option(
    "--model",
    shell_complete=complete_models,
    help="To ask first; else the one with the most free slots.",
)
@option(
    "--mode",
    type=click.Choice(["single", "consensus", "subtasks", "context"]),
    default="single",
    help="How the first question is divided.",
)
@option("--system", default="", help="What the model is told before each question.")
@answer_options
@ascii_option
@club_options
def chat(
    url: str | None,
    api_key: str | None,
    model: str | None,
    mode: Mode,
    system: str,
    max_tokens: int | None,
    temperature: float | None,
    seed: int | None,
    ascii_only: bool,
) -> None:
    """Talk with the club: ask, and see which node answers and how fast.

    Who can read it: you, and the node that answers. Not the coordinator, which passes
    on what it cannot open. `?` shows the keys.
    """
    need_terminal('`clubai ask "..."` asks one question, also from a pipe.')
    logs.configure("warning")
    board = board_of(
        place.find(url, api_key),
        model=model or "",
        mode=mode,
        asking=Asking(
            system=system, max_tokens=max_tokens, temperature=temperature, seed=seed
        ),
        ascii_only=ascii_only,
    )
    run_screen(board)


def board_of(
    target: place.Place,
    *,
    model: str = "",
    mode: Mode = "single",
    asking: Asking | None = None,
    ascii_only: bool = False,
) -> Dashboard:
    """The member's view of a club, attached to it as this user.

    Raises:
        ConfigError, StorageError: what is remembered of the club cannot be used.
    """
    from clubai.tui.app import Dashboard
    from clubai.tui.source import Attached

    trust = trust_for(target.url)  # wrong pins are said before there is a screen
    source = Attached(target.url, target.api_key, trust=lambda: trust)
    board = Dashboard(source, view="member", ascii=ascii_only, asking=asking)
    board.wanted_model, board.wanted_mode = model, mode
    return board
