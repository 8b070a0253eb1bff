"""Fills in what the pages of the dashboard say of its columns and keys.

Between `<!-- columns NAME -->` or `<!-- keys CLASS ... -->` and `<!-- end -->` stands
what the code says of itself: `python -m support.dashboard_tables` writes it anew.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from textual.binding import Binding
from textual.keys import format_key

from clubai.tui.grid import Column

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"<!-- (columns|keys) (.+?) -->\n.*?<!-- end -->", re.DOTALL)


def pages() -> Iterator[Path]:
    """The pages that have such places."""
    for page in sorted((ROOT / "docs").glob("*.md")):
        if BLOCK.search(page.read_text()):
            yield page


def filled(text: str) -> str:
    """A page with its places filled in."""

    def fill(match: re.Match[str]) -> str:
        kind, names = match[1], match[2]
        make = columns_table if kind == "columns" else keys_table
        return f"<!-- {kind} {names} -->\n{make(names)}\n<!-- end -->"

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
    """The keys of classes such as `screens.nodes.NodesScreen`, the first one first."""
    rows = []
    for name in names.split():
        module, _, cls = f"clubai.tui.{name}".rpartition(".")
        for binding in getattr(importlib.import_module(module), cls).BINDINGS:
            assert isinstance(binding, Binding), f"{name}: {binding} is no Binding"
            if binding.description:
                rows.append(f"| {_keys(binding)} | {_cell(binding.description)} |")
    return "\n".join(("", "| Key | |", "|---|---|", *rows, ""))


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
