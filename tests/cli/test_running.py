from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clubai.cli import running
from clubai.cli.boundary import Stopped

LOOPS: list[running.Loop] = ["asyncio", "trio"]
HEAD = """
import sys, time, anyio, os
from clubai.cli import running
from clubai.cli.boundary import Stopped
loop = sys.argv[1]
async def wait():
    print("ready", flush=True)
    try:
        await anyio.sleep_forever()
    finally:
        print("cleaned up", flush=True)
"""


@contextmanager
def script(
    text: str, loop: str, *, stdin: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HEAD + text, loop],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def test_a_main_returns_its_result() -> None:
    async def main() -> int:
        return 7

    assert [running.run(main, loop=loop) for loop in LOOPS] == [7, 7]


def test_an_error_of_the_main_comes_out() -> None:
    async def main() -> None:
        raise LookupError("lost")

    with pytest.raises(ExceptionGroup) as caught:
        running.run(main)

    assert caught.group_contains(LookupError, match="lost")


def test_the_fast_loop_is_used() -> None:
    async def main() -> str:
        import asyncio

        return type(asyncio.get_running_loop()).__module__

    assert running.run(main) == "uvloop"


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_main_and_is_told(
    loop: running.Loop, signum: signal.Signals
) -> None:
    text = """
try:
    running.run(wait, loop=loop)
except Stopped as stopped:
    print("stopped by", stopped.signum)
"""
    with script(text, loop) as process:
        process.send_signal(signum)
        out, err = process.communicate(timeout=20)

    assert (out, err) == (f"cleaned up\nstopped by {int(signum)}\n", "")


@pytest.mark.parametrize("loop", LOOPS)
def test_being_stopped_is_the_normal_end_of_what_runs_until_then(loop: str) -> None:
    with script("running.run_until_stopped(wait, loop=loop)", loop) as process:
        process.terminate()
        out, err = process.communicate(timeout=20)

    assert (out, err, process.returncode) == ("cleaned up\n", "", 0)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_second_signal_ends_it_as_it_stands(loop: str) -> None:
    text = """
async def stubborn():
    print("ready", flush=True)
    try:
        await anyio.sleep_forever()
    finally:
        print("closing", flush=True)
        with anyio.CancelScope(shield=True):
            await anyio.sleep_forever()
running.GRACE_S = 60
running.run_until_stopped(stubborn, loop=loop)
"""
    with script(text, loop) as process:
        process.terminate()
        assert process.stdout
        assert process.stdout.readline() == "closing\n"
        process.terminate()

        assert process.wait(20) == 128 + signal.SIGTERM


def test_what_does_not_end_in_time_is_ended() -> None:
    text = """
async def deaf():
    print("ready", flush=True)
    try:
        await anyio.sleep_forever()
    finally:
        time.sleep(3600)
running.GRACE_S = 0.2
running.run_until_stopped(deaf, loop=loop)
"""
    with script(text, "asyncio") as process:
        process.terminate()
        _, err = process.communicate(timeout=20)

    assert process.returncode == 1
    assert "did not stop within 0.2 s" in err


def test_the_grace_is_less_than_what_people_are_promised() -> None:
    assert running.GRACE_S < 5


@pytest.mark.parametrize("loop", LOOPS)
def test_the_end_of_stdin_ends_it(loop: str) -> None:
    text = """
running.end_with_stdin()
running.run_until_stopped(wait, loop=loop)
"""
    with script(text, loop, stdin=subprocess.PIPE) as process:
        assert process.poll() is None
        out, err = process.communicate(timeout=20)

    assert (out, err, process.returncode) == ("cleaned up\n", "", 0)


def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.settimeout(5)

        running.notify_ready()

        assert listening.recv(64) == b"READY=1"


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "@clubai-test-nobody"])
def test_without_systemd_nothing_happens(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)

    running.notify_ready()


def test_a_stopped_main_tells_which_signal() -> None:
    before = time.monotonic()

    async def main() -> None:
        import anyio

        os.kill(os.getpid(), signal.SIGTERM)
        await anyio.sleep_forever()

    with pytest.raises(Stopped) as caught:
        running.run(main)

    assert caught.value.signum == signal.SIGTERM
    assert time.monotonic() - before < running.GRACE_S


def test_what_does_not_end_in_time_ends_the_process() -> None:
    text = """
running.GRACE_S = 0.2
print("ready", flush=True)
with running.end_in_time():
    pass
with running.end_in_time():
    time.sleep(60)
"""
    with script(text, "asyncio") as process:
        assert process.wait(10) == 1
