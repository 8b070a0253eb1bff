from __future__ import annotations

import logging
from pathlib import Path

import anyio
import pytest

from clubai.client.logview import LogView
from clubai.client.pins import Pins
from clubai.client.remembered import Policy, Remembered
from clubai.client.trust import STORE_MS, Trust
from clubai.crypto.bundles import Bundle, countersign
from clubai.crypto.keytext import key_text
from clubai.errors import ConfigError, ConnectFailed, StorageError, TrustError
from clubai.model import TrustCode, node_text
from clubai.protocol.keylog import node_path
from support.bundles import DAY_MS, START_MS, bundle, identity
from support.key_club import KeyClub, key_club

ATTIC = bundle("attic")
OWNER = identity("alice's key")


class Reader:
    """A client's trust in a club, and the time by its clock."""

    def __init__(
        self, club: KeyClub, pins: Pins | None = None, **policy: object
    ) -> None:
        self.club = club
        self.pins = pins or Pins.in_memory()
        self.now = START_MS
        self.trust = Trust(
            self.pins,
            policy=Policy(**policy) if policy else None,  # type: ignore[arg-type]
            clock_ms=lambda: self.now,
        )
        self.trust.pin_coordinator(club.key)

    async def examine(
        self, shown: Bundle, own_sig: bytes = b"", *, note: bytes | None = None
    ) -> None:
        await self.trust.examine(
            shown, own_sig, note or self.club.note, self.club.fetch
        )

    async def refuses(self, code: TrustCode, shown: Bundle, **more: bytes) -> str:
        with pytest.raises(TrustError) as refused:
            await self.examine(shown, **more)
        assert refused.value.code is code
        return refused.value.reason


async def test_a_new_node_is_proved_and_a_known_one_asks_nothing() -> None:
    club = await key_club(bundle("cellar"), ATTIC, bundle("roof"))
    reader = Reader(club)

    await reader.examine(ATTIC)

    assert club.fetched == [node_path(ATTIC.node), "tile/0/000.p/3"]
    club.down = True
    for _ in range(3):
        await reader.examine(ATTIC)
    seen = reader.pins.club.nodes[node_text(ATTIC.node)]
    assert (seen.epoch, seen.log_index) == (0, 1)
    assert seen.bundle == ATTIC.hash.hex()


async def test_a_known_node_needs_its_own_signature_only() -> None:
    club = await key_club(ATTIC)
    reader = Reader(club)
    await reader.examine(ATTIC)
    club.down = True
    reader.now += DAY_MS

    await reader.examine(bundle("attic", 1))

    assert reader.pins.club.nodes[node_text(ATTIC.node)].epoch == 1


async def test_a_node_that_is_not_in_the_log_is_refused() -> None:
    reader = Reader(await key_club(bundle("cellar")))

    await reader.refuses(TrustCode.NOT_IN_LOG, ATTIC)

    assert reader.pins.club.nodes == {}


async def test_other_keys_of_the_node_than_those_in_the_log_are_refused() -> None:
    club = await key_club(bundle("cellar"), ATTIC)
    reader = Reader(club)

    reason = await reader.refuses(TrustCode.NOT_IN_LOG, bundle("attic", ek=b"x" * 32))

    assert "not in the key log" in reason


async def test_an_entry_that_is_only_said_to_be_there_is_refused() -> None:
    """The club tells of an entry that its signed tree does not have."""
    honest, liar = await key_club(ATTIC), await key_club(bundle("cellar"))
    liar.answers[node_path(ATTIC.node)] = await honest.log.read(node_path(ATTIC.node))

    await Reader(liar).refuses(TrustCode.NOT_IN_LOG, ATTIC)


