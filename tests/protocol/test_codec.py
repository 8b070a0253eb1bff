from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.errors import LocalProtocolError, RemoteProtocolError
from clubai.model import ModelSnapshot
from clubai.protocol import codec, messages
from clubai.protocol.messages import (
    MAX_MESSAGE_BYTES,
    CloseCode,
    Hello,
    NodeHeartbeat,
    Notice,
    TaskRecord,
    TaskRequest,
)

DECODERS = (
    codec.decode_from_node,
    codec.decode_to_node,
    codec.decode_from_client,
    codec.decode_to_client,
)


def test_a_message_survives_the_wire() -> None:
    sent = TaskRequest(ref=7, model="m", exclude=(b"n" * 32,), cvk=b"c" * 32)

    assert codec.decode_from_client(codec.encode(sent)) == sent


def test_every_message_has_an_explicit_tag_that_no_other_has() -> None:
    unions = (
        messages.FromNode,
        messages.ToNode,
        messages.FromClient,
        messages.ToClient,
    )
    classes = {cls for union in unions for cls in get_args(union)}
    tags = sorted(cls.__struct_config__.tag for cls in classes)

    assert len(tags) == len(set(tags))
    assert all((tag == tag.upper() and "_" in tag) or tag.isupper() for tag in tags)


def test_a_newer_peer_may_send_fields_that_are_not_known_here() -> None:
    data = msgspec.msgpack.encode({"type": "HELLO", "versions": [1], "future": 1})

    assert codec.decode_from_node(data) == Hello(versions=(1,))


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"GET / HTTP/1.1",
        msgspec.msgpack.encode({"type": "NO_SUCH_MESSAGE"}),
        msgspec.msgpack.encode({"versions": [1]}),
        msgspec.msgpack.encode([1, 2, 3]),
        b"\x91" * 100_000,
        b"\x81\xa4type\xa5\xff\xfe\xfd\xfc\xfb",
        b"\xdf\xff\xff\xff\xff",
    ],
)
def test_nonsense_is_the_peers_fault(decode: object, data: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode(data)  # type: ignore[operator]

    assert caught.value.code == CloseCode.BAD_MESSAGE


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for decode in DECODERS:
        try:
            decode(data)
        except RemoteProtocolError:
            pass


@given(st.data())
def test_no_change_of_a_byte_raises_anything_else(data: st.DataObject) -> None:
    frame = bytearray(
        codec.encode(TaskRecord(task=b"t" * 16, seq=3, fin=True, ct=b"hello"))
    )
    place = data.draw(st.integers(0, len(frame) - 1))
    frame[place] = data.draw(st.integers(0, 255))
    for decode in DECODERS:
        try:
            decode(bytes(frame))
        except RemoteProtocolError:
            pass


def test_a_message_for_the_other_direction_is_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        codec.decode_from_client(codec.encode(NodeHeartbeat()))


def test_too_big_is_refused_on_both_sides() -> None:
    record = TaskRecord(task=b"t" * 16, seq=0, ct=bytes(MAX_MESSAGE_BYTES))

    with pytest.raises(LocalProtocolError):
        codec.encode(record)
    with pytest.raises(RemoteProtocolError) as caught:
        codec.decode_from_node(msgspec.msgpack.encode(record))
    assert caught.value.code == CloseCode.TOO_BIG


def test_texts_are_bounded() -> None:
    with pytest.raises(RemoteProtocolError):
        codec.decode_to_client(
            msgspec.msgpack.encode(Notice(code="c", text="x" * 5000))
        )


def test_snapshots_travel_inside_an_answer() -> None:
    models = (
        ModelSnapshot(
            name="m",
            nodes=1,
            warm=1,
            slots=2,
            slots_free=1,
            context=2048,
            kinds=("chat",),
        ),
    )
    body = codec.encode_value(models)

    assert codec.decode_value(body, tuple[ModelSnapshot, ...]) == models
    with pytest.raises(RemoteProtocolError):
        codec.decode_value(body, Notice)
