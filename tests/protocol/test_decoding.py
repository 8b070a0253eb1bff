from __future__ import annotations

import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.protocol.decoding import (
    MAX_DEPTH,
    UNREADABLE,
    decoded_bytes,
    is_too_deep,
)

JSON = [
    b"",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'"\xff"',
    b'{"\xff":1}',
    b'"\\ud800"',
    b"1e999",
    b"NaN",
    b"-Infinity",
    b"9" * 5000,
    b"1 1",
    b"\x00",
]
MSGPACK = [
    b"",
    b"\x91" * 100_000,
    b"\x81\xa1a" * 100_000,
    b"\xa1\xff",
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff",
    b"\xc1",
    b"\xc0\xc0",
]


@pytest.mark.parametrize("data", JSON, ids=lambda data: repr(data[:12]))
def test_json_that_cannot_be_read_raises_nothing_else(data: bytes) -> None:
    with pytest.raises(UNREADABLE):
        msgspec.json.decode(data)


@pytest.mark.parametrize("data", MSGPACK, ids=lambda data: repr(data[:12]))
def test_msgpack_that_cannot_be_read_raises_nothing_else(data: bytes) -> None:
    with pytest.raises(UNREADABLE):
        msgspec.msgpack.decode(data)


def nested(depth: int, *, brother: str = "") -> bytes:
    """A JSON object that holds lists, `depth` containers deep."""
    lists = "[" * (depth - 1) + "]" * (depth - 1)
    return f'{{"a":{lists}{brother}}}'.encode()


@pytest.mark.parametrize("brother", ["", ',"b":[[],[],{"c":[1]}]'])
@pytest.mark.parametrize(
    ("depth", "deep"),
    [(2, False), (MAX_DEPTH, False), (MAX_DEPTH + 1, True), (900, True)],
)
def test_nesting_is_too_deep_from_a_bound_on(
    depth: int, deep: bool, brother: str
) -> None:
    data = nested(depth, brother=brother)

    assert is_too_deep(data, msgspec.json.decode(data)) is deep


def test_what_is_wide_is_not_deep() -> None:
    data = msgspec.json.encode([{"a": [number]} for number in range(500)])

    assert not is_too_deep(data, msgspec.json.decode(data))


def test_brackets_in_a_text_are_no_nesting() -> None:
    data = msgspec.json.encode({"text": "[" * 1000})

    assert not is_too_deep(data, msgspec.json.decode(data))


def taken(value: Any) -> int:
    """Bytes that the objects of `value` take."""
    size = sys.getsizeof(value)
    if isinstance(value, dict):
        size += sum(taken(key) + taken(item) for key, item in value.items())
    elif isinstance(value, list):
        size += sum(map(taken, value))
    return size


_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=40,
)


@given(_values)
def test_the_estimate_is_an_upper_one(value: Any) -> None:
    data = msgspec.json.encode({"body": [value] * 20})

    # Small texts and numbers are shared, and have heads of their own here.
    assert taken(msgspec.json.decode(data)) < 3 * decoded_bytes(data) + 2000


@pytest.mark.parametrize("piece", [b"[],", b'{"a":1},', b"0.5,", b'"abc",', b"[0.5],"])
def test_the_estimate_holds_for_what_is_made_to_be_big(piece: bytes) -> None:
    data = b"[" + piece * 10_000 + b"0]"

    size = taken(msgspec.json.decode(data))

    assert size / 2 < decoded_bytes(data) < 4 * size


def test_a_text_costs_little_more_than_itself() -> None:
    plain, odd = b'"' + b"x" * 10_000 + b'"', ("x" * 9_996 + "😀").encode()

    assert decoded_bytes(plain) < 1.1 * len(plain)
    assert decoded_bytes(odd) + 100 > sys.getsizeof(odd.decode())
