from __future__ import annotations

import logging
import stat
from pathlib import Path

import anyio
import msgspec
import pytest

from clubai.agent.audit import Alarm, Audit, AuditState
from clubai.crypto.bundles import Bundle
from clubai.crypto.checkpoint import Checkpoint, read_checkpoint, sign_checkpoint
from clubai.crypto.leaves import BundleLeaf, encode_leaf
from clubai.crypto.merkle import leaf_hash, root
from clubai.crypto.tiles import encode_entries
from clubai.errors import ConnectFailed, StorageError, TrustError
from clubai.model import TrustCode
from support.bundles import START_MS, bundle, identity
from support.key_club import KeyClub, key_club

MINE = bundle("attic")
OTHERS = [bundle(f"node {number}") for number in range(5)]


class Auditor:
    """An agent's audit, the bundles it made, and the alarms it gave."""

    def __init__(self, club: KeyClub, path: Path, *made: Bundle) -> None:
        self.alarms: list[Alarm] = []
        self.club = club
        self.made = {each.hash for each in made}
        self.audit = Audit(
            node_key=MINE.ik,
            club_key=club.key,
            path=path,
            fetch=self.fetch,
            known=self.made.__contains__,
            clock_ms=lambda: START_MS,
            on_alarm=self.alarms.append,
        )

    async def fetch(self, path: str) -> bytes:
        return await self.club.fetch(path)

    async def finds_a_fork(self) -> str:
        with pytest.raises(TrustError) as refused:
            await self.audit.run_once()
        assert refused.value.code is TrustCode.LOG_FORK
        assert [alarm.kind for alarm in self.alarms[-1:]] == ["log_fork"]
        return refused.value.reason


async def test_all_is_well(tmp_path: Path) -> None:
    club = await key_club(*OTHERS, MINE)
    auditor = Auditor(club, tmp_path / "audit.json", MINE)

    await auditor.audit.run_once()

    state = auditor.audit.state
    assert auditor.alarms == []
    assert (state.size, state.audited_ms, state.alarms) == (6, START_MS, ())
    assert club.fetched == ["checkpoint", "tile/entries/000.p/6"]
    assert stat.S_IMODE((tmp_path / "audit.json").stat().st_mode) == 0o600


