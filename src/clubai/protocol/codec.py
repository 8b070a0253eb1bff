"""Bytes to message and back; the only place that knows it is msgpack.

Whatever a peer sends, `decode_*` gives a message or raises `RemoteProtocolError`.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from clubai.errors import LocalProtocolError, RemoteProtocolError
from clubai.protocol.decoding import UNREADABLE
from clubai.protocol.messages import (
    MAX_MESSAGE_BYTES,
    CloseCode,
    FromClient,
    FromNode,
    Message,
    ToClient,
    ToNode,
)

T = TypeVar("T")

_encoder = msgspec.msgpack.Encoder()
_from_node: msgspec.msgpack.Decoder[FromNode] = msgspec.msgpack.Decoder(FromNode)
_to_node: msgspec.msgpack.Decoder[ToNode] = msgspec.msgpack.Decoder(ToNode)
_from_client: msgspec.msgpack.Decoder[FromClient] = msgspec.msgpack.Decoder(FromClient)
_to_client: msgspec.msgpack.Decoder[ToClient] = msgspec.msgpack.Decoder(ToClient)


def encode(message: Message) -> bytes:
    """Encode one message.

    Raises:
        LocalProtocolError: it is over `MAX_MESSAGE_BYTES`.
    """
    data = _encoder.encode(message)
    if len(data) > MAX_MESSAGE_BYTES:
        raise LocalProtocolError(f"a message of {len(data)} bytes is too big to send")
    return data


def encode_value(
    value: msgspec.Struct | tuple[msgspec.Struct, ...] | bytes,
) -> msgspec.Raw:
    """Encode a snapshot, or a part of the key log, for `ClubAnswer.body`."""
    return msgspec.Raw(_encoder.encode(value))


def decode_value(body: msgspec.Raw, type_: type[T]) -> T:
    """Decode the body of a `ClubAnswer`.

    Raises:
        RemoteProtocolError: it is not a `type_`.
    """
    try:
        return msgspec.msgpack.decode(body, type=type_)
    except UNREADABLE as error:
        raise _unreadable(error) from error


def decode_from_node(data: bytes) -> FromNode:
    """Decode what an agent sent. Raises `RemoteProtocolError`."""
    return _decode(_from_node, data)


def decode_to_node(data: bytes) -> ToNode:
    """Decode what the coordinator sent to an agent. Raises `RemoteProtocolError`."""
    return _decode(_to_node, data)


def decode_from_client(data: bytes) -> FromClient:
    """Decode what a client sent. Raises `RemoteProtocolError`."""
    return _decode(_from_client, data)


def decode_to_client(data: bytes) -> ToClient:
    """Decode what the coordinator sent to a client. Raises `RemoteProtocolError`."""
    return _decode(_to_client, data)


def _decode(decoder: msgspec.msgpack.Decoder[T], data: bytes) -> T:
    if len(data) > MAX_MESSAGE_BYTES:
        raise RemoteProtocolError(
            CloseCode.TOO_BIG, f"a message of {len(data)} bytes is too big"
        )
    try:
        return decoder.decode(data)
    except UNREADABLE as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> RemoteProtocolError:
    return RemoteProtocolError(
        CloseCode.BAD_MESSAGE, f"a message cannot be read: {error}"
    )
