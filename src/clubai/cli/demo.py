"""`clubai demo`: a whole club for a look, in a directory that goes away afterwards."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import click

from clubai.agent import BackendConfig
from clubai.cli import logs, show
from clubai.cli.ask import answer_fields
from clubai.cli.demo_lines import run_lines
from clubai.cli.options import (
    examples,
    json_option,
    log_level_option,
    open_backend_option,
    option,
)
from clubai.cli.progress import with_model
from clubai.cli.running import run, run_until_stopped
from clubai.cli.screen import ascii_option, run_screen
from clubai.client import Answer
from clubai.club import Club, open_club
from clubai.tui import plain
from clubai.tui.samples import DEMO

OpenClub = Callable[[], AbstractAsyncContextManager[Club]]


@click.command(
    epilog=examples(
        "clubai demo",
        'clubai demo --once "What is the capital of France?"',
        'clubai demo --once "What is photosynthesis?" --json',
        "clubai demo --backend http://localhost:1234/v1",
    )
)
@click.option("--once", metavar="PROMPT", help="Ask this, print the answer, and end.")
@option("--agents", type=click.IntRange(1, 16), default=3, help="How many nodes.")
@option(
    "--backend",
    envvar="CLUBAI_BACKEND_URL",
    metavar="URL",
    help="A model server for all of them; else the embedded model.",
)
@open_backend_option
@ascii_option
@log_level_option("error")
@json_option
def demo(
    once: str | None,
    agents: int,
    backend: str | None,
    open_ok: bool,
    ascii_only: bool,
    log_level: str,
    as_json: bool,
) -> None:
    """Start a coordinator and three nodes here, and ask them something.

    The embedded model is fetched once (98 MB). It is very small and often wrong: it
    shows how a club works, not how well models answer.

    Who can read a prompt: the node that answers, and all of them are on this machine.
    """
    if as_json and once is None:
        raise click.UsageError("--json needs --once PROMPT.")
    if once is not None and not once.strip():
        raise click.UsageError("The question is empty.")
    logs.configure(log_level)
    chosen = BackendConfig(url=backend or "", embedded=not backend, open_ok=open_ok)
    opened = partial(_open, agents, chosen)
    if once is not None:
        answer = run(partial(_ask_once, opened, once))
        _tell(answer, as_json=as_json)
        return
    screen = sys.stdout.isatty() and sys.stdin.isatty()
    if screen and not show.is_plain(show.console()):
        _show(agents, run(partial(with_model, chosen)), ascii_only=ascii_only)
    else:
        run_until_stopped(partial(_follow, opened))


@asynccontextmanager
async def _open(agents: int, backend: BackendConfig) -> AsyncIterator[Club]:
    async with open_club(agents=agents, backend=await with_model(backend)) as club:
        yield club


async def _ask_once(open_it: OpenClub, question: str) -> Answer:
    async with (
        open_it() as club,
        club.client() as client,
        client.stream(question, system=DEMO.system, **DEMO.options) as pieces,
    ):
        async for _ in pieces:
            pass
        return pieces.answer


async def _follow(open_it: OpenClub) -> None:
    async with open_it() as club, club.client() as client:
        await run_lines(club, client)


def _show(agents: int, backend: BackendConfig, *, ascii_only: bool) -> None:
    from clubai.tui.app import Dashboard
    from clubai.tui.embedded import embedded

    with embedded(partial(open_club, agents=agents, backend=backend)) as source:
        run_screen(Dashboard(source, ascii=ascii_only, asking=DEMO))


def _tell(answer: Answer, *, as_json: bool) -> None:
    if as_json:
        click.echo(plain.to_json({**answer_fields(answer), "system": DEMO.system}))
        return
    click.echo(plain.text(answer.text))
    click.echo()
    console = show.console()
    console.print(
        show.provenance(
            nodes=[node.name for node in answer.nodes],
            model=answer.model,
            attempts=answer.attempts,
            usage=answer.usage,
            timings=answer.timings,
            readable_by=answer.readable_by,
            system=DEMO.system,
        )
    )
