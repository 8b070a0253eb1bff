from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clubai.errors import StorageError
from clubai.storage.lockfile import LockFile

HOLD = """
import sys
from pathlib import Path
from clubai.storage.lockfile import LockFile

lock = LockFile.take(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_lock_names_its_process_and_can_be_taken_again(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("123456789012\n")

    lock = LockFile.take(path)

    assert path.read_text() == f"{os.getpid()}\n"
    with pytest.raises(StorageError, match=rf"process {os.getpid()}\b.*stop that one"):
        LockFile.take(path)
    lock.release()
    lock.release()
    LockFile.take(path).release()


def test_lock_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StorageError, match=f"process {holder.pid}"):
            LockFile.take(path)
        holder.kill()

    LockFile.take(path).release()


def test_place_without_a_directory_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        LockFile.take(tmp_path / "missing" / "lock")
