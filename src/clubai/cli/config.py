"""`clubai config`: the settings as the programs would read them here and now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from clubai.agent.config import AgentConfig
from clubai.cli import settings
from clubai.cli.options import examples, json_option, option
from clubai.coordinator.config import CoordinatorConfig
from clubai.tui import plain

_KINDS: dict[str, tuple[type[msgspec.Struct], Sequence[settings.Setting]]] = {
    "coordinator": (CoordinatorConfig, settings.COORDINATOR),
    "agent": (AgentConfig, settings.AGENT),
}
_file_option = option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="CLUBAI_CONFIG",
    help=f"A settings file; else ./{settings.FILE_NAME}, else the user's.",
)


@click.group(epilog=examples("clubai config show --origin", "clubai config check"))
def config() -> None:
    """Show or check the settings of the coordinator and the agent."""


@config.command(epilog=examples("clubai config show agent --origin"))
@click.argument("program", type=click.Choice(settings.SECTIONS), required=False)
@_file_option
@click.option("--origin", is_flag=True, help="Say where each value comes from.")
@json_option
def show(
    program: str | None, config_file: Path | None, origin: bool, as_json: bool
) -> None:
    """Show every value; secrets only as set or not."""
    file = settings.find_file(config_file)
    found: dict[str, dict[str, Any]] = {}
    for section in (program,) if program else settings.SECTIONS:
        resolved = resolve_section(section, file)
        for path, value in settings.shown(resolved.config):
            text = str(value) if isinstance(value, Path) else value
            entry = {"value": text, "origin": resolved.origins[path]}
            found.setdefault(section, {})[path] = entry if origin else text
    if as_json:
        click.echo(plain.to_json(found))
        return
    for section, values in found.items():
        click.echo(f"[{section}]")
        for path, value in values.items():
            click.echo(_line(path, value, with_origin=origin))


@config.command(epilog=examples("clubai config check", "clubai config check club.toml"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@json_option
def check(file: Path | None, as_json: bool) -> None:
    """Read the settings file and the environment, and say what is wrong."""
    found = settings.find_file(file)
    for section in settings.SECTIONS:
        resolve_section(section, found)
    if as_json:
        click.echo(plain.to_json({"ok": True, "file": str(found or "")}))
    else:
        click.echo(f"{found or 'no settings file, and the environment'}: ok")


def resolve_section(
    section: str, file: Path | None
) -> settings.Resolved[msgspec.Struct]:
    """The settings of `coordinator` or `agent`."""
    kind, table = _KINDS[section]
    return settings.resolve(kind, section, table, file=file)


def _line(path: str, value: Any, *, with_origin: bool) -> str:
    if with_origin:
        return f"{path} = {value['value']!r}  # {value['origin']}"
    return f"{path} = {value!r}"