async def test_a_first_entry_that_is_only_said_to_be_there_is_refused() -> None:
    """It would make the node look older."""
    old = bundle("attic", nbf_ms=1)
    true, liar = bundle("attic", 5), await key_club(bundle("cellar"))
    await liar.add(true)
    with_old = await key_club(old, true)
    liar.answers[node_path(ATTIC.node)] = await with_old.log.read(node_path(ATTIC.node))
    reader = Reader(liar)
    reader.now = true.nbf_ms

    await reader.refuses(TrustCode.NOT_IN_LOG, true)


async def test_a_checkpoint_of_another_key_is_a_fork() -> None:
    club = await key_club(ATTIC)
    other = await key_club(ATTIC, signer=identity("another club"))

    await Reader(club).refuses(TrustCode.LOG_FORK, ATTIC, note=other.note)


async def test_a_log_that_is_another_one_now_is_a_fork() -> None:
    club = await key_club(ATTIC, bundle("cellar"))
    reader = Reader(club)
    await reader.examine(ATTIC)
    forked = await key_club(ATTIC, bundle("x"), bundle("y"))
    reader.club = forked

    await reader.refuses(TrustCode.LOG_FORK, ATTIC)
    await reader.refuses(TrustCode.LOG_FORK, bundle("x"))

    reader.club = club
    await reader.examine(ATTIC)


async def test_a_log_of_the_same_length_and_another_root_is_a_fork() -> None:
    reader = Reader(await key_club(ATTIC))
    await reader.examine(ATTIC)
    reader.club = await key_club(bundle("x"))

    await reader.refuses(TrustCode.LOG_FORK, ATTIC)


async def test_an_older_checkpoint_of_the_same_log_is_none() -> None:
    """It was on its way when a newer one came."""
    club = await key_club(ATTIC)
    older = club.note
    await club.add(bundle("cellar"))
    reader = Reader(club)
    await reader.examine(ATTIC)

    await reader.examine(ATTIC, note=older)
    club.fetched.clear()
    await reader.examine(ATTIC, note=older)
    await reader.examine(ATTIC)

    assert club.fetched == []
    known = reader.pins.club.checkpoint
    assert known is not None
    assert known.size == 2


async def test_an_older_checkpoint_of_a_fork_is_one() -> None:
    reader = Reader(await key_club(ATTIC, bundle("cellar")))
    await reader.examine(ATTIC)
    fork = await key_club(bundle("x"))

    await reader.refuses(TrustCode.LOG_FORK, ATTIC, note=fork.note)


@pytest.mark.parametrize(("ms", "good"), [(-120_000, True), (-120_001, False)])
async def test_a_bundle_is_good_in_its_time_only(ms: int, good: bool) -> None:
    reader = Reader(await key_club(ATTIC))
    for now in (ATTIC.nbf_ms + ms, ATTIC.naf_ms - 1 - ms):
        reader.now = now
        if good:
            await reader.examine(ATTIC)
        else:
            await reader.refuses(TrustCode.EXPIRED, ATTIC)


async def test_older_keys_of_a_node_are_refused() -> None:
    newer = bundle("attic", 1, nbf_ms=START_MS)
    reader = Reader(await key_club(ATTIC, newer))
    await reader.examine(newer)

    reason = await reader.refuses(TrustCode.EPOCH_ROLLBACK, ATTIC)

    assert "epoch 1 before" in reason


async def test_newer_keys_that_were_seen_while_older_ones_were_proved_count() -> None:
    newer = bundle("attic", 1, nbf_ms=START_MS)
    club = await key_club(ATTIC, newer)
    reader = Reader(club)
    note = club.note

    async def meanwhile(path: str) -> bytes:
        if node_text(ATTIC.node) not in reader.pins.club.nodes:
            await reader.examine(newer)
        return await club.fetch(path)

    with pytest.raises(TrustError) as refused:
        await reader.trust.examine(ATTIC, b"", note, meanwhile)
    assert refused.value.code is TrustCode.EPOCH_ROLLBACK
    assert reader.pins.club.nodes[node_text(ATTIC.node)].epoch == 1


