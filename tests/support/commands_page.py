"""Prints the page docs/commands.md from the commands' own help."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from clubai.cli import clubai
from clubai.cli.agent import agent
from clubai.cli.coordinator import coordinator

PROGRAMS = (
    ("clubai", clubai),
    ("clubai-coordinator", coordinator),
    ("clubai-agent", agent),
)
WIDTH = 88

HEAD = """\
# Commands

What follows is what `--help` prints. Every command that reads has `--json`, with keys
that stay as they are; with it, errors are one line of JSON on stderr.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | failed |
| 2 | wrong usage: an argument or a setting |
| 3 | the club cannot be reached |
| 4 | not allowed |

**Which club.** `--url` and `--api-key`, else `CLUBAI_URL` and `CLUBAI_API_KEY`, else
what `clubai login` stored, else `http://127.0.0.1:8000`.

**Settings.** Flags, else environment variables, else `clubai.toml` in the working
directory or the user's configuration directory, else the defaults. The file has the
sections `[coordinator]` and `[agent]`; `clubai config show` says where each value comes
from, and `clubai config check` finds what is wrong.
"""


def programs() -> Iterator[tuple[str, click.Context]]:
    """Every command that is not hidden, with a context to ask it for its help."""
    for name, command in PROGRAMS:
        yield from _commands(_context(command, name, None))


def _commands(ctx: click.Context) -> Iterator[tuple[str, click.Context]]:
    yield ctx.command_path, ctx
    if isinstance(ctx.command, click.Group):
        for name in ctx.command.list_commands(ctx):
            command = ctx.command.get_command(ctx, name)
            if command is not None and not command.hidden:
                yield from _commands(_context(command, name, ctx))


def _context(
    command: click.Command, name: str, parent: click.Context | None
) -> click.Context:
    return click.Context(
        command,
        parent=parent,
        info_name=name,
        terminal_width=WIDTH,
        **command.context_settings,
    )


def render() -> str:
    """The whole page."""
    parts = [HEAD]
    for path, ctx in programs():
        level = "##" if " " not in path else "###"
        text = "\n".join(line.rstrip() for line in ctx.get_help().splitlines())
        parts.append(f"{level} {path}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(render())
