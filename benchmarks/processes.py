"""Other processes: starting them, what they print, and what they cost."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

STOP_SECONDS: Final = 10.0


class Started:
    """A child with a pipe to its stdin; the children here end when it closes."""

    def __init__(self, name: str, popen: subprocess.Popen[str], errors: Path) -> None:
        self.name = name
        self.popen = popen
        self.errors = errors
        self.pid = popen.pid

    def read_line(self) -> str:
        """Read the next line; a child that ended instead is an error with its words."""
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        if not line:
            self.popen.wait()
            self.check()
        return line

    def check(self) -> None:
        """Raise, with what the child said last, when it has ended."""
        if self.popen.poll() is not None:
            raise RuntimeError(
                f"{self.name} ended with {self.popen.returncode}:\n"
                + self.errors.read_text()[-4000:]
            )


@contextlib.contextmanager
def started(
    arguments: Sequence[str], scratch: Path, env: Mapping[str, str] | None = None
) -> Iterator[Started]:
    """Run `python -m *arguments` until the block ends, with `env` added to our own."""
    errors = scratch / f"{arguments[0]}-{os.urandom(3).hex()}.log"
    with (
        errors.open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **(env or {})},
        ) as popen,
    ):
        child = Started(arguments[0], popen, errors)
        try:
            yield child
            child.check()
        finally:
            popen.terminate()
            try:
                popen.communicate(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                popen.kill()


def output_of(arguments: Sequence[str]) -> str:
    """Run `python -m *arguments` to its end."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def cpu_seconds(pid: int) -> float:
    """Time that a process has run, user and system, threads that ended included.

    It is read from the process's own clock, because `/proc/PID/stat` counts in
    hundredths of a second, which is more than many requests take.
    """
    of_process = 2  # CPUCLOCK_SCHED of a whole process, as in clock_getcpuclockid(3)
    return time.clock_gettime((~pid << 3) | of_process)


def memory_mb(pid: int) -> float:
    """Resident memory of a process now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no memory: it has ended")
