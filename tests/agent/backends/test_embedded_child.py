from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from clubai.agent.backends import embedded_child

SCRIPT = Path(embedded_child.__file__)


def settings(model: Path) -> dict[str, Any]:
    return {
        "model": str(model),
        "name": "m",
        "slots": 3,
        "threads": 2,
        "context": 256,
        "key": "secret",
    }


@contextmanager
def start() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-P", SCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def test_the_context_is_multiplied_by_the_slots() -> None:
    pytest.importorskip("xllamacpp")
    params = embedded_child.make_params(settings(Path("x.gguf")))

    assert (params.n_parallel, params.n_ctx) == (3, 3 * 256)
    assert params.cpuparams.n_threads == params.cpuparams_batch.n_threads == 2
    assert params.api_keys == ["secret"]
    assert params.hostnames == ["127.0.0.1"]
    assert params.n_ubatch % 3 == 0
    assert params.port == 0


def test_without_settings_it_ends() -> None:
    with start() as child:
        child.communicate(timeout=20)

    assert child.returncode == 0


def test_it_needs_nothing_of_clubai() -> None:
    assert "clubai" not in SCRIPT.read_text().partition('"""\n\n')[2]


@pytest.mark.model
@pytest.mark.parametrize("how", ["end of input", "SIGTERM", "SIGINT"])
def test_it_ends_when_told(model_file: Path, how: str) -> None:
    pytest.importorskip("xllamacpp")
    with start() as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps(settings(model_file)) + "\n")
        child.stdin.flush()
        assert child.stdout.readline().startswith("READY http://127.0.0.1:")
        if how == "end of input":
            child.stdin.close()
        else:
            child.send_signal(getattr(signal, how))
        # Where the native code hangs at its end, the kernel ends it a little later.
        assert child.wait(timeout=20) in (0, -signal.SIGALRM)
