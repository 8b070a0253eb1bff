"""The right to be the only coordinator on a database, as a lock on a file beside it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from clubai.errors import StorageError


class LockFile:
    """An exclusive lock that ends with the process at the latest.

    The file names the process that has the lock. It is never removed: whoever waits
    for the lock of a removed file would wait for nothing.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path) -> Self:
        """Take the lock at once.

        Raises:
            StorageError: another process, or another store in this one, has it.
            OSError: the file cannot be made or locked.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise StorageError(
                str(path.parent),
                f"another coordinator (process {owner or 'unknown'}) uses it:"
                " stop that one, or choose another data directory",
            ) from None
        except OSError:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Let go of the lock; safe to call twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
