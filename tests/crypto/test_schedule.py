from __future__ import annotations

from rich.pretty import pretty_repr

from clubai.crypto.schedule import (
    DirectionKeys,
    ReplyKeys,
    reply_keys,
    request_keys,
    transcript_hash,
)
from support.sealing import node_private_key, private_key, vector, vector_binding


def vector_reply_keys(**changes: bytes) -> ReplyKeys:
    fields = {
        "node_eph_pub": vector("response", "header")[:32],
        "reply_nonce": vector("inputs", "response_nonce"),
        "task_secret": vector("inputs", "task_secret"),
        "dh": vector("response", "dh"),
    }
    return reply_keys(vector("request", "th"), **fields | changes)


def test_transcript_hash_is_that_of_the_vectors() -> None:
    bound = vector_binding().hash()

    assert transcript_hash(bound, vector("request", "enc_head")) == vector(
        "request", "th"
    )


def test_request_keys_are_those_of_the_vectors() -> None:
    keys = request_keys(vector("request", "th"), vector("inputs", "task_secret"))

    assert keys.key == vector("request", "c2n_key")
    assert keys.iv == vector("request", "c2n_iv")
    assert keys.commit == vector("request", "c2n_commit")


def test_exchange_of_the_ephemeral_keys_is_that_of_the_vectors() -> None:
    client = private_key("client_ephemeral_private")
    node = private_key("node_ephemeral_private")

    assert client.exchange(node.public_key()) == vector("response", "dh")
    assert node.exchange(client.public_key()) == vector("response", "dh")
    assert client.exchange(node_private_key().public_key()) != vector("response", "dh")


def test_reply_keys_are_those_of_the_vectors() -> None:
    keys = vector_reply_keys()

    assert keys.direction.key == vector("response", "n2c_key")
    assert keys.direction.iv == vector("response", "n2c_iv")
    assert keys.direction.commit == vector("response", "n2c_commit")
    assert keys.out_key == vector("response", "out_key")


def test_reply_keys_hang_on_all_that_goes_in() -> None:
    known = vector_reply_keys()

    for field in ("node_eph_pub", "reply_nonce", "task_secret", "dh"):
        other = vector_reply_keys(**{field: bytes(32)})
        assert other.direction.key != known.direction.key
        assert other.out_key != known.out_key


def test_reprs_show_nothing() -> None:
    assert repr(DirectionKeys(b"k", b"i", b"c")) == "<DirectionKeys>"
    assert repr(vector_reply_keys()) == "<ReplyKeys>"


def test_what_rich_prints_shows_nothing() -> None:
    keys = vector_reply_keys()

    assert pretty_repr(keys) == "<ReplyKeys>"
    assert pretty_repr(keys.direction) == "<DirectionKeys>"
