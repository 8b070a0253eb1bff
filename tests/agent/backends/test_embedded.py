"""The embedded model: the real llama.cpp where marked, stand-in scripts elsewhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from clubai.agent.backends import embedded
from clubai.agent.backends.base import Backend
from clubai.agent.backends.embedded import EmbeddedBackend, open_embedded
from clubai.agent.backends.models import DEFAULT_MODEL
from clubai.errors import BackendError
from clubai.model import FailCode
from support.answers import ask

SHORT = {"role": "system", "content": "Answer in one short sentence."}
FRANCE = {
    "messages": [SHORT, {"role": "user", "content": "What is the capital of France?"}],
    "temperature": 0,
}
ENDLESS = {
    "messages": [{"role": "user", "content": "Count."}],
    "max_tokens": 1900,
    "ignore_eos": True,
}

model = pytest.mark.model


def child_of(backend: Backend) -> embedded.Child:
    assert isinstance(backend, EmbeddedBackend)
    return backend._child


async def failure(backend: Backend, body: dict[str, Any]) -> BackendError:
    with pytest.raises(BackendError) as caught:
        await ask(backend, body, model=DEFAULT_MODEL)
    return caught.value


@model
async def test_it_answers(model_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with open_embedded(model_file, slots=2) as backend:
        info = await backend.look()
        answered = await ask(backend, FRANCE, model=DEFAULT_MODEL)

    (offer,) = info.models
    assert (info.kind, info.version, info.slots) == ("llamacpp", "embedded", 2)
    assert (offer.name, offer.context, offer.warm) == (DEFAULT_MODEL, 2048, True)
    assert offer.kinds == ("chat", "completion", "embedding")
    assert "Paris" in answered.text
    assert answered.finish_reasons == ["stop"]
    assert answered.counts == (27, 8)
    assert child_of(backend)._process.returncode == 0
    written = capfd.readouterr()
    assert (written.out, written.err) == ("", ""), "the terminal is the agent's"


@model
async def test_everything_else_that_can_be_asked(model_file: Path) -> None:
    async with open_embedded(model_file, slots=2, context=256) as backend:
        vectors = await ask(
            backend, {"input": ["cat", "dog"]}, kind="embedding", model=DEFAULT_MODEL
        )
        text = await ask(
            backend,
            {"prompt": "Once upon a", "max_tokens": 4, "temperature": 0},
            kind="completion",
            model=DEFAULT_MODEL,
        )
        two = await ask(backend, {**FRANCE, "n": 2}, model=DEFAULT_MODEL)
        prompt = {"messages": [{"role": "user", "content": "a b c " * 200}]}
        too_long = await failure(backend, prompt)
        wrong = await failure(backend, {"messages": "nonsense"})
        with pytest.raises(BackendError) as too_much:
            await ask(
                backend, {"input": "a b " * 900}, kind="embedding", model=DEFAULT_MODEL
            )

    assert vectors.embeddings is not None
    assert [len(row["embedding"]) for row in vectors.embeddings] == [576, 576]
    assert text.text.strip()
    assert text.finish_reasons == ["length"]
    assert {step.index for step in two.steps} == {0, 1}
    assert two.counts == (27, 16)
    assert too_long.code is FailCode.CONTEXT_LENGTH_EXCEEDED
    assert too_much.value.code is FailCode.CONTEXT_LENGTH_EXCEEDED
    assert wrong.code is FailCode.BAD_REQUEST


@model
async def test_two_at_once_are_both_answered(model_file: Path) -> None:
    texts: list[str] = []

    async def one() -> None:
        texts.append((await ask(backend, FRANCE, model=DEFAULT_MODEL)).text)

    async with (
        open_embedded(model_file, slots=2) as backend,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(one)
        tasks.start_soon(one)

    assert len(texts) == 2
    assert all("Paris" in text for text in texts)


@model
async def test_leaving_frees_the_slot(model_file: Path) -> None:
    """Were the slot not freed, the second would wait for 1,900 tokens."""
    async with open_embedded(model_file, slots=1) as backend:
        async with backend.run("chat", DEFAULT_MODEL, ENDLESS) as pieces:
            for _ in range(3):
                await anext(pieces)
        with anyio.fail_after(10):
            answered = await ask(backend, FRANCE, model=DEFAULT_MODEL)

    assert "Paris" in answered.text


@model
async def test_leaving_ends_the_child_while_it_works(model_file: Path) -> None:
    async with open_embedded(model_file, slots=1) as backend:
        child = child_of(backend)
        async with backend.run("chat", DEFAULT_MODEL, ENDLESS) as pieces:
            await anext(pieces)

    assert child._process.returncode == 0


@model
async def test_cancelling_ends_the_child(model_file: Path) -> None:
    with anyio.CancelScope() as scope:
        async with open_embedded(model_file) as backend:
            child = child_of(backend)
            scope.cancel()
            await anyio.sleep_forever()

    assert child._process.returncode == 0


@model
async def test_a_child_that_died_is_told_with_its_status(model_file: Path) -> None:
    async with open_embedded(model_file) as backend:
        await backend.look()
        pid = child_of(backend).pid
        async with backend.run("chat", DEFAULT_MODEL, ENDLESS) as pieces:
            await anext(pieces)
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(BackendError, match="status -9") as caught:
                async for _ in pieces:
                    pass
        afterwards = await failure(backend, FRANCE)
        with pytest.raises(BackendError, match="status -9"):
            await backend.look()

    assert caught.value.code is FailCode.BACKEND
    assert "status -9" in afterwards.message
    assert afterwards.code is FailCode.BACKEND


PARENT = """
import anyio, sys
from pathlib import Path
from clubai.agent.backends.embedded import open_embedded

