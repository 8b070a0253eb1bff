"""Each of the node's checks has its own refusal, and they come in order."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from clubai.agent.intake import FAIL_CODES, MOST_SKEW_MS, Admitted, Intake
from clubai.coordinator.assigner import NodeKeys
from clubai.crypto.epochs import EpochKeys
from clubai.crypto.identity import Identity
from clubai.crypto.replay import ReplaySet
from clubai.errors import TrustError
from clubai.model import FailCode, TrustCode
from clubai.protocol.messages import TaskAssign
from support.sealed_peers import (
    BOOT,
    DAY_MS,
    NOW_MS,
    PlayedClient,
    PlayedNode,
    made_offer,
)

COORDINATOR = Identity.generate()
CLIENT = PlayedClient()


class Door:
    """An intake, and what clients seal to its node."""

    def __init__(self, data: Path) -> None:
        self.now_ms = NOW_MS
        self.identity = Identity.generate()
        self.epochs = EpochKeys.open(data, self.identity, now_ms=NOW_MS)
        self.intake = Intake(
            node=self.identity.node_id,
            boot=BOOT,
            keys=self.epochs,
            replays=ReplaySet(),
            wall_ms=lambda: self.now_ms,
        )
        self.keys = NodeKeys(bundle=self.epochs.current, boot=BOOT)

    def sealed(
        self,
        *,
        keys: NodeKeys | None = None,
        signed_by: Identity = COORDINATOR,
        **changes: object,
    ) -> TaskAssign:
        offer = made_offer(
            signed_by,
            CLIENT.request(),
            keys or self.keys,
            task=b"t" * 16,
            **changes,  # type: ignore[arg-type]
        )
        return CLIENT.take(offer).assign

    def admit(self, message: TaskAssign) -> Admitted:
        return self.intake.admit(message, coordinator_key=COORDINATOR.key)

    def refuses(self, message: TaskAssign) -> TrustCode:
        with pytest.raises(TrustError) as caught:
            self.admit(message)
        return caught.value.code


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


def test_an_honest_request_comes_in(door: Door) -> None:
    assigned, seal = door.admit(door.sealed())

    assert (assigned.model, assigned.node) == ("m", door.identity.node_id)
    assert seal.records.count == 0


def test_only_the_pinned_coordinator_assigns(door: Door) -> None:
    other = door.sealed(signed_by=Identity.generate())
    assert door.refuses(other) is TrustCode.BAD_ASSIGNMENT


def test_an_assignment_is_for_its_task_and_attempt(door: Door) -> None:
    message = door.sealed()
    for changed in ({"task": b"u" * 16}, {"attempt": 1}, {"part": 1}):
        assert door.refuses(replace(message, **changed)) is TrustCode.WRONG_ASSIGNMENT


def test_an_assignment_is_for_its_node(door: Door) -> None:
    assert door.refuses(door.sealed(keys=PlayedNode().keys)) is (
        TrustCode.WRONG_ASSIGNMENT
    )


def test_an_assignment_is_for_this_process(door: Door) -> None:
    assert door.refuses(door.sealed(boot=b"x" * 16)) is TrustCode.STALE_BOOT


def test_keys_that_the_node_does_not_have_are_stale(door: Door) -> None:
    foreign = replace(door.keys, bundle=PlayedNode(door.identity).bundle)
    assert door.refuses(door.sealed(keys=foreign)) is TrustCode.KEY_STALE


def test_the_previous_epochs_key_still_opens(door: Door) -> None:
    door.now_ms += DAY_MS
    assert door.epochs.refresh(door.now_ms)
    assert door.epochs.current.hash != door.keys.bundle.hash

    door.admit(door.sealed(now_ms=door.now_ms))


@pytest.mark.parametrize("sign", [1, -1])
def test_the_clocks_may_be_two_minutes_apart(door: Door, sign: int) -> None:
    message = door.sealed(expires_ms=NOW_MS + 600_000)
    door.now_ms = NOW_MS + sign * (MOST_SKEW_MS + 1_000)
    assert door.refuses(message) is TrustCode.EXPIRED
    door.now_ms = NOW_MS + sign * MOST_SKEW_MS
    door.admit(message)


def test_an_expired_assignment_is_refused(door: Door) -> None:
    message = door.sealed()
    door.now_ms = NOW_MS + 60_000
    assert door.refuses(message) is TrustCode.EXPIRED


def test_the_same_request_comes_in_once(door: Door) -> None:
    message = door.sealed()
    door.admit(message)
    assert door.refuses(message) is TrustCode.REPLAYED


def test_it_comes_in_once_for_as_long_as_it_would_open(door: Door) -> None:
    message = door.sealed()
    door.admit(message)
    door.now_ms += 59_999
    assert door.refuses(message) is TrustCode.REPLAYED
    door.now_ms += 1
    assert door.refuses(message) is TrustCode.EXPIRED


@pytest.mark.parametrize("field", ["enc_head", "commit"])
def test_an_altered_head_does_not_open(door: Door, field: str) -> None:
    message = door.sealed()
    altered = bytes([getattr(message, field)[0] ^ 1]) + getattr(message, field)[1:]
    assert door.refuses(replace(message, **{field: altered})) is TrustCode.OPEN_FAILED


def test_a_request_sealed_for_another_assignment_does_not_open(door: Door) -> None:
    """A coordinator that signs another model over the same sealed head."""
    honest, other = door.sealed(), door.sealed(model="cheaper")
    swapped = replace(honest, body=other.body, sig=other.sig)
    assert door.refuses(swapped) is TrustCode.OPEN_FAILED


def test_the_coordinator_is_told_what_it_can_do_about_it() -> None:
    assert FAIL_CODES[TrustCode.STALE_BOOT] is FailCode.KEY_STALE
    assert FAIL_CODES[TrustCode.EXPIRED] is FailCode.EXPIRED
    assert TrustCode.REPLAYED not in FAIL_CODES
