"""Commands on the pages exist, with the options that the pages give them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from support.commands_page import PROGRAMS, programs

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ENDS = {"|", ">", "<", "&&", "&", ";"}


def commands_on(page: Path) -> list[list[str]]:
    """Every use of one of our programs in the page's blocks of commands."""
    found = []
    for language, block in BLOCK.findall(page.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            prompt = "$ " if language == "console" else ""
            if language in ("", "console") and line.startswith(prompt):
                found += uses_in(line.removeprefix(prompt))
    return found


def uses_in(line: str) -> list[list[str]]:
    """The parts of a shell line that start one of our programs."""
    uses: list[list[str]] = [[]]
    for word in shlex.split(line):
        if word in ENDS:
            uses.append([])
        elif uses[-1] or "=" not in word:
            uses[-1].append(word)
    named = [[Path(use[0]).name, *use[1:]] for use in uses if use]
    return [use for use in named if use[0] in dict(PROGRAMS)]


USES = [
    pytest.param(use, id=f"{page.stem}: {' '.join(use)}")
    for page in PAGES
    for use in commands_on(page)
]


@pytest.mark.parametrize("use", USES)
def test_a_command_on_a_page_is_understood(use: list[str]) -> None:
    command: click.Command = dict(PROGRAMS)[use[0]]
    ctx: click.Context | None = None
    arguments = use[1:]
    while True:
        ctx = command.make_context(command.name, arguments, parent=ctx)
        if not isinstance(command, click.Group) or not ctx._protected_args:
            break
        rest = [*ctx._protected_args, *ctx.args]
        _, found, arguments = command.resolve_command(ctx, rest)
        assert found is not None
        command = found


def test_the_pages_show_commands() -> None:
    assert len(USES) > 10


def test_an_option_that_does_not_exist_is_found() -> None:
    use = uses_in("clubai ask --loudly Hello")[0]

    with pytest.raises(click.UsageError, match="--loudly"):
        test_a_command_on_a_page_is_understood(use)


def test_the_reference_is_what_help_prints() -> None:
    """In a process of its own: click keeps a help option that other tests asked for."""
    page = subprocess.run(
        [sys.executable, ROOT / "tests" / "support" / "commands_page.py"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert (ROOT / "docs" / "commands.md").read_text() == page, (
        "run `python tests/support/commands_page.py > docs/commands.md`"
    )


def test_every_command_has_examples() -> None:
    for path, ctx in programs():
        assert "Examples:" in (ctx.command.epilog or ""), path
