from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from clubai.crypto import keyfiles
from clubai.errors import ConfigError, StorageError

SECRET = bytes(range(32))


def make() -> bytes:
    return SECRET


def make_none() -> bytes:
    raise AssertionError("made although it is there")


def test_secret_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "node.key"

    assert keyfiles.load_or_create(path, make, size=32) == SECRET

    assert keyfiles.load_or_create(path, make_none, size=32) == SECRET
    assert keyfiles.load(path, size=32) == SECRET
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == ["node.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "node key"
    path.write_bytes(SECRET)
    path.chmod(mode)

    with pytest.raises(ConfigError) as refusal:
        keyfiles.load_or_create(path, make_none, size=32)

    assert refusal.value.value == str(path)
    assert f"chmod 600 '{path}'" in refusal.value.fix


@pytest.mark.parametrize("content", [b"", SECRET[:-1], SECRET + b"\n"])
def test_file_of_another_size_is_refused_and_kept(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "node.key"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(ConfigError, match="exactly 32 bytes"):
        keyfiles.load_or_create(path, make_none, size=32)

    assert path.read_bytes() == content


def test_missing_file_is_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        keyfiles.load(tmp_path / "node.key", size=32)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "directory").mkdir(mode=0o700)

    for name in ("pipe", "directory"):
        with pytest.raises(ConfigError, match="no regular file"):
            keyfiles.load(tmp_path / name, size=32)


def test_place_that_cannot_hold_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    path = tmp_path / "data" / "node.key"

    with pytest.raises(StorageError) as refusal:
        keyfiles.load_or_create(path, make, size=32)

    assert refusal.value.where == str(path)


def test_write_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(StorageError, match="No space left"):
        keyfiles.load_or_create(tmp_path / "node.key", make, size=32)

    assert os.listdir(tmp_path) == []


def test_secret_of_whoever_was_faster_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "node.key"

    def make_too_late() -> bytes:
        keyfiles.load_or_create(path, make, size=32)
        return bytes(32)

    assert keyfiles.load_or_create(path, make_too_late, size=32) == SECRET
    assert path.read_bytes() == SECRET
    assert os.listdir(tmp_path) == ["node.key"]


def test_all_get_the_secret_of_whoever_made_it_first(tmp_path: Path) -> None:
    path = tmp_path / "node.key"
    both_make = threading.Barrier(2, timeout=10)
    got: list[bytes] = []

    def start() -> None:
        def make_own() -> bytes:
            both_make.wait()
            return os.urandom(32)

        got.append(keyfiles.load_or_create(path, make_own, size=32))

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert got == [path.read_bytes()] * 2
    assert os.listdir(tmp_path) == ["node.key"]


def test_secret_that_is_there_is_found(tmp_path: Path) -> None:
    path = tmp_path / "node.key"

    assert keyfiles.find(path, size=32) is None
    keyfiles.load_or_create(path, make, size=32)
    assert keyfiles.find(path, size=32) == SECRET
    with pytest.raises(ConfigError):
        keyfiles.find(path, size=31)
    with pytest.raises(StorageError):
        keyfiles.find(path / "under a file", size=32)


def test_erased_secret_is_overwritten_and_gone(tmp_path: Path) -> None:
    path, same = tmp_path / "node.key", tmp_path / "same"
    keyfiles.load_or_create(path, make, size=32)
    os.link(path, same)

    keyfiles.erase(path)

    assert not path.exists()
    assert same.read_bytes() == bytes(32)
    keyfiles.erase(path)


def test_what_a_link_names_is_not_erased(tmp_path: Path) -> None:
    target, link = tmp_path / "other", tmp_path / "node.key"
    target.write_bytes(SECRET)
    link.symlink_to(target)

    with pytest.raises(StorageError):
        keyfiles.erase(link)

    assert target.read_bytes() == SECRET


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state"
    keyfiles.replace(path, b"one")
    keyfiles.replace(path, b"other")

    assert path.read_bytes() == b"other"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_replaced_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.mkdir()

    with pytest.raises(StorageError, match="yours to read and write"):
        keyfiles.replace(path, b"content")

    assert list(tmp_path.iterdir()) == [path]