async def main():
    async with open_embedded(Path(sys.argv[1])) as backend:
        print(backend.http.base, flush=True)
        await anyio.sleep_forever()

anyio.run(main, backend=sys.argv[2])
"""


@model
async def test_a_killed_parent_takes_the_child_along(
    model_file: Path, anyio_backend: str
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(model_file), anyio_backend],
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        base = await anyio.to_thread.run_sync(parent.stdout.readline)
        parent.kill()
    port = int(base.strip().rpartition(":")[2])

    with anyio.fail_after(10):
        while True:
            try:
                stream = await anyio.connect_tcp("127.0.0.1", port)
            except OSError:
                break
            await stream.aclose()
            await anyio.sleep(0.05)


@model
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_the_key_is_neither_an_argument_nor_a_variable(
    model_file: Path,
) -> None:
    async with open_embedded(model_file) as backend:
        assert isinstance(backend, EmbeddedBackend)
        key = backend.http._headers["authorization"].removeprefix("Bearer ")
        proc = Path("/proc") / str(backend.pid)
        shown = (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()

    assert len(key) == 48
    assert key.encode() not in shown


async def test_a_file_that_is_no_model_is_told(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF and nothing more")

    with pytest.raises(BackendError, match="process ended") as caught:
        async with open_embedded(path):
            pass

    assert "RuntimeError" in caught.value.message


async def test_a_missing_library_is_told_with_the_fix(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(embedded, "find_spec", lambda _name: None)

    with pytest.raises(BackendError, match=r"pip install 'clubai\[local\]'"):
        async with open_embedded(tmp_path / "x.gguf"):
            pass


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Put a script in the child's place."""

    def put(script: str) -> None:
        path = tmp_path / "child.py"
        path.write_text(script)
        monkeypatch.setattr(embedded, "CHILD", path)
        monkeypatch.setattr(embedded, "find_spec", lambda _name: object())

    return put


async def test_a_child_that_is_never_ready_is_given_up(
    stand_in: Callable[[str], None], tmp_path: Path
) -> None:
    stand_in("import sys; sys.stdin.read()")

    with pytest.raises(BackendError, match=r"not ready within 0\.3 s"):
        async with open_embedded(tmp_path / "x.gguf", start_seconds=0.3):
            pass


async def test_a_child_that_fails_is_told_with_its_last_words(
    stand_in: Callable[[str], None], tmp_path: Path
) -> None:
    stand_in("import sys; sys.stderr.write('x' * 10**6 + 'the end'); sys.exit(3)")

    with pytest.raises(BackendError, match=r"status 3\).*the end$") as caught:
        async with open_embedded(tmp_path / "x.gguf"):
            pass

    assert len(caught.value.message) < embedded.TAIL_BYTES + 100


async def test_a_child_that_will_not_end_is_killed(
    stand_in: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embedded, "STOP_SECONDS", 0.2)
    stand_in("print('READY http://127.0.0.1:1', flush=True)\nwhile True: input = 0")
    async with open_embedded(tmp_path / "x.gguf") as backend:
        child = child_of(backend)

    assert child._process.returncode == -signal.SIGKILL


async def test_the_settings_come_through_the_pipe(
    stand_in: Callable[[str], None], tmp_path: Path
) -> None:
    stand_in(
        "import sys, json\n"
        "line = sys.stdin.readline()\n"
        "sys.stderr.write(line); sys.stderr.flush()\n"
        "print('READY http://127.0.0.1:1', flush=True)\n"
    )
    async with open_embedded(
        tmp_path / "mine.gguf", slots=3, threads=2, context=512
    ) as backend:
        error = await failure(backend, FRANCE)

    sent = json.loads(error.message.partition("): ")[2])
    assert sent.pop("key")
    assert sent == {
        "model": str(tmp_path / "mine.gguf"),
        "name": "mine",
        "slots": 3,
        "threads": 2,
        "context": 512,
    }


async def test_an_error_of_the_callers_own_is_left_alone(
    stand_in: Callable[[str], None], tmp_path: Path
) -> None:
    stand_in("print('READY http://127.0.0.1:1', flush=True)\ninput()\ninput()")

    with pytest.raises(BackendError, match="mine"):
        async with open_embedded(tmp_path / "x.gguf"):
            raise BackendError(FailCode.EMPTY, "mine")
