from __future__ import annotations

import msgspec
import pytest

from clubai.errors import RemoteProtocolError
from clubai.model import NodeId
from clubai.protocol.keylog import (
    ClubKey,
    NodeLeaves,
    PlacedLeaf,
    node_path,
    read_json,
)


def test_the_shapes_are_what_programs_see() -> None:
    leaves = NodeLeaves((PlacedLeaf(3, b"leaf"),))

    assert msgspec.json.encode(leaves) == b'{"leaves":[{"index":3,"leaf":"bGVhZg=="}]}'
    assert read_json(msgspec.json.encode(leaves), NodeLeaves) == leaves
    key = ClubKey("clubai/x", "a" * 52, 7)
    assert read_json(msgspec.json.encode(key), ClubKey) == key


def test_a_nodes_path() -> None:
    assert node_path(NodeId(bytes(32))) == "node/" + "a" * 52


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"\xff", b"[" * 9999, b'{"leaves":[{"index":"x"}]}']
)
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="about its keys"):
        read_json(data, NodeLeaves)
