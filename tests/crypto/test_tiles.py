from __future__ import annotations

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from clubai.crypto.merkle import (
    Range,
    consistency_ranges,
    hashes_in,
    inclusion_ranges,
    leaf_hash,
    prove,
    root,
    verify_consistency,
    verify_inclusion,
)
from clubai.crypto.tiles import (
    Entries,
    Tile,
    TileTree,
    decode_entries,
    encode_entries,
    entries_between,
    hashes_in_tiles,
    read_path,
    tiles_for,
    width_at,
)
from clubai.errors import TrustError
from clubai.model import TrustCode

HASHES = [leaf_hash(number.to_bytes(4, "big")) for number in range(1200)]


def served(tile: Tile) -> bytes:
    """A tile by the words of the specification."""
    span = 256**tile.level
    first = tile.number * 256
    return b"".join(
        root(HASHES[at * span : (at + 1) * span])
        for at in range(first, first + tile.width)
    )


def proof_of(ranges: list[Range], size: int) -> list[bytes]:
    tiles = {tile: served(tile) for tile in tiles_for(ranges, size)}
    return prove(ranges, hashes_in_tiles(tiles, size))


@pytest.mark.parametrize(
    ("thing", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(1, 1234, 5), "tile/1/x001/234.p/5"),
        (Tile(63, 999, 255), "tile/63/999.p/255"),
        (Entries(0, 1), "tile/entries/000.p/1"),
        (Entries(1234067), "tile/entries/x001/x234/067"),
    ],
)
def test_a_path_is_written_and_read(thing: Tile | Entries, path: str) -> None:
    assert thing.path == path
    assert read_path(path) == thing


@pytest.mark.parametrize(
    "path",
    [
        "",
        "checkpoint",
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/000",
        "tile/0/001/234",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000\n",
        "tile/0/../000",
        "tile/entry/000",
        "/tile/0/000",
        "tile/0/" + "x999/" * 40 + "999",
        "tile/0/\u0660\u0660\u0660",
    ],
)
def test_no_other_path_is_a_tiles(path: str) -> None:
    assert read_path(path) is None


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    found = read_path("tile/" + text)

    assert found is None or found.path == "tile/" + text


@given(st.integers(0, 10**15), st.integers(1, 256), st.integers(0, 63))
def test_every_tile_has_a_path_of_its_own(number: int, width: int, level: int) -> None:
    assert read_path(Tile(level, number, width).path) == Tile(level, number, width)


def test_the_example_of_the_specification() -> None:
    size = 70_000

    assert [width_at(0, number, size) for number in (0, 272, 273, 274)] == [
        *(256, 256, 112, 0)
    ]
    assert [width_at(1, number, size) for number in (0, 1, 2)] == [256, 17, 0]
    assert [width_at(2, number, size) for number in (0, 1)] == [1, 0]
    assert [width_at(1, 0, 256), width_at(1, 0, 255)] == [1, 0]


@given(st.integers(1, 1200), st.data())
def test_proofs_from_tiles_are_those_from_the_leaves(
    size: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1), label="index")
    first = data.draw(st.integers(0, size), label="first")
    hashes = HASHES[:size]
    event("more than one level" if size >= 256 else "one level")

    inclusion = proof_of(inclusion_ranges(index, size), size)
    consistency = proof_of(consistency_ranges(first, size), size)

    assert inclusion == prove(inclusion_ranges(index, size), hashes_in(hashes))
    assert verify_inclusion(HASHES[index], index, size, inclusion, root(hashes))
    assert verify_consistency(
        first, size, consistency, root(HASHES[:first]), root(hashes)
    )


def test_only_the_tiles_on_the_way_are_needed() -> None:
    needed = tiles_for(inclusion_ranges(300, 1200), 1200)

    assert needed == [Tile(0, 1), Tile(0, 4, 176), Tile(1, 0, 4)]


@pytest.mark.parametrize("change", [b"", bytes(32)])
def test_a_tile_of_a_wrong_length_is_a_fork(change: bytes) -> None:
    ranges = inclusion_ranges(1, 3)
    [tile] = tiles_for(ranges, 3)
    content = served(tile)[:64] + change * 2

    with pytest.raises(TrustError, match=r"tile/0/000\.p/3") as refused:
        hashes_in_tiles({tile: content}, 3)

    assert refused.value.code is TrustCode.LOG_FORK


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=20))
def test_entries_are_read_back(entries: list[bytes]) -> None:
    content = encode_entries(entries)

    assert decode_entries(content, Entries(0, len(entries))) == entries


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00", b"\x00\x01a", b"\x00\x01a\x00\x02b", b"\x00\x01a\x00\x01b\x00\x00"],
)
def test_a_bundle_of_another_number_of_entries_is_a_fork(content: bytes) -> None:
    with pytest.raises(TrustError) as refused:
        decode_entries(content, Entries(0, 2))

    assert refused.value.code is TrustCode.LOG_FORK


def test_an_entry_that_does_not_fit_is_refused() -> None:
    assert len(encode_entries([bytes(65_535)])) == 65_537

    with pytest.raises(ValueError, match="65536 bytes"):
        encode_entries([bytes(65_536)])


def test_the_bundles_of_a_stretch() -> None:
    assert entries_between(5, 5) == []
    assert entries_between(0, 1) == [Entries(0, 1)]
    assert entries_between(300, 700) == [Entries(1), Entries(2, 188)]
    assert entries_between(255, 512) == [Entries(0), Entries(1)]
    assert Entries(2, 188).first == 512


@example(0)
@example(255)
@example(256)
@example(1200)
@given(st.integers(0, 1200))
def test_a_tree_has_the_tiles_of_the_specification_and_no_others(size: int) -> None:
    tree = TileTree(b"".join(HASHES[: size // 2]))
    for hashed in HASHES[size // 2 : size]:
        tree.append(hashed)

    assert (tree.size, tree.root()) == (size, root(HASHES[:size]))
    for level in range(3):
        for number in range(6):
            width = width_at(level, number, size)
            for some in {1, width, width + 1} & set(range(1, 257)):
                tile = Tile(level, number, some)
                expected = served(tile) if some <= width else None
                assert tree.content(tile) == expected


def test_a_tile_far_away_is_not_there() -> None:
    assert TileTree().content(Tile(0, 10**17, 1)) is None
    assert TileTree(HASHES[0]).content(Tile(63, 0, 1)) is None