async def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    club = await key_club(*(bundle(f"n {n % 9}", n // 9) for n in range(260)))
    await Auditor(club, tmp_path / "audit.json").audit.run_once()
    again = Auditor(club, tmp_path / "audit.json", MINE)
    club.fetched.clear()

    await again.audit.run_once()
    assert club.fetched == ["checkpoint"]

    await club.add(MINE)
    await again.audit.run_once()
    assert club.fetched[1:] == ["checkpoint", "tile/entries/001.p/5"]
    assert again.audit.state.size == 261
    assert again.alarms == []


async def test_keys_that_the_agent_did_not_make_are_an_alarm(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = bundle("attic", 1)
    club = await key_club(*OTHERS, MINE, theirs, bundle("cellar"))
    auditor = Auditor(club, tmp_path / "audit.json", MINE)

    with caplog.at_level(logging.CRITICAL):
        await auditor.audit.run_once()

    [alarm] = auditor.alarms
    assert (alarm.kind, alarm.index, alarm.epoch) == ("unknown_bundle", 6, 1)
    assert alarm.bundle == theirs.hash.hex()
    [record] = caplog.records
    assert (record.levelname, "did not make" in record.message) == ("CRITICAL", True)

    again = Auditor(club, tmp_path / "audit.json", MINE)
    await again.audit.run_once()
    assert again.audit.state.alarms == (alarm,)
    assert again.alarms == []


async def test_a_log_that_forgot_something_is_an_alarm(tmp_path: Path) -> None:
    auditor = Auditor(await key_club(*OTHERS, MINE), tmp_path / "audit.json", MINE)
    await auditor.audit.run_once()

    auditor.club = await key_club(*OTHERS[:4], bundle("x"), MINE, bundle("y"))
    assert "not those of its root" in await auditor.finds_a_fork()
    auditor.club = await key_club(*OTHERS)
    assert "had 6 entries and has 5" in await auditor.finds_a_fork()
    auditor.club = await key_club(*OTHERS, bundle("x"))
    await auditor.finds_a_fork()
    auditor.club = await key_club(*OTHERS, MINE, origin="clubai/another")
    await auditor.finds_a_fork()

    assert auditor.audit.state.size == 6
    auditor.club = await key_club(*OTHERS, MINE, bundle("z"))
    await auditor.audit.run_once()
    assert auditor.audit.state.size == 7


async def test_the_same_fork_is_one_alarm(tmp_path: Path) -> None:
    auditor = Auditor(await key_club(MINE), tmp_path / "audit.json", MINE)
    await auditor.audit.run_once()
    auditor.club = await key_club()

    for _ in range(3):
        with pytest.raises(TrustError):
            await auditor.audit.run_once()

    assert len(auditor.alarms) == len(auditor.audit.state.alarms) == 1


async def test_a_checkpoint_of_another_key_is_a_fork(tmp_path: Path) -> None:
    auditor = Auditor(await key_club(MINE), tmp_path / "audit.json", MINE)
    auditor.club = await key_club(MINE, signer=identity("mallory"))

    await auditor.finds_a_fork()


@pytest.mark.parametrize("answer", [b"", b"\x00\x01x", None])
async def test_entries_that_are_not_served_are_a_fork(
    tmp_path: Path, answer: bytes | None
) -> None:
    club = await key_club(MINE)
    auditor = Auditor(club, tmp_path / "audit.json", MINE)
    if answer is None:
        point = read_checkpoint(club.note, key=club.key)
        longer = Checkpoint(point.origin, 5, bytes(32))
        club.answers["checkpoint"] = sign_checkpoint(longer, identity("club"))
    else:
        club.answers["tile/entries/000.p/1"] = answer

    await auditor.finds_a_fork()


async def test_a_log_without_end_is_not_read(tmp_path: Path) -> None:
    club = await key_club(MINE)
    endless = Checkpoint("clubai/test", 10**17, bytes(32))
    club.answers["checkpoint"] = sign_checkpoint(endless, identity("club"))

    await Auditor(club, tmp_path / "audit.json").finds_a_fork()

    assert club.fetched == ["checkpoint"]


async def test_worthless_entries_are_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody believes keys that the node has not signed, so they are no alarm."""
    beside = bundle("cellar", ek=MINE.ik)
    leaves = [
        b"\x00" + MINE.ik,
        b"\x09tomorrow" + MINE.ik,
        encode_leaf(BundleLeaf(MINE.body, bytes(64))),
        encode_leaf(BundleLeaf(beside.body, beside.sig)),
        encode_leaf(BundleLeaf(MINE.body, MINE.sig)),
    ]
    club = await key_club()
    top = root([leaf_hash(leaf) for leaf in leaves])
    point = Checkpoint("clubai/test", 5, top)
    club.answers["checkpoint"] = sign_checkpoint(point, identity("club"))
    club.answers["tile/entries/000.p/5"] = encode_entries(leaves)
    auditor = Auditor(club, tmp_path / "audit.json", MINE)

    await auditor.audit.run_once()

    assert auditor.alarms == []
    assert auditor.audit.state.size == 5
    worthless = [r for r in caplog.records if "worthless" in r.message]
    assert len(worthless) == 2


async def test_a_club_that_cannot_be_asked_is_no_alarm(tmp_path: Path) -> None:
    club = await key_club(MINE)
    auditor = Auditor(club, tmp_path / "audit.json", MINE)
    club.down = True

    with pytest.raises(ConnectFailed):
        await auditor.audit.run_once()

    assert auditor.alarms == []
    assert auditor.audit.state == AuditState(key=auditor.audit.state.key)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"size":3}', b'{"version":2}', b'{"size":1,"peaks":["AA=="]}'],
)
async def test_a_damaged_state_begins_anew(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "audit.json"
    path.write_bytes(content)
    auditor = Auditor(await key_club(*OTHERS), path)

    await auditor.audit.run_once()

    assert auditor.audit.state.size == 5
    assert "begins anew" in caplog.text


async def test_another_key_of_the_club_begins_anew_and_keeps_the_alarms(
    tmp_path: Path,
) -> None:
    path = tmp_path / "audit.json"
    first = Auditor(await key_club(MINE), path)
    await first.audit.run_once()

    other = Auditor(await key_club(signer=identity("new key")), path)

    assert other.audit.state.size == 0
    assert other.audit.state.alarms == tuple(first.alarms)


async def test_a_state_that_cannot_be_stored_is_said(tmp_path: Path) -> None:
    (tmp_path / "audit.json").mkdir()
    auditor = Auditor(await key_club(MINE), tmp_path / "audit.json", MINE)

    with pytest.raises(StorageError):
        await auditor.audit.run_once()


async def test_audits_go_on_whatever_happens(tmp_path: Path) -> None:
    club = await key_club(MINE)
    auditor = Auditor(club, tmp_path / "audit.json", MINE)
    runs = 0
    enough = anyio.Event()

    async def fetch(path: str) -> bytes:
        nonlocal runs
        runs += path == "checkpoint"
        club.down = runs == 2
        auditor.club = await key_club() if runs == 3 else club
        if runs == 5:
            enough.set()
        return await auditor.club.fetch(path)

    auditor.audit._fetch = fetch
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(auditor.audit.serve, 0.001)
            await enough.wait()
            tasks.cancel_scope.cancel()

    assert [alarm.kind for alarm in auditor.alarms] == ["log_fork"]
    assert auditor.audit.state.size == 1


def test_an_alarm_is_readable_by_programs() -> None:
    alarm = Alarm(kind="log_fork", reason="x", at_ms=5)

    assert msgspec.json.decode(msgspec.json.encode(alarm)) == {
        "kind": "log_fork",
        "reason": "x",
        "at_ms": 5,
        "index": -1,
        "epoch": -1,
        "bundle": "",
    }
