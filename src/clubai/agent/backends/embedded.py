"""The embedded model: llama.cpp in a child process, used as any other backend.

Requests go over HTTP on the loopback, with a key made for this child and handed over
through a pipe. Several at a time share the processor threads; whoever wants the same
text twice asks one at a time, at temperature 0 and with `cache_prompt` false.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from subprocess import PIPE
from typing import Any, Final

import anyio
import msgspec
from anyio.abc import ByteReceiveStream, Process
from anyio.streams.buffered import BufferedByteReceiveStream

from clubai.agent.backends.base import Backend, BackendInfo, Piece
from clubai.agent.backends.http import Http
from clubai.agent.backends.llamacpp import LlamaCppBackend
from clubai.agent.backends.models import model_name
from clubai.crypto.keys import random_bytes
from clubai.errors import BackendError, lone_errors
from clubai.model import FailCode, Kind

CHILD: Final = Path(__file__).with_name("embedded_child.py")
START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 3.0
EXIT_SECONDS: Final = 1.0
"""How long a broken connection waits to learn whether the child is gone."""
TAIL_BYTES: Final = 4096


class EmbeddedBackend(LlamaCppBackend):
    """A llama.cpp server that this process started; `open_embedded` makes it."""

    def __init__(self, http: Http, child: Child, *, slots: int) -> None:
        super().__init__(http, slots=slots)
        self._child = child

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    async def look(self) -> BackendInfo:
        """Read the model and its context.

        Raises:
            BackendError: the child is gone.
        """
        try:
            info = await super().look()
        except BackendError as error:
            raise await self._child.explain(error) from error
        return msgspec.structs.replace(info, version="embedded")

    @asynccontextmanager
    async def run(
        self, kind: Kind, model: str, body: dict[str, Any]
    ) -> AsyncIterator[AsyncIterator[Piece]]:
        """Run one request; an error of a child that is gone says how it ended."""
        async with AsyncExitStack() as stack:
            try:
                pieces = await stack.enter_async_context(super().run(kind, model, body))
            except BackendError as error:
                raise await self._child.explain(error) from error
            yield _Explained(pieces, self._child.explain)


class Child:
    """The process, and the end of what it wrote to its standard error."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._tail: deque[int] = deque(maxlen=TAIL_BYTES)
        self._drained = anyio.Event()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def drain(self) -> None:
        """Read the standard error to its end, so that the child never waits for us."""
        stream: ByteReceiveStream | None = self._process.stderr
        if stream is None:
            return
        try:
            async for chunk in stream:
                self._tail.extend(chunk)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        finally:
            self._drained.set()

    async def send(self, settings: dict[str, object]) -> None:
        """Hand the settings over."""
        if self._process.stdin is not None:
            with suppress(anyio.BrokenResourceError):
                await self._process.stdin.send(msgspec.json.encode(settings) + b"\n")

    async def ready(self, seconds: float) -> str:
        """Wait for the address that the child serves.

        Raises:
            BackendError: it ended first, or the time passed.
        """
        if self._process.stdout is None:
            raise BackendError(FailCode.BACKEND, "the embedded model has no output")
        lines = BufferedByteReceiveStream(self._process.stdout)
        try:
            with anyio.fail_after(seconds):
                line = await lines.receive_until(b"\n", 1024)
        except TimeoutError:
            raise BackendError(
                FailCode.BACKEND,
                f"the embedded model was not ready within {seconds:g} s",
            ) from None
        except (anyio.IncompleteRead, anyio.DelimiterNotFound) as error:
            broken = BackendError(FailCode.BACKEND, "the embedded model did not start")
            raise await self.explain(broken) from error
        return line.decode("ascii", "replace").removeprefix("READY ").strip()

    async def explain(self, error: BackendError) -> BackendError:
        """The error that says how the child ended, if it did; else `error` itself."""
        if error.status is not None:
            return error
        with anyio.move_on_after(EXIT_SECONDS):
            await self._process.wait()
        if self._process.returncode is None:
            return error
        with anyio.move_on_after(EXIT_SECONDS):
            await self._drained.wait()
        said = bytes(self._tail).decode("utf-8", "replace").strip()
        return BackendError(
            FailCode.BACKEND,
            f"the embedded model's process ended "
            f"(status {self._process.returncode}): {said or 'it said nothing'}",
        )

    async def stop(self) -> None:
        """End the process: politely, then not."""
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(STOP_SECONDS):
                if self._process.stdin is not None:
                    with suppress(anyio.BrokenResourceError):
                        await self._process.stdin.aclose()
                await self._process.wait()
            if self._process.returncode is None:
                self._process.kill()
            await self._process.aclose()


@asynccontextmanager
async def open_embedded(
    model: Path,
    *,
    slots: int = 2,
    threads: int = 1,
    context: int = 2048,
    name: str = "",
    start_seconds: float = START_SECONDS,
) -> AsyncIterator[Backend]:
    """Serve the GGUF file `model` from a child process while the context is open.

    `context` is what each of the `slots` has. `name` is what the model is offered as;
    empty: what the file's name says. The child is not started again when it ends: the
    backend's methods raise from then on.

    Raises:
        BackendError: the child cannot be started; the message has its last words.
    """
    if find_spec("xllamacpp") is None:
        raise BackendError(
            FailCode.BACKEND,
            "the embedded model needs xllamacpp, which is not installed: "
            "pip install 'clubai[local]'",
        )
    key = random_bytes(24).hex()
    with lone_errors():
        async with anyio.create_task_group() as tasks:
            # In a session of its own, so that Ctrl-C reaches the agent alone, which
            # then lets running requests end.
            child = Child(
                await anyio.open_process(
                    [sys.executable, "-P", str(CHILD)],
                    stdin=PIPE,
                    stdout=PIPE,
                    stderr=PIPE,
                    start_new_session=True,
                )
            )
            tasks.start_soon(child.drain)
            try:
                await child.send(
                    {
                        "model": os.fspath(model),
                        "name": name or model_name(model),
                        "slots": slots,
                        "threads": threads,
                        "context": context,
                        "key": key,
                    }
                )
                http = Http(await child.ready(start_seconds), api_key=key)
                yield EmbeddedBackend(http, child, slots=slots)
            finally:
                await child.stop()
                tasks.cancel_scope.cancel()


class _Explained:
    """Pieces whose errors say how the child ended."""

    def __init__(
        self,
        pieces: AsyncIterator[Piece],
        explain: Callable[[BackendError], Awaitable[BackendError]],
    ) -> None:
        self._pieces = pieces
        self._explain = explain

    def __aiter__(self) -> AsyncIterator[Piece]:
        return self

    async def __anext__(self) -> Piece:
        try:
            return await anext(self._pieces)
        except BackendError as error:
            raise await self._explain(error) from error