async def test_a_checkpoint_is_checked_again_for_another_key() -> None:
    club = await key_club(ATTIC)
    reader = Reader(club)
    await reader.examine(ATTIC)
    reader.pins.club.replace_key(key_text(identity("another club").key))

    await reader.refuses(TrustCode.LOG_FORK, ATTIC, note=club.note)


async def test_two_bundles_of_one_epoch_are_refused() -> None:
    club = await key_club(ATTIC)
    reader = Reader(club)
    await reader.examine(ATTIC)
    other = bundle("attic", ek=b"x" * 32)
    await club.add(other)

    await reader.refuses(TrustCode.EPOCH_ROLLBACK, other)


async def test_a_rollback_is_refused_after_a_restart_too(tmp_path: Path) -> None:
    newer = bundle("attic", 1, nbf_ms=START_MS)
    club = await key_club(ATTIC, newer)
    path = tmp_path / "club.json"
    await Reader(club, Pins.load(path)).examine(newer)

    again = Reader(club, Pins.load(path))

    await again.refuses(TrustCode.EPOCH_ROLLBACK, ATTIC)
    again.club = await key_club(bundle("x"))
    await again.refuses(TrustCode.LOG_FORK, newer)


async def test_only_pinned_nodes() -> None:
    cellar = bundle("cellar")
    club = await key_club(ATTIC, cellar)
    reader = Reader(club, pinned=True)
    reader.pins.club.pinned_nodes = [node_text(ATTIC.node)]

    await reader.examine(ATTIC)
    await reader.refuses(TrustCode.NOT_PINNED, cellar)

    assert list(reader.pins.club.nodes) == [node_text(ATTIC.node)]


async def test_only_nodes_of_pinned_owners() -> None:
    cellar = bundle("cellar")
    reader = Reader(await key_club(ATTIC, cellar), owners=True)
    reader.pins.club.pinned_owners = [key_text(b"x" * 32), key_text(OWNER.key)]
    sig = countersign(OWNER, ATTIC.node)

    await reader.examine(ATTIC, sig)
    await reader.refuses(TrustCode.NOT_OWNED, ATTIC)
    await reader.refuses(TrustCode.NOT_OWNED, cellar, own_sig=sig)
    other = countersign(identity("mallory"), cellar.node)
    await reader.refuses(TrustCode.NOT_OWNED, cellar, own_sig=other)

    reader.pins.club.pinned_nodes = [node_text(cellar.node)]
    await reader.examine(cellar)


async def test_a_node_must_be_in_the_log_for_some_days() -> None:
    """What was there at the first look has its own date; what came has ours."""
    old = bundle("old", nbf_ms=START_MS - 30 * DAY_MS)
    today = bundle("old", 1, nbf_ms=START_MS)
    club = await key_club(old, today)
    reader = Reader(club, min_age_days=7)
    await reader.examine(today)

    backdated = bundle("new", nbf_ms=START_MS - 30 * DAY_MS)
    now = bundle("new", 1, nbf_ms=START_MS)
    await club.add(backdated, now)
    await reader.refuses(TrustCode.TOO_YOUNG, now)

    club.fetched.clear()
    reader.now += 6 * DAY_MS
    later = bundle("new", 6)
    assert "6 days" in await reader.refuses(TrustCode.TOO_YOUNG, later)
    reader.now += DAY_MS
    await reader.examine(later)
    assert club.fetched == []


async def test_nodes_that_the_member_vouches_for_may_be_young() -> None:
    cellar = bundle("cellar")
    club = await key_club()
    reader = Reader(club, min_age_days=7, owners=True)
    await reader.trust.follow(club.note, LogView(club.fetch))
    await club.add(ATTIC, cellar)
    reader.pins.club.pinned_nodes = [node_text(ATTIC.node)]
    reader.pins.club.pinned_owners = [key_text(OWNER.key)]

    await reader.examine(ATTIC)
    await reader.examine(cellar, countersign(OWNER, cellar.node))


