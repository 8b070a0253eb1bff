from __future__ import annotations

from pathlib import Path

import pytest

from clubai.agent.membership import PIN_FILE, Membership
from clubai.crypto.identity import Identity
from clubai.errors import ConfigError, TrustError
from clubai.model import TrustCode
from support.sealed_peers import DAY_MS, NOW_MS

KEY, OTHER = Identity.generate().key, Identity.generate().key


async def test_the_first_coordinator_is_pinned_and_no_other_one_taken(
    tmp_path: Path,
) -> None:
    identity = Identity.generate()
    (await Membership.open(identity, tmp_path)).pin(KEY)
    again = await Membership.open(identity, tmp_path)
    again.pin(KEY)
    with pytest.raises(TrustError) as caught:
        again.pin(OTHER)

    assert caught.value.code is TrustCode.COORDINATOR_CHANGED
    assert PIN_FILE in caught.value.reason


async def test_a_broken_pin_is_not_taken_for_none(tmp_path: Path) -> None:
    path = tmp_path / PIN_FILE
    path.write_bytes(b"torn")
    path.chmod(0o600)
    with pytest.raises(ConfigError):
        (await Membership.open(Identity.generate(), tmp_path)).pin(KEY)


async def test_every_process_has_its_own_boot_and_the_same_keys(tmp_path: Path) -> None:
    identity = Identity.generate()
    first = await Membership.open(identity, tmp_path, wall_ms=lambda: NOW_MS)
    second = await Membership.open(identity, tmp_path, wall_ms=lambda: NOW_MS)

    assert first.boot != second.boot
    assert first.bundle.hash == second.bundle.hash
    assert first.bundle.node == identity.node_id


async def test_the_keys_change_with_the_day(tmp_path: Path) -> None:
    now = [NOW_MS]
    membership = await Membership.open(
        Identity.generate(), tmp_path, wall_ms=lambda: now[0]
    )
    before = membership.bundle
    now[0] += DAY_MS
    await membership.refresh()
    after = membership.bundle

    assert (after.epoch, after.previous) == (before.epoch + 1, before.hash)
    assert membership.made(before.hash)
    assert not membership.made(bytes(32))


async def test_it_shows_nothing_secret(tmp_path: Path) -> None:
    membership = await Membership.open(Identity.generate(), tmp_path)
    assert membership.boot.hex() not in repr(membership)
