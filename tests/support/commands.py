"""Run the commands as people do: real processes, an environment of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

WAIT_S = 60.0


class Done(NamedTuple):
    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The one line of JSON on stdout."""
        assert self.code == 0, self.err
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)

    def error(self) -> Any:
        """The one line of JSON on stderr."""
        assert self.out == ""
        assert self.err.count("\n") == 1, self.err
        return json.loads(self.err)["error"]


def environment(home: Path, **more: str) -> dict[str, str]:
    """Nothing of this machine's user but the path, and a home of its own."""
    kept = ("PATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG", "LANG")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "HOME": str(home),
        **more,
    }


def run(*arguments: str, home: Path, stdin: str = "", **env: str) -> Done:
    """Run `python -m *arguments` to its end."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        cwd=home,
        env=environment(home, **env),
    )
    return Done(done.returncode, done.stdout, done.stderr)


def clubai(*arguments: str, home: Path, stdin: str = "", **env: str) -> Done:
    """Run `clubai *arguments`."""
    return run("clubai.cli", *arguments, home=home, stdin=stdin, **env)


class Started:
    """A command that keeps running; its stderr is in a file."""

    def __init__(self, popen: subprocess.Popen[str], errors: Path) -> None:
        self.popen = popen
        self.pid = popen.pid
        self._errors = errors

    def line(self) -> str:
        """The next line of stdout; fails when there is none."""
        assert self.popen.stdout
        line = self.popen.stdout.readline()
        if not line:
            self.popen.wait(WAIT_S)
            raise AssertionError(f"it ended with {self.popen.returncode}: {self.err()}")
        return line

    def ready(self) -> Any:
        """The line of JSON that says it is ready."""
        return json.loads(self.line())

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code of a timely end."""
        self.popen.send_signal(signum)
        return self.popen.wait(WAIT_S)

    def rest(self) -> str:
        """What else it wrote to stdout, once it has ended."""
        assert self.popen.stdout
        return self.popen.stdout.read()

    def err(self) -> str:
        return self._errors.read_text()


@contextmanager
def started(*arguments: str, home: Path, **env: str) -> Iterator[Started]:
    """Run `python -m *arguments`, and kill it if it is still there at the end."""
    errors = home / f"stderr-{len(list(home.glob('stderr-*')))}"
    with (
        errors.open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=home,
            env=environment(home, **env),
        ) as popen,
    ):
        try:
            yield Started(popen, errors)
        finally:
            if popen.poll() is None:
                popen.kill()


def is_running(pid: int) -> bool:
    """Whether the process is there, and no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class UpClub(NamedTuple):
    url: str
    api_key: str

    def clubai(self, *arguments: str, home: Path, stdin: str = "") -> Done:
        """Run a command that finds this club by the environment."""
        return clubai(
            *arguments,
            home=home,
            stdin=stdin,
            CLUBAI_URL=self.url,
            CLUBAI_API_KEY=self.api_key,
        )