async def test_by_default_a_new_club_can_be_used() -> None:
    club = await key_club()
    reader = Reader(club)
    await reader.trust.follow(club.note, LogView(club.fetch))
    await club.add(ATTIC)

    await reader.examine(ATTIC)


async def test_the_policy_is_what_the_member_stored(tmp_path: Path) -> None:
    path = tmp_path / "club.json"
    reader = Reader(await key_club(ATTIC), Pins.load(path))
    assert reader.trust.policy == Policy()
    with Pins.editing(path) as club:
        club.policy = Policy(pinned=True)

    await reader.examine(ATTIC)  # stores, and so reads
    await reader.refuses(TrustCode.NOT_PINNED, ATTIC)


async def test_the_first_key_is_pinned_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "club.json"
    trust = Trust(Pins.load(path), clock_ms=lambda: START_MS)
    with pytest.raises(TrustError) as unknown:
        _ = trust.key
    assert unknown.value.code is TrustCode.COORDINATOR_CHANGED

    trust.pin_coordinator(OWNER.key)
    trust.pin_coordinator(OWNER.key)

    assert Pins.load(path).club.key == key_text(OWNER.key)
    again = Trust(Pins.load(path), clock_ms=lambda: START_MS)
    with pytest.raises(TrustError, match="clubai trust pin --club") as refused:
        again.pin_coordinator(identity("mallory").key)
    assert refused.value.code is TrustCode.COORDINATOR_CHANGED
    assert again.key == OWNER.key


def test_of_two_first_keys_the_one_that_was_stored_counts(tmp_path: Path) -> None:
    path = tmp_path / "club.json"
    one, other = (Trust(Pins.load(path), clock_ms=lambda: 0) for _ in range(2))
    one.pin_coordinator(OWNER.key)

    with pytest.raises(TrustError):
        other.pin_coordinator(identity("mallory").key)


