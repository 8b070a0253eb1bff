"""A club of processes whose model server takes its time: nodes that can be killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from support.commands import Started, started

MODEL = "mock-paced"
_ROOT = Path(__file__).parents[2]


@contextmanager
def model_server(*, rate: int, slots: int = 0) -> Iterator[str]:
    """A model server in a process of its own: `rate` tokens a second for each answer.

    Without `slots` all requests run at once.
    """
    command = [sys.executable, "-m", "benchmarks.mock_backend", f"--rate={rate}"]
    if slots:
        command.append(f"--slots={slots}")
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as popen:
        try:
            assert popen.stdout
            yield f"http://127.0.0.1:{int(popen.stdout.readline())}/v1"
        finally:
            popen.terminate()
            popen.communicate(timeout=10)


def paced_club(
    home: Path, server: str, *, agents: int
) -> AbstractContextManager[Started]:
    """`clubai up` with a process for each agent."""
    return started(
        *("clubai.cli", "up", "--processes", "--json", "--port=0"),
        *(f"--data={home / 'club'}", f"--agents={agents}", f"--backend={server}"),
        home=home,
    )
