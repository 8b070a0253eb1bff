"""The demo where there is no screen: lines, until it is stopped."""

from __future__ import annotations

import anyio
import click

from clubai.cli.demo_talk import Exchange, Talk
from clubai.client import Client
from clubai.club import Club
from clubai.tui import plain
from clubai.tui.samples import DEMO


async def run_lines(club: Club, client: Client) -> None:
    """Ask every sample once, print the answers, and keep the club open."""
    click.echo(f"OpenAI API {club.openai_url}")
    click.echo(f"API key    {club.api_key}")
    talk = Talk(client, lambda: None)
    for _ in DEMO.samples:
        click.echo(told(await talk.ask(talk.next_sample())))
    click.echo("the club stays open; stop it with Ctrl-C or SIGTERM")
    await anyio.sleep_forever()


def told(exchange: Exchange) -> str:
    """One exchange as lines."""
    lines = [f"\n> {plain.text(exchange.question)}"]
    if exchange.failure:
        lines.append(f"failed: {plain.name(exchange.failure, 200)}")
    if exchange.answer:
        answer = exchange.answer
        nodes = ", ".join(plain.name(node.name) for node in answer.nodes)
        lines += [
            plain.text(answer.text),
            (
                f"({nodes}, {answer.usage.completion_tokens} tokens, "
                f"{answer.timings.total_ms} ms, readable by {answer.readable_by})"
            ),
        ]
    return "\n".join(lines)
