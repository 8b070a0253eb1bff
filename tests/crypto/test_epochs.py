from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clubai.crypto import keyfiles
from clubai.crypto.bundles import CLOCK_SKEW_MS, NO_PREVIOUS, check_time, read_bundle
from clubai.crypto.epochs import EPOCH_MS, GRACE_MS, VALIDITY_MS, EpochKeys
from clubai.crypto.identity import Identity
from clubai.errors import ConfigError, StorageError

NODE = Identity(b"n" * 32)
T0 = 1_800_000_000_000
HOUR = 3600 * 1000


def opened(directory: Path, now_ms: int = T0) -> EpochKeys:
    return EpochKeys.open(directory, NODE, now_ms=now_ms)


def files(directory: Path) -> list[str]:
    return sorted(name for name in os.listdir(directory) if name != "made")


def content(path: Path) -> bytes:
    return path.read_bytes()


def test_first_epoch_is_made(tmp_path: Path) -> None:
    keys = opened(tmp_path / "epochs")

    bundle = keys.current
    assert (bundle.epoch, bundle.previous) == (1, NO_PREVIOUS)
    assert (bundle.nbf_ms, bundle.naf_ms) == (T0, T0 + 48 * HOUR)
    assert bundle.node == NODE.node_id
    assert read_bundle(bundle.body, bundle.sig) == bundle
    assert keys.next_change_ms == T0 + 24 * HOUR
    private = keys.private(bundle.hash)
    assert private is not None
    assert private.public_key().public_bytes_raw() == bundle.ek


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    opened(tmp_path / "epochs")

    assert files(tmp_path / "epochs") == ["1.bundle", "1.key"]
    for path in (tmp_path / "epochs").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_restart_keeps_the_keys(tmp_path: Path) -> None:
    first, again = opened(tmp_path), opened(tmp_path, T0 + 1)

    assert again.current == first.current
    assert again.private(first.current.hash) is not None
    assert again.next_change_ms == first.next_change_ms


