from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.client import remembered as module
from clubai.client.remembered import (
    DAY_MS,
    MAX_MILESTONES,
    MILESTONE_MS,
    Milestone,
    Policy,
    Remembered,
    SeenNode,
    merge,
)
from clubai.crypto.checkpoint import Checkpoint

START = 1_800_000_000_000


def point(size: int) -> Checkpoint:
    return Checkpoint("clubai/x", size, size.to_bytes(32, "big"))


def seen(epoch: int = 0, **changes: object) -> SeenNode:
    node = SeenNode(
        epoch=epoch,
        bundle=f"hash {epoch}",
        first_seen_ms=START,
        last_seen_ms=START,
        log_index=3,
        logged_ms=START,
    )
    return msgspec.structs.replace(node, **changes)


def grown(*steps: tuple[int, int]) -> Remembered:
    club = Remembered(key="k")
    for size, hours in steps:
        club.advance(point(size), START + hours * 3_600_000)
    return club


def test_what_was_there_from_the_first_has_the_date_that_it_claims() -> None:
    club = grown((10, 0), (20, 24))
    now = START + 30 * DAY_MS

    assert club.logged_at(9, START - 40 * DAY_MS, now) == START - 40 * DAY_MS
    assert club.logged_at(9, START + 9 * DAY_MS, now) == START


def test_what_came_later_has_the_date_of_the_first_look_at_it() -> None:
    club = grown((10, 0), (20, 24))
    now = START + 30 * DAY_MS

    assert club.logged_at(10, START - 40 * DAY_MS, now) == START + DAY_MS
    assert club.logged_at(20, START - 40 * DAY_MS, now) == now
    assert Remembered().logged_at(0, START - DAY_MS, now) == now


def test_looks_in_quick_succession_are_one_and_the_first_stays() -> None:
    club = grown((5, 0), (6, 1), (7, 2), (8, 5), (9, 7), (10, 8), (11, 400))

    hours = [(each.at_ms - START) // 3_600_000 for each in club.milestones]

    assert hours == [0, 5, 8, 400]
    assert club.checkpoint == point(11)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60))
def test_nothing_looks_older_than_it_was_seen_and_little_younger(
    gaps: list[int],
) -> None:
    """Entry n is there from look n on; a look is never more than six hours off."""
    club, now, looks = Remembered(key="k"), START, []
    for size, hours in enumerate(gaps, 1):
        now += hours * 3_600_000
        looks.append(now)
        club.advance(point(size), now)

    for index, look in enumerate(looks[1:], 1):
        dated = club.logged_at(index, 0, now)
        assert look <= dated < look + MILESTONE_MS


def test_the_looks_are_bounded() -> None:
    club = grown(*((size, size * 7) for size in range(1, MAX_MILESTONES + 50)))

    assert len(club.milestones) == MAX_MILESTONES
    assert club.milestones[0].size == 1
    assert club.milestones[-1].size == MAX_MILESTONES + 49


def test_what_two_programs_saw_is_joined() -> None:
    stored, own = grown((5, 0), (9, 24)), grown((5, 0), (7, 10))
    stored.nodes = {"a": seen(4), "b": seen(1)}
    own.nodes = {
        "a": seen(3, first_seen_ms=START - 5, last_seen_ms=START + DAY_MS),
        "b": seen(2, logged_ms=START + 7),
        "c": seen(0),
    }

    both = merge(stored, own)

    assert both.checkpoint == point(9)
    assert [each.size for each in both.milestones] == [5, 7, 9]
    assert both.nodes["a"] == seen(
        4, first_seen_ms=START - 5, last_seen_ms=START + DAY_MS
    )
    assert both.nodes["b"] == seen(2)
    assert both.nodes["c"] == seen(0)
    assert merge(both, own) == both
    assert stored.nodes.keys() == {"a", "b"}


def test_the_log_is_asked_once_for_both() -> None:
    stored, own = Remembered(), Remembered()
    stored.nodes = {"a": seen(1, log_index=-1, logged_ms=0)}
    own.nodes = {"a": seen(1)}

    assert merge(stored, own).nodes["a"] == seen(1)
    assert merge(own, stored).nodes["a"] == seen(1)


def test_what_the_member_chose_is_what_is_stored() -> None:
    stored = grown((5, 0))
    stored.policy = Policy(pinned=True)
    stored.pinned_nodes, stored.pinned_owners = ["a"], ["o"]
    own = grown((5, 0))
    own.pinned_nodes = ["b"]

    both = merge(stored, own)

    assert (both.policy, both.pinned_nodes) == (Policy(pinned=True), ["a"])
    assert both.pinned_owners == ["o"]


def test_a_key_that_was_replaced_stays_replaced() -> None:
    own = grown((50, 0))
    own.nodes = {"a": seen(3)}
    stored = grown((5, 0))
    stored.replace_key("another")
    assert (stored.checkpoint, stored.milestones) == (None, [])

    both = merge(stored, own)

    assert (both.key, both.checkpoint, both.milestones) == ("another", None, [])
    assert both.nodes == {"a": seen(3)}


def test_the_first_key_is_taken() -> None:
    assert merge(Remembered(), grown((5, 0))) == grown((5, 0))


def test_the_nodes_are_bounded_and_those_longest_unseen_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_NODES", 10)
    club = Remembered(pinned_nodes=["n0"])
    for number in range(11):
        club.see(f"n{number}", seen(0, last_seen_ms=START + number))

    assert set(club.nodes) == {"n0", *(f"n{number}" for number in range(3, 11))}
    assert len(merge(club, Remembered()).nodes) == 9


def test_a_policy_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="min_age_days"):
        Policy(min_age_days=-1)


def test_a_copy_goes_its_own_way() -> None:
    club = grown((5, 0))
    other = club.copy()
    other.see("a", seen())
    other.advance(point(9), START + DAY_MS)
    other.pinned_nodes.append("a")

    assert (club.nodes, club.pinned_nodes) == ({}, [])
    assert club.milestones == [Milestone(5, START)]
