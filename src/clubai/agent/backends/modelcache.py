"""Known models and their files on this disk: whether one is there and right.

All of it blocks, and is meant for a worker thread. A file is hashed once; a stamp file
in the cache then remembers its size and modification time, so that later starts need
not read it. Nothing gets a model's own name in the cache before it is whole and right.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Final, Literal

import msgspec

from clubai.errors import ModelFileError

Found = Literal["nothing", "a stamped file", "a file"]

_MAGIC: Final = b"GGUF"
_CHUNK: Final = 1 << 20
_PULL_PREFIX: Final = ".pull-"


class KnownModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model whose file comes inside a package, with everything to check it by."""

    name: str
    file: str
    sha256: str
    size: int
    package: str
    version: str
    wheel_sha256: str
    wheel_size: int

    @property
    def module(self) -> str:
        """The package as it is imported, whose folder holds the file."""
        return self.package.replace("-", "_")


def look_for(path: Path, model: KnownModel, cache: Path) -> Found:
    """What lies at `path`; a stamped file has been hashed before and is right."""
    try:
        seal = _seal(path, model)
    except FileNotFoundError:
        return "nothing"
    try:
        stamped = _stamp_file(path, cache).read_text() == seal
    except OSError:
        stamped = False
    return "a stamped file" if stamped else "a file"


def is_right(path: Path, model: KnownModel, cache: Path) -> bool:
    """Hash the file, and stamp it if it is the one it should be."""
    seal = _seal(path, model)
    if path.stat().st_size != model.size:
        return False
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != model.sha256:
            return False
    cache.mkdir(parents=True, exist_ok=True)
    _stamp_file(path, cache).write_text(seal)
    return True


def installed_file(model: KnownModel) -> Path | None:
    """The file in an installed package, which is looked for and never imported."""
    spec = find_spec(model.module)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).with_name(model.file)


def named_file(name: str) -> Path | None:
    """The file that `name` is the path of; None if there is none.

    Raises:
        ModelFileError: the file is no GGUF file.
    """
    path = Path(name).expanduser()
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise ModelFileError(name, f"it cannot be read: {error}") from error
    if magic != _MAGIC:
        raise ModelFileError(name, "it is no GGUF file")
    return path


def make_pull_folder(cache: Path) -> Path:
    """A folder to fetch into; what earlier, broken-off fetches left is removed."""
    for stale in cache.glob(f"{_PULL_PREFIX}*"):
        shutil.rmtree(stale, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=_PULL_PREFIX, dir=cache))


def remove_folder(folder: Path) -> None:
    """Remove a folder as far as it goes."""
    shutil.rmtree(folder, ignore_errors=True)


def take_out(got: Path, model: KnownModel, folder: Path, path: Path) -> None:
    """Move the model's file from the package in `got` to `path`, checked on the way.

    Raises:
        ModelFileError: it is not in there, or not what it should be.
    """
    inside = f"{model.module}/{model.file}"
    part = folder / model.file
    try:
        if got.is_dir():
            with (got / inside).open("rb") as source:
                sha256 = _copy(source, part)
        else:
            with zipfile.ZipFile(got) as wheel, wheel.open(inside) as source:
                sha256 = _copy(source, part)
    except (KeyError, FileNotFoundError, zipfile.BadZipFile) as error:
        raise ModelFileError(
            model.name, f"{model.package} does not hold {inside}"
        ) from error
    if sha256 != model.sha256:
        raise ModelFileError(
            model.name, f"the file in {model.package} is not the one it should be"
        )
    part.replace(path)
    _stamp_file(path, path.parent).write_text(_seal(path, model))


def _copy(source: IO[bytes], to: Path) -> str:
    digest = hashlib.sha256()
    with to.open("wb") as target:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    return digest.hexdigest()


def _seal(path: Path, model: KnownModel) -> str:
    stat = path.stat()
    return f"{model.sha256} {stat.st_size} {stat.st_mtime_ns}"


def _stamp_file(path: Path, cache: Path) -> Path:
    where = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:12]
    return cache / f".{path.name}.{where}.verified"
