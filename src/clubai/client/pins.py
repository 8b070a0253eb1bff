"""Where a member's machine keeps what it remembers of a club: one JSON file each.

Several programs of one member may use a file at once: each joins what it has seen with
what is stored, under a lock, and what the member chose is only changed by `editing`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

import msgspec
from anyio import to_thread

from clubai.client.remembered import Remembered, merge
from clubai.crypto.keyfiles import replace
from clubai.errors import ConfigError, StorageError
from clubai.protocol.session import CLIENT_PATH, NODE_PATH

MAX_FILE_BYTES: Final = 128 * 1024 * 1024
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9.-]+")
_FIX: Final = (
    "restore it from a backup, or move it away to trust the club's key anew: compare"
    " the key with other members' then"
)


def pins_path(directory: Path, url: str) -> Path:
    """The file for the club at `url`, whichever of its addresses that is."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    for tail in (NODE_PATH, CLIENT_PATH, "/v1"):
        path = path.removesuffix(tail)
    place = parts.netloc.rpartition("@")[2].lower() + path
    digest = hashlib.sha256(place.encode()).hexdigest()[:8]
    return directory / f"{_NOT_IN_NAMES.sub('-', place)[:80]}-{digest}.json"


class Pins:
    """What is remembered of one club, and the file that it is kept in, if any."""

    def __init__(self, path: Path | None, remembered: Remembered) -> None:
        self.path = path
        self.club = remembered
        self.dirty = False
        """Something was seen that is not stored yet."""

    @classmethod
    def in_memory(cls) -> Self:
        """Remember only as long as this object lives."""
        return cls(None, Remembered())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file at `path`, when there is one. It blocks for a moment.

        Raises:
            ConfigError: it is damaged, or others may change it.
            StorageError: it cannot be read.
        """
        with _storage_errors(path):
            return cls(path, _read(path))

    @classmethod
    @contextmanager
    def editing(cls, path: Path) -> Iterator[Remembered]:
        """Change what the member chose; stored when the block ends without an error.

        Raises as `load`, and `StorageError` when it cannot be written.
        """
        with _storage_errors(path), _locked(path):
            remembered = _read(path)
            yield remembered
            _write(path, remembered)

    def store(self) -> None:
        """Join what was seen with what is stored. It blocks for a moment.

        Raises as `load`, and `StorageError` when it cannot be written.
        """
        if self.path is not None:
            self.club = _store(self.path, self.club)
        self.dirty = False

    async def store_soon(self) -> None:
        """The same in a thread; what is seen meanwhile is joined in too."""
        self.dirty = False
        if self.path is None:
            return
        try:
            merged = await to_thread.run_sync(_store, self.path, self.club.copy())
        except BaseException:
            self.dirty = True
            raise
        self.club = merge(merged, self.club)


def _store(path: Path, own: Remembered) -> Remembered:
    with _storage_errors(path), _locked(path):
        merged = merge(_read(path), own)
        _write(path, merged)
    return merged


def _read(path: Path) -> Remembered:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return Remembered()
    with open(descriptor, "rb") as file:
        if os.fstat(descriptor).st_mode & 0o022:
            fix = f"others may change it: chmod 600 {shlex.quote(str(path))}"
            raise ConfigError("trust file", str(path), fix)
        content = file.read(MAX_FILE_BYTES + 1)
    try:
        if len(content) > MAX_FILE_BYTES:
            raise ConfigError("trust file", str(path), f"it is too big: {_FIX}")
        return msgspec.json.decode(content, type=Remembered)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError("trust file", str(path), f"it is damaged: {_FIX}") from error


def _write(path: Path, remembered: Remembered) -> None:
    replace(path, msgspec.json.format(msgspec.json.encode(remembered), indent=1))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    with open(os.open(path.with_name(f".{path.name}.lock"), flags, 0o600)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        fix = "make it, and its directory, yours to read and write"
        raise StorageError(str(path), f"{reason}: {fix}") from error
