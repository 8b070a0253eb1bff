"""The time zone that this machine's clocks show, by its name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from clubai.errors import ConfigError
from clubai.reputation.promise import DEFAULT_ZONE, known_zone

_LINK: Final = Path("/etc/localtime")
_NAME: Final = Path("/etc/timezone")
_FOLDER: Final = "zoneinfo/"


def local_zone(
    environ: Mapping[str, str] = os.environ, *, link: Path = _LINK, name: Path = _NAME
) -> str:
    """The first name that this machine gives and knows; UTC when there is none."""
    for found in _names(environ, link, name):
        try:
            return known_zone(found)
        except ConfigError:
            continue
    return DEFAULT_ZONE


def _names(environ: Mapping[str, str], link: Path, name: Path) -> Iterator[str]:
    yield environ.get("TZ", "").removeprefix(":")
    with contextlib.suppress(OSError):  # no link: a copy, or another system
        yield str(link.readlink()).partition(_FOLDER)[2]
    with contextlib.suppress(OSError):
        yield name.read_text(encoding="ascii", errors="replace").strip()
