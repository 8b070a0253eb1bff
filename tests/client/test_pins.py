from __future__ import annotations

import stat
import subprocess
import sys
import threading
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from clubai.client import pins as module
from clubai.client.pins import Pins, pins_path
from clubai.client.remembered import Policy, Remembered, SeenNode
from clubai.crypto.checkpoint import Checkpoint
from clubai.errors import ConfigError, StorageError

SEEN = SeenNode(epoch=1, bundle="h", first_seen_ms=5, last_seen_ms=6)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "clubs" / "club.json"


def test_what_is_stored_is_read(path: Path) -> None:
    pins = Pins.load(path)
    assert pins.club == Remembered()
    pins.club.key = "k" * 52
    pins.club.advance(Checkpoint("clubai/x", 7, bytes(range(32))), 1000)
    pins.club.see("node", SEEN)
    pins.dirty = True

    pins.store()

    assert not pins.dirty
    assert Pins.load(path).club == pins.club
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_in_memory_nothing_is_written(tmp_path: Path) -> None:
    pins = Pins.in_memory()
    pins.club.key = "k"

    pins.store()

    assert pins.path is None
    assert list(tmp_path.iterdir()) == []


async def test_two_programs_lose_nothing_of_each_other(path: Path) -> None:
    one, other = Pins.load(path), Pins.load(path)
    one.club.key = "k"
    one.club.see("a", SEEN)
    other.club.key = "k"
    other.club.see("b", SEEN)

    one.store()
    await other.store_soon()

    assert set(Pins.load(path).club.nodes) == {"a", "b"}
    assert set(other.club.nodes) == {"a", "b"}


async def test_what_is_seen_while_it_is_stored_is_not_lost(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, store = threading.Event(), threading.Event(), module._store

    def held(path: Path, own: Remembered) -> Remembered:
        begun.set()
        assert go_on.wait(10)
        return store(path, own)

    monkeypatch.setattr(module, "_store", held)
    pins = Pins.load(path)
    pins.club.key = "k"
    pins.club.see("a", SEEN)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pins.store_soon)
        assert await to_thread.run_sync(begun.wait, 10)
        pins.club.see("b", SEEN)
        pins.dirty = True
        go_on.set()

    assert set(Pins.load(path).club.nodes) == {"a"}
    assert set(pins.club.nodes) == {"a", "b"}
    assert pins.dirty


async def test_what_could_not_be_stored_is_still_to_be_stored(path: Path) -> None:
    pins = Pins.load(path)
    pins.club.see("a", SEEN)
    path.parent.mkdir()
    path.write_bytes(b"{")
    pins.dirty = True

    with pytest.raises(ConfigError):
        await pins.store_soon()

    assert pins.dirty
    assert set(pins.club.nodes) == {"a"}


def test_what_the_member_chooses_reaches_programs_that_run(path: Path) -> None:
    running = Pins.load(path)
    running.club.key = "k"
    running.store()

    with Pins.editing(path) as club:
        club.pinned_nodes = ["a"]
        club.policy = Policy(pinned=True)
    running.club.see("b", SEEN)
    running.store()

    assert running.club.policy == Policy(pinned=True)
    assert Pins.load(path).club == running.club


def test_an_edit_that_fails_changes_nothing(path: Path) -> None:
    def fail(club: Remembered) -> None:
        club.key = "k"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Pins.editing(path) as club:
        fail(club)

    assert not path.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"version":1,"key":"k"',
        b"[]",
        b'{"version":2}',
        b'{"version":1,"checkpoint":{"origin":"x","size":1,"root":"AA=="}}',
        b'{"version":1,"policy":{"min_age_days":-1}}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_a_damaged_file_is_said_and_never_replaced(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o600)
    pins = Pins(path, Remembered(key="k"))

    with pytest.raises(ConfigError, match=r"damaged.*backup"):
        Pins.load(path)
    with pytest.raises(ConfigError, match="damaged"):
        pins.store()
    with pytest.raises(ConfigError, match="damaged"), Pins.editing(path):
        pass

    assert path.read_bytes() == content


def test_a_file_that_others_may_change_is_refused(path: Path) -> None:
    Pins(path, Remembered()).store()
    path.chmod(0o620)

    with pytest.raises(ConfigError, match="chmod 600"):
        Pins.load(path)


def test_a_file_without_end_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Pins(path, Remembered(key="k" * 100)).store()
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 50)

    with pytest.raises(ConfigError, match="too big"):
        Pins.load(path)


def test_a_directory_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "club.json"

    with pytest.raises(StorageError) as refused:
        Pins(path, Remembered()).store()

    assert refused.value.where == str(path)


KILLED = """
import os, sys
from pathlib import Path
from clubai.client.pins import Pins
from clubai.client.remembered import SeenNode
pins = Pins.load(Path(sys.argv[1]))
pins.club.key = "k"
os.replace = lambda *_: os._exit(9)
Path.replace = lambda *_: os._exit(9)
pins.store()
"""


def test_killed_while_it_is_written_the_old_file_stands(path: Path) -> None:
    Pins(path, Remembered(key="before")).store()

    killed = subprocess.run([sys.executable, "-c", KILLED, path], check=False)

    assert killed.returncode == 9
    assert Pins.load(path).club.key == "before"
    Pins(path, Remembered(key="before", pinned_nodes=["a"])).store()
    assert Pins.load(path).club.key == "before"


def test_each_club_has_a_file_of_its_own(tmp_path: Path) -> None:
    urls = (
        "http://127.0.0.1:8000",
        "http://127.0.0.1:8001",
        "https://club.example",
        "https://club.example:8000",
        "https://club-example",
        "https://club.example/house",
    )

    paths = {pins_path(tmp_path, url) for url in urls}

    assert len(paths) == len(urls)
    assert all(path.parent == tmp_path for path in paths)
    for same in ("https://Club.Example/v1", "wss://club.example/nodes/connect"):
        assert pins_path(tmp_path, same) == pins_path(tmp_path, "https://club.example")
    assert pins_path(tmp_path, "http://a/../../b").parent == tmp_path


async def test_many_that_edit_at_once_lose_nothing(path: Path) -> None:
    def edit(number: int) -> None:
        for turn in range(5):
            with Pins.editing(path) as club:
                club.pinned_nodes = [*club.pinned_nodes, f"{number}.{turn}"]

    async with anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(to_thread.run_sync, edit, number)

    assert len(set(Pins.load(path).club.pinned_nodes)) == 40
