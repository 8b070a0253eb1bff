"""A command on a real terminal, by tmux: press keys, and look at what is seen."""

from __future__ import annotations

import os
import select
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

import pytest

from support.commands import environment

WAIT_S = 60.0
needs_tmux = pytest.mark.skipif(which("tmux") is None, reason="tmux is not installed")


class Tmux:
    """One terminal; a control client tells when something was written to it."""

    def __init__(self, socket: Path, control: subprocess.Popen[bytes]) -> None:
        self._socket = socket
        self._control = control

    def run(self, *arguments: str) -> str:
        return subprocess.run(
            ["tmux", "-S", str(self._socket), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=WAIT_S,
        ).stdout

    def keys(self, *names: str) -> None:
        """Press keys by their tmux names."""
        self.run("send-keys", "-t", "screen", *names)

    def type(self, text: str) -> None:
        """Type a text as it is."""
        self.run("send-keys", "-t", "screen", "-l", text)

    def resize(self, width: int, height: int) -> None:
        self.run("resize-window", "-t", "screen", "-x", str(width), "-y", str(height))

    def shown(self) -> str:
        """What is on the screen now."""
        return self.run("capture-pane", "-p", "-t", "screen")

    def wait_for(self, *texts: str, gone: str = "") -> str:
        """Wait until all texts are seen at once, without `gone`; gives the screen."""
        deadline = time.monotonic() + WAIT_S
        while True:
            screen = self.shown()
            if all(text in screen for text in texts) and not (gone and gone in screen):
                return screen
            self._changed(deadline, f"{texts} never came (gone: {gone!r}):\n{screen}")

    def _changed(self, deadline: float, otherwise: str) -> None:
        assert self._control.stdout
        left = deadline - time.monotonic()
        ready, _, _ = select.select([self._control.stdout], [], [], max(left, 0))
        if not ready or not os.read(self._control.stdout.fileno(), 1 << 16):
            raise AssertionError(otherwise)


@contextmanager
def tmux(
    *arguments: str, home: Path, size: tuple[int, int] = (110, 36), **env: str
) -> Iterator[Tmux]:
    """Run `clubai *arguments` on a terminal until the block ends."""
    socket = home / "tmux"
    command = shlex.join([sys.executable, "-m", "clubai.cli", *arguments])
    start = [
        *("tmux", "-S", str(socket), "-f", "/dev/null", "new-session", "-d"),
        *("-s", "screen", "-x", str(size[0]), "-y", str(size[1])),
        f"{command}; echo ended with $?; exec cat",
    ]
    given = environment(home, TERM="screen-256color", SHELL="/bin/sh", **env)
    subprocess.run(start, check=True, env=given, cwd=home, timeout=WAIT_S)
    attach = [
        "tmux",
        "-S",
        str(socket),
        "-C",
        "attach",
        "-t",
        "screen",
        "-f",
        "ignore-size",
    ]
    with subprocess.Popen(
        attach, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=given
    ) as control:
        try:
            yield Tmux(socket, control)
        finally:
            subprocess.run(["tmux", "-S", str(socket), "kill-server"], check=False)
            control.kill()
