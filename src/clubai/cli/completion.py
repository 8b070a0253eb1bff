"""`clubai completion`: the script that teaches a shell the commands."""

from __future__ import annotations

import os
from pathlib import Path

import click
import platformdirs
from click.shell_completion import get_completion_class

from clubai.cli import clubai
from clubai.cli.options import examples

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_CLUBAI_COMPLETE"


@click.command(
    epilog=examples(
        'eval "$(clubai completion bash)"',
        "clubai completion fish > ~/.config/fish/completions/clubai.fish",
        "clubai completion --install",
    )
)
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@click.option(
    "--install",
    is_flag=True,
    allow_from_autoenv=False,
    help="Write the script where the shell finds it.",
)
def completion(shell: str | None, install: bool) -> None:
    """Print the completion script of SHELL, by default of the one in use."""
    shell = shell or _shell_in_use()
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"{shell} is none of {', '.join(SHELLS)}.")
    script = kind(clubai, {}, "clubai", _VARIABLE).source()
    if not install:
        click.echo(script)
        return
    target = _target(shell)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(script, encoding="utf-8")
    click.echo(f"written to {target}; open a new shell to use it")
    if shell == "zsh":
        click.echo(f"zsh looks there after: fpath+=({target.parent}); compinit")


def _shell_in_use() -> str:
    shell = Path(os.environ.get("SHELL", "")).name
    if shell not in SHELLS:
        raise click.UsageError(f"Name the shell: one of {', '.join(SHELLS)}.")
    return shell


def _target(shell: str) -> Path:
    shared = Path(platformdirs.user_data_dir())
    match shell:
        case "bash":
            return shared / "bash-completion" / "completions" / "clubai"
        case "zsh":
            return shared / "zsh" / "site-functions" / "_clubai"
        case _:
            config = Path(platformdirs.user_config_dir())
            return config / "fish" / "completions" / "clubai.fish"
