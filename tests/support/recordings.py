"""Recordings for the tests of commands: the scripted club, in a file."""

from __future__ import annotations

from pathlib import Path

import msgspec

from clubai.tui.recording import recorded
from support.dashboard import NOW, script


def write_recording(path: Path) -> Path:
    """A minute of the scripted club, all of it in its first second."""
    lines = [msgspec.json.encode(recorded(NOW, item)) for item in script()]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path
