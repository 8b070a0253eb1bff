"""`clubai model`: the embedded models' files on this machine."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import click

from clubai.agent.backends.models import DEFAULT_MODEL, KNOWN, ensure_model, model_name
from clubai.cli.options import examples, json_option
from clubai.cli.progress import MODELS, show_progress
from clubai.cli.running import run
from clubai.tui import plain


@click.group(epilog=examples("clubai model pull", "clubai model list"))
def model() -> None:
    """Fetch and list the models that run without a model server."""


@model.command(
    epilog=examples(
        "clubai model pull",
        "clubai model pull smollm2-135m --json",
        "clubai model pull OWNER/REPO:FILE.gguf",
    )
)
@click.argument("name", default=DEFAULT_MODEL)
@json_option
def pull(name: str, as_json: bool) -> None:
    """Fetch the model NAME once; its content is checked by its hash."""
    path = run(partial(_pull, name))
    if as_json:
        click.echo(plain.to_json(_fields(path)))
    else:
        click.echo(f"{model_name(path)} is at {path}")


@model.command("list", epilog=examples("clubai model list --json"))
@json_option
def list_models(as_json: bool) -> None:
    """List the models that are known, and the files that are here."""
    files = sorted(MODELS.glob("*.gguf")) if MODELS.is_dir() else []
    here = [_fields(path) for path in files]
    names = {entry["name"] for entry in here}
    missing = [
        {"name": known.name, "file": "", "bytes": known.size, "here": False}
        for known in KNOWN.values()
        if known.name not in names
    ]
    if as_json:
        click.echo(plain.to_json({"models": here + missing, "folder": str(MODELS)}))
        return
    for entry in here + missing:
        state = (
            entry["file"] or f"not here; fetch it: clubai model pull {entry['name']}"
        )
        click.echo(f"{plain.name(entry['name'])}  {entry['bytes'] >> 20} MB  {state}")


async def _pull(name: str) -> Path:
    with show_progress() as progress:
        return await ensure_model(
            name, cache=MODELS, on_progress=progress, env=os.environ
        )


def _fields(path: Path) -> dict[str, Any]:
    return {
        "name": model_name(path),
        "file": str(path),
        "bytes": path.stat().st_size,
        "here": True,
    }
