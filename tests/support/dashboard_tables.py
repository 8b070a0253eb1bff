"""Fills in what the pages of the dashboard say of its columns and keys.

Between `<!-- columns NAME -->`, `<!-- keys CLASS ... -->` or `<!-- help CLASS -->` and
`<!-- end -->` stands what the code says of itself: `python -m support.dashboard_tables`
writes it anew.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any, Final

from textual.binding import Binding
from textual.keys import format_key

from clubai.tui.grid import Column

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"<!-- (columns|keys|help) (.+?) -->\n.*?<!-- end -->", re.DOTALL)


def pages() -> Iterator[Path]:
    """The pages that have such places."""
    for page in sorted((ROOT / "docs").glob("*.md")):
        if BLOCK.search(page.read_text()):
            yield page


def filled(text: str) -> str:
    """A page with its places filled in."""

    def fill(match: re.Match[str]) -> str:
        kind, names = match[1], match[2]
        return f"<!-- {kind} {names} -->\n{_MAKERS[kind](names)}\n<!-- end -->"

    return BLOCK.sub(fill, text)


def columns_table(name: str) -> str:
    """The columns of `clubai.tui.tables.NAME`, or of its tuple `NAME:TUPLE`."""
    module, _, attribute = name.partition(":")
    rows = [
        f"| {column.name} | {_cell(column.says)} |"
        for column in _columns(f"clubai.tui.tables.{module}", attribute)
    ]
    return "\n".join(("", "| Column | |", "|---|---|", *rows, ""))


def keys_table(names: str) -> str:
    """The keys of classes such as `screens.nodes.NodesScreen`, the first one first.

    What several of them have stands there once.
    """
    rows: dict[str, None] = {}
    for name in names.split():
        for binding in _class(name).BINDINGS:
            assert isinstance(binding, Binding), f"{name}: {binding} is no Binding"
            if binding.description:
                rows[f"| {_keys(binding)} | {_cell(binding.description)} |"] = None
    return "\n".join(("", "| Key | |", "|---|---|", *rows, ""))


def help_text(name: str) -> str:
    """What `?` says on a screen, without its heading."""
    lines = dedent(_class(name).HELP).strip().splitlines()
    if lines[0].startswith("# "):
        lines = lines[1:]
    return "\n".join(("", *"\n".join(lines).strip().splitlines(), ""))


_MAKERS: Final = {"columns": columns_table, "keys": keys_table, "help": help_text}


def _class(name: str) -> Any:
    module, _, cls = f"clubai.tui.{name}".rpartition(".")
    return getattr(importlib.import_module(module), cls)


def _columns(module: str, attribute: str) -> tuple[Column[Any], ...]:
    space = vars(importlib.import_module(module))
    if attribute:
        found = space[attribute]
        assert isinstance(found, tuple)
        return found
    return next(
        value
        for value in space.values()
        if isinstance(value, tuple) and value and isinstance(value[0], Column)
    )


def _keys(binding: Binding) -> str:
    shown = binding.key_display
    names = [shown] if shown else [format_key(key) for key in binding.key.split(",")]
    return " ".join(f"`{name}`" for name in names).replace("|", "\\|")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write all of it."""
    for page in pages():
        page.write_text(filled(page.read_text()))


if __name__ == "__main__":
    main()