def test_nothing_changes_before_its_time(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    before = keys.current

    assert not keys.refresh(keys.next_change_ms - 1)
    assert keys.current == before


def test_new_epoch_after_a_day(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    first = keys.current

    assert keys.refresh(T0 + EPOCH_MS)

    second = keys.current
    assert (second.epoch, second.previous) == (2, first.hash)
    assert second.ek != first.ek
    assert second.nbf_ms == T0 + EPOCH_MS
    assert keys.private(first.hash) is not None
    assert keys.private(second.hash) is not None
    assert keys.next_change_ms == T0 + VALIDITY_MS
    assert not keys.refresh(T0 + EPOCH_MS + 1)


def test_two_bundles_can_be_sealed_to_and_no_more(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    bundles = [keys.current]
    for day in range(1, 4):
        keys.refresh(T0 + day * EPOCH_MS)
        bundles.append(keys.current)

    held = [keys.private(bundle.hash) is not None for bundle in bundles]

    assert held == [False, False, True, True]
    assert keys.private(bytes(32)) is None


def test_key_is_erased_an_hour_after_its_bundle_ends(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    keys.refresh(T0 + EPOCH_MS)
    keys.refresh(T0 + 2 * EPOCH_MS)
    assert keys.next_change_ms == T0 + 49 * HOUR
    assert not keys.refresh(T0 + 49 * HOUR - 1)
    assert "1.key" in files(tmp_path)
    before = keys.current

    assert not keys.refresh(T0 + 49 * HOUR)

    assert keys.current == before
    assert files(tmp_path) == ["2.bundle", "2.key", "3.bundle", "3.key"]


def test_erased_key_is_overwritten_first(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    kept = tmp_path / "the same bytes on the disk"
    os.link(tmp_path / "1.key", kept)
    assert content(kept) != bytes(32)

    keys.refresh(T0 + VALIDITY_MS + GRACE_MS)

    assert content(kept) == bytes(32)
    assert not (tmp_path / "1.key").exists()


def test_epochs_go_on_after_a_long_time_away(tmp_path: Path) -> None:
    first = opened(tmp_path).current

    later = opened(tmp_path, T0 + 30 * EPOCH_MS)

    assert (later.current.epoch, later.current.previous) == (2, first.hash)
    assert later.private(first.hash) is None
    assert files(tmp_path) == ["2.bundle", "2.key"]


def test_clock_put_back_a_little_changes_nothing(tmp_path: Path) -> None:
    keys = opened(tmp_path)
    before = keys.current

    assert not keys.refresh(T0 - CLOCK_SKEW_MS)
    assert opened(tmp_path, T0 - CLOCK_SKEW_MS).current == before


@pytest.mark.parametrize("back", [CLOCK_SKEW_MS + 1, 3 * EPOCH_MS, T0])
def test_clock_put_back_makes_a_later_epoch_that_is_valid(
    tmp_path: Path, back: int
) -> None:
    keys = opened(tmp_path)
    first = keys.current

    assert keys.refresh(T0 - back)

    assert keys.current.epoch == 2
    assert keys.current.previous == first.hash
    check_time(keys.current, T0 - back)
    assert (keys.private(first.hash) is None) == (back > GRACE_MS)


def test_key_that_was_never_shown_is_used(tmp_path: Path) -> None:
    # As after a crash between the key and its bundle.
    opened(tmp_path)
    key = keyfiles.load_or_create(tmp_path / "2.key", lambda: b"k" * 32, size=32)

    keys = opened(tmp_path, T0 + EPOCH_MS)

    private = keys.private(keys.current.hash)
    assert private is not None
    assert private.private_bytes_raw() == key


def test_lost_key_is_followed_by_another_epoch(tmp_path: Path) -> None:
    first = opened(tmp_path).current
    (tmp_path / "1.key").unlink()

    keys = opened(tmp_path)

    assert (keys.current.epoch, keys.current.previous) == (2, first.hash)
    assert keys.private(first.hash) is None


def refusal(directory: Path) -> ConfigError:
    with pytest.raises(ConfigError) as error:
        opened(directory)
    return error.value


@pytest.mark.parametrize("size", [0, 31, 33])
def test_torn_key_is_refused(tmp_path: Path, size: int) -> None:
    opened(tmp_path)
    (tmp_path / "1.key").write_bytes(bytes(size))

    error = refusal(tmp_path)

    assert error.value == str(tmp_path / "1.key")
    assert "exactly 32 bytes" in error.fix


@pytest.mark.parametrize("size", [0, 206, 208])
def test_torn_bundle_is_refused(tmp_path: Path, size: int) -> None:
    opened(tmp_path)
    (tmp_path / "1.bundle").write_bytes(bytes(size))

    assert refusal(tmp_path).value == str(tmp_path / "1.bundle")


def test_altered_bundle_is_refused(tmp_path: Path) -> None:
    opened(tmp_path)
    altered = bytearray(content(tmp_path / "1.bundle"))
    altered[100] ^= 1
    (tmp_path / "1.bundle").write_bytes(altered)

    error = refusal(tmp_path)

    assert error.value == str(tmp_path / "1.bundle")
    assert "torn" in error.fix


def test_key_of_another_bundle_is_refused(tmp_path: Path) -> None:
    opened(tmp_path)
    (tmp_path / "1.key").write_bytes(b"k" * 32)

    error = refusal(tmp_path)

    assert error.value == str(tmp_path / "1.key")
    assert "not of its bundle" in error.fix
    assert repr(b"k" * 32) not in str(error)


def test_files_of_another_node_are_refused(tmp_path: Path) -> None:
    EpochKeys.open(tmp_path, Identity.generate(), now_ms=T0)

    assert "of another node" in refusal(tmp_path).fix


def test_renamed_bundle_is_refused(tmp_path: Path) -> None:
    opened(tmp_path)
    (tmp_path / "1.bundle").rename(tmp_path / "2.bundle")

    assert "of another epoch" in refusal(tmp_path).fix


def test_readable_key_is_refused(tmp_path: Path) -> None:
    opened(tmp_path)
    (tmp_path / "1.key").chmod(0o644)

    assert "chmod 600" in refusal(tmp_path).fix


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    opened(tmp_path)
    for name in (".1.key.0123456789abcdef", "notes.key", "README"):
        (tmp_path / name).write_text("x")

    opened(tmp_path, T0 + 10 * EPOCH_MS)

    assert {".1.key.0123456789abcdef", "notes.key", "README"} < set(files(tmp_path))


def test_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "epochs").write_text("x")

    with pytest.raises(StorageError):
        opened(tmp_path / "epochs")


@pytest.mark.parametrize("now_ms", [T0, T0 + EPOCH_MS, T0 + 10 * EPOCH_MS])
def test_all_that_start_at_once_have_the_same_keys(tmp_path: Path, now_ms: int) -> None:
    if now_ms > T0:
        opened(tmp_path)
    count = 8
    barrier, got = threading.Barrier(count), list[EpochKeys]()

    def start(number: int) -> None:
        barrier.wait()
        got.append(opened(tmp_path, now_ms + number))

    threads = [threading.Thread(target=start, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == count
    assert len({keys.current.body for keys in got}) == 1
    privates = [keys.private(keys.current.hash) for keys in got]
    assert None not in privates
    assert len({key.private_bytes_raw() for key in privates if key}) == 1


def test_the_other_process_s_new_epoch_is_taken(tmp_path: Path) -> None:
    one, other = opened(tmp_path), opened(tmp_path)

    assert one.refresh(T0 + EPOCH_MS)
    assert other.refresh(T0 + EPOCH_MS + 5)

    assert one.current == other.current


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.integers(-3 * EPOCH_MS, 3 * EPOCH_MS), st.booleans()), max_size=12
    )
)
def test_whatever_the_clock_does(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, bool]]
) -> None:
    directory = tmp_path_factory.mktemp("epochs")
    keys, now_ms = opened(directory), T0
    shown = [keys.current]
    for step, restart in steps:
        now_ms += step
        if restart:
            keys = opened(directory, now_ms)
        else:
            keys.refresh(now_ms)
        bundle = keys.current
        if bundle != shown[-1]:
            assert bundle.epoch == shown[-1].epoch + 1
            assert bundle.previous == shown[-1].hash
            shown.append(bundle)
        check_time(bundle, now_ms)
        private = keys.private(bundle.hash)
        assert private is not None
        assert private.public_key().public_bytes_raw() == bundle.ek
        assert keys.next_change_ms > now_ms
        assert not keys.refresh(now_ms)
        for old in shown:
            if not old.nbf_ms - GRACE_MS <= now_ms < old.naf_ms + GRACE_MS:
                assert not (directory / f"{old.epoch}.key").exists()
                assert keys.private(old.hash) is None


def test_repr_shows_the_epoch_and_no_key(tmp_path: Path) -> None:
    assert repr(opened(tmp_path)) == "<EpochKeys of epoch 1>"


def test_what_it_made_is_known_for_ever(tmp_path: Path) -> None:
    first = opened(tmp_path)
    made = [first.current.hash]
    for days in (1, 2, 9):
        first.refresh(T0 + days * 24 * HOUR)
        made.append(first.current.hash)
    again = opened(tmp_path, T0 + 10 * 24 * HOUR)

    assert all(again.knows(each) for each in [*made, again.current.hash])
    assert not again.knows(bytes(32))
    assert "1.bundle" not in files(tmp_path)


def test_a_torn_list_of_what_it_made_is_named(tmp_path: Path) -> None:
    opened(tmp_path)
    (tmp_path / "made").write_bytes(b"torn")

    with pytest.raises(ConfigError, match="made"):
        opened(tmp_path)
