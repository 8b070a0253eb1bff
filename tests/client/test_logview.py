from __future__ import annotations

import msgspec
import pytest

from clubai.client.logview import LogView, bundle_in
from clubai.crypto.checkpoint import Checkpoint, read_checkpoint
from clubai.crypto.leaves import BundleLeaf, RotationLeaf, encode_leaf
from clubai.errors import ConnectFailed, TrustError
from clubai.model import TrustCode
from clubai.protocol.keylog import PlacedLeaf, node_path
from support.bundles import bundle
from support.key_club import KeyClub, key_club

ATTIC = bundle("attic")


def point_of(club: KeyClub) -> Checkpoint:
    return read_checkpoint(club.note, key=club.key)


def leaf_of(index: int, name: str, epoch: int = 0) -> PlacedLeaf:
    each = bundle(name, epoch)
    return PlacedLeaf(index, encode_leaf(BundleLeaf(each.body, each.sig)))


async def test_a_log_that_grew_proves_it() -> None:
    club = await key_club()
    points = [point_of(club)]
    for number in range(9):
        await club.add(bundle(f"node {number}"))
        points.append(point_of(club))

    for old in range(10):
        for new in range(old, 10):
            await LogView(club.fetch).check_growth(points[old], points[new])


async def test_a_log_that_forgot_something_is_found_out() -> None:
    one = await key_club(*(bundle(f"node {number}") for number in range(5)))
    other = await key_club(
        *(bundle(f"node {number}") for number in range(4)), bundle("x"), bundle("y")
    )

    with pytest.raises(TrustError, match="first 5 entries") as refused:
        await LogView(other.fetch).check_growth(point_of(one), point_of(other))

    assert refused.value.code is TrustCode.LOG_FORK


@pytest.mark.parametrize(
    "change", [{"size": 1}, {"origin": "clubai/another"}, {"root": bytes(32)}]
)
async def test_a_shorter_or_another_log_is_no_growth(change: dict[str, object]) -> None:
    club = await key_club(bundle("a"), bundle("b"))
    new = msgspec.structs.replace(point_of(club), **change)

    with pytest.raises(TrustError) as refused:
        await LogView(club.fetch).check_growth(point_of(club), new)

    assert refused.value.code is TrustCode.LOG_FORK


@pytest.mark.parametrize(
    ("answer", "code"),
    [(None, TrustCode.LOG_FORK), (b"", TrustCode.LOG_FORK), (b"x" * 96, None)],
)
async def test_tiles_that_are_not_served_prove_nothing(
    answer: bytes | None, code: TrustCode | None
) -> None:
    club = await key_club(bundle("a"), bundle("b"))
    old = point_of(club)
    await club.add(bundle("c"))
    club.answers["tile/0/000.p/3"] = answer or b""
    view = LogView(club.fetch)
    if answer is None:
        point = msgspec.structs.replace(point_of(club), size=7)
    else:
        point = point_of(club)

    with pytest.raises(TrustError) as refused:
        await view.check_growth(old, point)

    assert refused.value.code is (code or TrustCode.LOG_FORK)


async def test_a_club_that_cannot_be_asked_is_no_liar() -> None:
    club = await key_club(bundle("a"), bundle("b"))
    old = point_of(club)
    await club.add(bundle("c"))
    club.down = True

    with pytest.raises(ConnectFailed):
        await LogView(club.fetch).check_growth(old, point_of(club))
    with pytest.raises(ConnectFailed):
        await LogView(club.fetch).entries_of(ATTIC.node)


async def test_an_entry_is_proved_where_it_is() -> None:
    club = await key_club(*(bundle(f"node {number}") for number in range(7)))
    view = LogView(club.fetch)

    for index in range(7):
        await view.check_entry(leaf_of(index, f"node {index}"), point_of(club))
    assert club.fetched == ["tile/0/000.p/7"]

    for index, name in ((0, "node 1"), (7, "node 6"), (-1, "node 6"), (2, "attic")):
        with pytest.raises(TrustError) as refused:
            await view.check_entry(leaf_of(index, name), point_of(club))
        assert refused.value.code is TrustCode.NOT_IN_LOG


async def test_where_a_nodes_keys_are_is_what_the_club_says() -> None:
    club = await key_club(bundle("a"), ATTIC, bundle("attic", 1))
    view = LogView(club.fetch)

    found = await view.entries_of(ATTIC.node)

    assert [each.index for each in found] == [1, 2]
    assert bundle_in(found[1], ATTIC.node) == bundle("attic", 1)


@pytest.mark.parametrize("answer", [b"", b"{}", b"[1]", b'{"leaves":[]}'])
async def test_nonsense_about_a_node_proves_nothing(answer: bytes) -> None:
    club = await key_club(ATTIC)
    club.answers[node_path(ATTIC.node)] = answer

    with pytest.raises(TrustError) as refused:
        await LogView(club.fetch).entries_of(ATTIC.node)

    assert refused.value.code is TrustCode.NOT_IN_LOG


async def test_a_node_that_is_not_in_the_log() -> None:
    club = await key_club(bundle("a"))

    with pytest.raises(TrustError) as refused:
        await LogView(club.fetch).entries_of(ATTIC.node)

    assert refused.value.code is TrustCode.NOT_IN_LOG


@pytest.mark.parametrize(
    "leaf",
    [
        leaf_of(0, "cellar").leaf,
        encode_leaf(RotationLeaf(b"k" * 32, 0)),
        encode_leaf(BundleLeaf(ATTIC.body, bytes(64))),
        b"\x07",
        b"\x00",
        b"",
    ],
)
def test_an_entry_of_something_else_is_not_the_nodes(leaf: bytes) -> None:
    with pytest.raises(TrustError) as refused:
        bundle_in(PlacedLeaf(0, leaf), ATTIC.node)

    assert refused.value.code is TrustCode.NOT_IN_LOG