def test_a_key_that_cannot_be_stored_is_not_pinned(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    pins = Pins(tmp_path / "file" / "club.json", Remembered())
    trust = Trust(pins, clock_ms=lambda: 0)

    with pytest.raises(StorageError):
        trust.pin_coordinator(OWNER.key)

    assert pins.club.key == ""


async def test_what_was_seen_is_stored_now_and_then(tmp_path: Path) -> None:
    path = tmp_path / "club.json"
    club = await key_club(ATTIC)
    reader = Reader(club, Pins.load(path))
    await reader.examine(ATTIC)
    assert len(Pins.load(path).club.nodes) == 1

    await club.add(bundle("cellar"), bundle("roof"))
    await reader.examine(bundle("cellar"))
    assert len(Pins.load(path).club.nodes) == 1
    reader.now += STORE_MS
    await reader.examine(ATTIC)
    assert len(Pins.load(path).club.nodes) == 2

    await reader.examine(bundle("roof"))
    await reader.trust.flush()
    assert len(Pins.load(path).club.nodes) == 3
    before = path.stat().st_mtime_ns
    await reader.trust.flush()
    assert path.stat().st_mtime_ns == before


async def test_a_full_disk_does_not_stop_requests(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "club.json"
    reader = Reader(await key_club(ATTIC), Pins.load(path))
    path.write_bytes(b"damaged")

    with caplog.at_level(logging.WARNING):
        await reader.examine(ATTIC)

    assert "not stored" in caplog.text
    with pytest.raises(ConfigError):
        await reader.trust.flush()


async def test_a_club_that_cannot_be_asked_is_not_trusted_and_not_blamed() -> None:
    club = await key_club(ATTIC)
    reader = Reader(club)
    club.down = True

    with pytest.raises(ConnectFailed):
        await reader.examine(ATTIC)

    club.down = False
    await reader.examine(ATTIC)


async def test_many_at_once_prove_one_growing_log() -> None:
    club = await key_club(ATTIC)
    reader = Reader(club)
    await reader.examine(ATTIC)
    notes = []
    for number in range(8):
        await club.add(bundle(f"node {number}"))
        notes.append(club.note)

    async def slow(path: str) -> bytes:
        await anyio.lowlevel.checkpoint()
        return await club.fetch(path)

    async def examine(number: int) -> None:
        shown = bundle(f"node {number}")
        await reader.trust.examine(shown, b"", notes[number], slow)

    async with anyio.create_task_group() as tasks:
        for number in (3, 0, 7, 5, 1, 6, 2, 4):
            tasks.start_soon(examine, number)

    known = reader.pins.club.checkpoint
    assert known is not None
    assert known.size == 9
    assert len(reader.pins.club.nodes) == 9


async def test_the_coordinators_own_gateway_asks_no_log() -> None:
    club = await key_club()
    now = START_MS
    trust = Trust.of_own_process(club.key, clock_ms=lambda: now)
    assert trust.key == club.key

    await trust.examine(ATTIC, b"", b"no checkpoint", club.fetch)
    now = START_MS + DAY_MS
    await trust.examine(bundle("attic", 1), b"", b"", club.fetch)

    assert club.fetched == []
    with pytest.raises(TrustError) as refused:
        await trust.examine(ATTIC, b"", b"", club.fetch)
    assert refused.value.code is TrustCode.EPOCH_ROLLBACK
    now = START_MS + 9 * DAY_MS
    with pytest.raises(TrustError) as late:
        await trust.examine(bundle("cellar"), b"", b"", club.fetch)
    assert late.value.code is TrustCode.EXPIRED


async def test_the_newest_keys_of_a_known_node_are_proved_too() -> None:
    newest = bundle("attic", 1, nbf_ms=START_MS)
    club = await key_club(ATTIC, newest, bundle("cellar"))
    reader = Reader(club, pinned=True)
    view = LogView(club.fetch)
    point = await reader.trust.follow(club.note, view)

    assert await reader.trust.verify_node(ATTIC.node, point, view) == newest
    assert reader.pins.club.nodes[node_text(ATTIC.node)].epoch == 1
    with pytest.raises(TrustError) as missing:
        await reader.trust.verify_node(bundle("x").node, point, view)
    assert missing.value.code is TrustCode.NOT_IN_LOG

    reader.now = newest.naf_ms + DAY_MS
    with pytest.raises(TrustError) as late:
        await reader.trust.verify_node(ATTIC.node, point, view)
    assert late.value.code is TrustCode.EXPIRED
    reader.now = START_MS + DAY_MS
    reader.pins.club.pinned_nodes = [node_text(ATTIC.node)]
    await reader.examine(bundle("attic", 2, nbf_ms=START_MS))
    with pytest.raises(TrustError) as older:
        await reader.trust.verify_node(ATTIC.node, point, view)
    assert older.value.code is TrustCode.EPOCH_ROLLBACK


async def test_older_keys_that_were_asked_for_first_are_refused_too() -> None:
    newer = bundle("attic", 1, nbf_ms=START_MS)
    club = await key_club(ATTIC, newer)
    reader = Reader(club)
    held, go_on = anyio.Event(), anyio.Event()

    async def slow(path: str) -> bytes:
        held.set()
        await go_on.wait()
        return await club.fetch(path)

    async def examine_older() -> None:
        with pytest.raises(TrustError) as refused:
            await reader.trust.examine(ATTIC, b"", club.note, slow)
        assert refused.value.code is TrustCode.EPOCH_ROLLBACK

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(examine_older)
        await held.wait()
        await reader.examine(newer)
        go_on.set()

    assert reader.pins.club.nodes[node_text(ATTIC.node)].epoch == 1


async def test_a_checkpoint_is_not_good_for_another_key() -> None:
    """The member pinned another one while this client was running."""
    reader = Reader(await key_club(ATTIC))
    await reader.examine(ATTIC)

    reader.pins.club.replace_key(key_text(OWNER.key))

    await reader.refuses(TrustCode.LOG_FORK, ATTIC)
