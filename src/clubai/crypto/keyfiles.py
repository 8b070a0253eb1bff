"""Secrets in files: made once, whole or not at all, readable by their owner only."""

from __future__ import annotations

import os
import secrets
import shlex
import stat
from collections.abc import Callable
from pathlib import Path

from clubai.errors import ConfigError, StorageError


def load_or_create(path: Path, make: Callable[[], bytes], *, size: int) -> bytes:
    """Read the secret of `size` bytes at `path`, and make it when there is no file.

    Of several that make it at the same time one wins, and all get the winner's. It is
    on the disk before anybody has it.

    Raises:
        ConfigError: the file is not a secret of this size, or not a secret any more.
        StorageError: the file or its directory cannot be read or written.
    """
    try:
        try:
            return _read(path, size)
        except FileNotFoundError:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(path, make())
            return _read(path, size)
    except OSError as error:
        raise _unusable(path, error) from error


def load(path: Path, *, size: int) -> bytes:
    """Read the secret of `size` bytes at `path`.

    Raises:
        ConfigError: the file is not a secret of this size, or not a secret any more.
        StorageError: there is no such file, or it cannot be read.
    """
    try:
        return _read(path, size)
    except OSError as error:
        raise _unusable(path, error) from error


def find(path: Path, *, size: int) -> bytes | None:
    """Read the secret of `size` bytes at `path`; None when there is no such file.

    Raises:
        ConfigError: the file is not a secret of this size, or not a secret any more.
        StorageError: it cannot be read.
    """
    try:
        return _read(path, size)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from error


def erase(path: Path) -> None:
    """Overwrite the secret at `path`, then remove it; nothing when there is no file.

    What a disk or a file system keeps of earlier writes is beyond this.

    Raises:
        StorageError: it cannot be written or removed.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.write(descriptor, bytes(os.fstat(descriptor).st_size))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        path.unlink()
        _sync_directory(path.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unusable(path, error) from error


def read_all(path: Path) -> bytes:
    """Read a file of any size; empty when there is none.

    Raises:
        StorageError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise _unusable(path, error) from error


def replace(path: Path, content: bytes) -> None:
    """Put `content` where `path` is, whole or not at all, readable by its owner only.

    It is on the disk when this returns. For what is no secret and must not be lost.

    Raises:
        StorageError: the file or its directory cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = _draft(path, content)
        try:
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync_directory(path.parent)
    except OSError as error:
        raise _unusable(path, error) from error


def _read(path: Path, size: int) -> bytes:
    # Without O_NONBLOCK a named pipe would hold us up for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise _wrong(path, "it is no regular file: name another path")
        if mode & 0o077:
            fix = f"chmod 600 {shlex.quote(str(path))}"
            raise _wrong(path, f"others may read or change it: {fix}")
        content = os.read(descriptor, size + 1)
    finally:
        os.close(descriptor)
    if len(content) != size:
        raise _wrong(
            path,
            f"it does not hold exactly {size} bytes: restore it from a backup, or move"
            " it away to get a new one",
        )
    return content


def _write(path: Path, content: bytes) -> None:
    draft = _draft(path, content)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
    _sync_directory(path.parent)


def _draft(path: Path, content: bytes) -> Path:
    """A file beside `path` that is on the disk; nobody else can read it."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        draft.unlink()
        raise
    return draft


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _wrong(path: Path, fix: str) -> ConfigError:
    return ConfigError("key file", str(path), fix)


def _unusable(path: Path, error: OSError) -> StorageError:
    reason = error.strerror or str(error)
    return StorageError(
        str(path), f"{reason}: make it, and its directory, yours to read and write"
    )
