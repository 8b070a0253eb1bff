"""One of the club's own checks, side by side, for people."""

from __future__ import annotations

from typing import Any

import click

from clubai.tui import plain


def print_check(check: dict[str, Any]) -> None:
    """Print what was asked, expected and answered, so that no terminal obeys it."""
    parts = [
        ("the club asked", check["prompt"]),
        ("expected", check["expected"]),
        *(("a reference answered", text) for text in check["references"]),
        ("the node answered", check["got"]),
        ("judged", f"{check['kind']}: {check['why']}"),
    ]
    for title, text in parts:
        if text:
            click.echo(f"\n{title}:")
            for line in plain.text(str(text)).splitlines() or [""]:
                click.echo(f"  {line}")
