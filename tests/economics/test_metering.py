from __future__ import annotations

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.economics.metering import (
    Standing,
    Weight,
    capped,
    read_standing,
    snapshot,
    standings,
    weigh,
    work_units,
)
from clubai.economics.settling import Item, Status
from clubai.model import MemberId, NodeId
from clubai.reputation.events import Change, StandingEvent

N1, N2 = NodeId(b"1" * 32), NodeId(b"2" * 32)
ALICE, BOB = MemberId("alice"), MemberId("bob")


def item(owner: MemberId, wu: int, *, node: NodeId = N1) -> Item:
    return Item(
        task=b"t",
        node=node,
        owner=owner,
        asker=MemberId("x"),
        model="m",
        month="2026-01",
        prompt_tokens=0,
        answer_tokens=0,
        metered=wu,
        wu=wu,
        status=Status.PAID,
    )


@pytest.mark.parametrize(
    ("tokens_in", "tokens_out", "milli", "expected"),
    [
        (1000, 500, 4757, 3_567_750),
        (1000, 500, 682, 511_500),
        (4_000_000, 1_000_000, 4757, 9_514_000_000),
        (1, 0, 3, 0),
    ],
)
def test_work_units(tokens_in: int, tokens_out: int, milli: int, expected: int) -> None:
    assert work_units(tokens_in, tokens_out, milli) == expected


@pytest.mark.parametrize(
    ("points", "expected"),
    [(0, 5000), (60, 5300), (400, 7000), (1500, 12_500), (9999, 12_500)],
)
def test_the_multiplier_is_bounded(points: int, expected: int) -> None:
    assert Standing(points=points).multiplier_bp == expected
    assert Standing(points=points, suspended=True).multiplier_bp == 0


def test_the_weights_of_vector_6() -> None:
    units = {"alice": 9_514_000_000, "bob": 6_409_500_000, "carol": 3_192_000_000}
    points = {"alice": 1500, "bob": 400, "carol": 60}
    nodes = {name: NodeId(name.encode().ljust(32)) for name in units}

    weights = weigh(
        [item(MemberId(name), wu, node=nodes[name]) for name, wu in units.items()],
        {nodes[name]: Standing(points=points[name]) for name in units},
    )

    assert [each.wu for each in weights] == [
        11_892_500_000,
        4_486_650_000,
        1_691_760_000,
    ]


def test_banned_members_and_suspended_nodes_weigh_nothing() -> None:
    items = [item(ALICE, 100), item(BOB, 100, node=N2)]
    found = {N2: Standing(points=100, suspended=True)}

    assert weigh(items, found, banned=(ALICE,)) == (
        Weight(member=ALICE, wu=0),
        Weight(member=BOB, wu=0),
    )


def test_one_asker_brings_a_fifth_of_a_node() -> None:
    due = [(b"1", N1, ALICE, 600), (b"2", N1, ALICE, 200)]
    due += [(bytes([9, n]), N1, MemberId(f"m{n}"), 100) for n in range(2)]

    paid = capped(due)

    assert (paid[b"1"], paid[b"2"]) == (150, 50)
    assert sum(paid.values()) == 200 + 200
    assert capped(due, exempt=("alice",))[b"1"] == 600
    assert capped(due, cap_bp=10_000)[b"1"] == 600


dues = st.lists(
    st.tuples(
        st.sampled_from([N1, N2]),
        st.sampled_from([ALICE, BOB, MemberId("c"), MemberId("d")]),
        st.integers(0, 2**40),
    ),
    max_size=12,
).map(lambda rows: [(bytes([n]), *row) for n, row in enumerate(rows)])


@given(dues, st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_the_cap_holds_in_any_order(
    due: list[tuple[bytes, NodeId, MemberId, int]], cap_bp: int, random: Random
) -> None:
    paid = capped(due, cap_bp=cap_bp)
    shuffled = list(due)
    random.shuffle(shuffled)

    assert capped(shuffled, cap_bp=cap_bp) == paid
    for node in (N1, N2):
        total = sum(each[3] for each in due if each[1] == node)
        for asker in {each[2] for each in due}:
            pair = [e for e in due if (e[1], e[2]) == (node, asker)]
            assert sum(paid[e[0]] for e in pair) <= total * cap_bp // 10_000


def event(seq: int, change: Change, *, at: float = 0, points: int = 0) -> StandingEvent:
    return StandingEvent(
        seq=seq, at=at, node=N1, member=ALICE, change=change, points=points
    )


def test_standings_are_those_before_the_moment() -> None:
    events = [
        event(1, Change.SUSPENDED, at=5),
        event(0, Change.JOINED, points=100),
        event(2, Change.REINSTATED, at=9),
        event(3, Change.COMPLETED, at=9, points=10),
    ]

    assert standings(events, before_ms=9000) == {
        N1: Standing(points=100, suspended=True)
    }
    found = standings(events, before_ms=9001)
    assert found == {N1: Standing(points=110)}
    assert read_standing(snapshot(found)[0][1:]) == found[N1]


def test_points_are_those_of_the_last_owner() -> None:
    sold = msgspec.structs.replace(event(1, Change.JOINED, at=1, points=50), member=BOB)

    found = standings([event(0, Change.JOINED, points=100), sold], before_ms=2000)

    assert found == {N1: Standing(points=50)}


def test_what_is_no_standing_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected"):
        read_standing(["many", 0])
