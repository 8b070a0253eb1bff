"""Run a command on a terminal of its own, and type at it."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from support.commands import environment

WAIT_S = 30.0


class Terminal:
    """A command on a pseudo-terminal; `shown` is everything it wrote."""

    def __init__(self, process: subprocess.Popen[bytes], fd: int) -> None:
        self.process = process
        self.shown = ""
        self._fd = fd

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def wait_for(self, text: str) -> None:
        """Read until `text` has been shown since the last wait."""
        seen = len(self.shown)
        deadline = time.monotonic() + WAIT_S
        while text not in self.shown[seen:]:
            if not self._read(deadline):
                raise AssertionError(f"{text!r} never came: {self.shown!r}")

    def wait(self) -> int:
        """Read to the end, and return the exit code."""
        deadline = time.monotonic() + WAIT_S
        while self._read(deadline):
            pass
        return self.process.wait(WAIT_S)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._fd], [], [], deadline - time.monotonic())
        if not ready:
            raise AssertionError(f"silent for too long: {self.shown!r}")
        try:
            chunk = os.read(self._fd, 65536)
        except OSError:  # the other side is closed
            return False
        self.shown += chunk.decode(errors="replace")
        return bool(chunk)


@contextmanager
def terminal(
    *arguments: str, home: Path, program: str = "clubai.cli", **env: str
) -> Iterator[Terminal]:
    """Run `clubai *arguments`, or `program`, on a terminal until the block ends."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", program, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        cwd=home,
        env=environment(home, TERM="xterm", COLUMNS="120", LINES="40", **env),
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait(WAIT_S)
        os.close(ours)


def typed_at(
    arguments: Iterable[str], answers: Iterable[tuple[str, str]], *, home: Path
) -> str:
    """Answer each prompt, and return everything that was shown."""
    with terminal(*arguments, home=home) as screen:
        for prompt, answer in answers:
            screen.wait_for(prompt)
            screen.type(answer + "\n")
        assert screen.wait() == 0, screen.shown
        return screen.shown
