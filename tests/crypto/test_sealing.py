from __future__ import annotations

import inspect
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st

from clubai.crypto import sealing
from clubai.crypto.binding import Head
from clubai.crypto.schedule import reply_keys
from clubai.crypto.sealing import (
    ENC_HEAD_SIZE,
    REPLY_HEADER_SIZE,
    ClientSeal,
    NodeSeal,
    open_request,
    seal_request,
)
from clubai.errors import LocalProtocolError, TrustError
from clubai.model import TrustCode
from support.sealing import (
    node_private_key,
    vector,
    vector_binding,
    vector_client,
    vector_node,
    vectors,
)

LOW_ORDER = [bytes(32), b"\1" + bytes(31)]


def attempt(**options: Any) -> tuple[ClientSeal, NodeSeal]:
    """Both ends of a new attempt for the vectors' node."""
    key = node_private_key()
    client = seal_request(
        vector_binding(), key.public_key().public_bytes_raw(), **options
    )
    node = open_request(vector_binding(), client.enc_head, client.commit, key)
    return client, node


def refused_request(
    enc_head: bytes,
    commit: bytes,
    *,
    key: X25519PrivateKey | None = None,
    **changes: Any,
) -> TrustCode:
    with pytest.raises(TrustError) as refusal:
        open_request(
            vector_binding(**changes), enc_head, commit, key or node_private_key()
        )
    assert refusal.value.reason == "sealed to another key, or altered"
    return refusal.value.code


def refused_reply(client: ClientSeal, hdr: bytes) -> TrustCode:
    with pytest.raises(TrustError) as refusal:
        client.open_reply(hdr)
    assert refusal.value.reason == "sealed to another key, or altered"
    return refusal.value.code


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(changed)


# what the vectors say


def test_head_of_the_vectors_opens() -> None:
    node = vector_node()

    assert node.th == vector("request", "th")
    assert node.head.encode() == vector("request", "head")


def test_request_of_the_vectors_opens() -> None:
    node = vector_node()
    ct = vector("request", "records", 0, "ciphertext")

    assert node.records.open(ct, seq=0, fin=True) == (
        0,
        vectors()["request"]["plaintext"].encode(),
    )
    node.records.close()


def test_client_of_the_vectors_says_what_they_say() -> None:
    client = vector_client()

    assert client.th == vector("request", "th")
    assert client.commit == vector("request", "c2n_commit")
    assert client.cmp_key == vector("inputs", "compare_key")
    assert client.enc_head == vector("request", "enc_head")
    ct = client.records.seal(0, vectors()["request"]["plaintext"].encode(), fin=True)
    assert ct == vector("request", "records", 0, "ciphertext")


def test_answer_of_the_vectors_opens() -> None:
    reply = vector_client().open_reply(vector("response", "header"))

    for row in vectors()["response"]["records"]:
        opened = reply.records.open(
            bytes.fromhex(row["ciphertext"]), seq=row["seq"], fin=bool(row["final"])
        )
        assert opened == (row["type"], row["data"].encode())
    reply.records.close()
    assert reply.out_key == vector("response", "out_key")


# what must fail


def test_must_fail_request_opened_with_another_key() -> None:
    code = refused_request(
        vector("request", "enc_head"),
        vector("request", "c2n_commit"),
        key=X25519PrivateKey.generate(),
    )

    assert code is TrustCode.OPEN_FAILED


def test_must_fail_request_for_another_model() -> None:
    code = refused_request(
        vector("request", "enc_head"),
        vector("request", "c2n_commit"),
        model="qwen3-0.6b",
    )

    assert code is TrustCode.OPEN_FAILED


@given(hdr=st.binary(min_size=96, max_size=96))
def test_must_fail_answer_header_of_96_random_bytes(hdr: bytes) -> None:
    assert refused_reply(vector_client(), hdr) is TrustCode.OPEN_FAILED


# what else must fail


def test_another_commitment_is_refused() -> None:
    for commit in (bytes(32), b"", vector("request", "c2n_commit") + b"\0"):
        code = refused_request(vector("request", "enc_head"), commit)
        assert code is TrustCode.OPEN_FAILED


@given(bit=st.integers(0, ENC_HEAD_SIZE * 8 - 1))
def test_no_bit_of_a_sealed_head_may_change(bit: int) -> None:
    changed = flipped(vector("request", "enc_head"), bit)

    code = refused_request(changed, vector("request", "c2n_commit"))

    assert code is TrustCode.OPEN_FAILED


@given(bit=st.integers(0, 255))
def test_no_bit_of_a_commitment_may_change(bit: int) -> None:
    changed = flipped(vector("request", "c2n_commit"), bit)

    code = refused_request(vector("request", "enc_head"), changed)

    assert code is TrustCode.OPEN_FAILED


@given(
    field=st.sampled_from(["task", "node", "bundle_hash", "boot", "cvk"]),
    bit=st.integers(0, 255),
)
def test_no_bit_of_a_binding_may_change(field: str, bit: int) -> None:
    changed = flipped(getattr(vector_binding(), field), bit)

    code = refused_request(
        vector("request", "enc_head"),
        vector("request", "c2n_commit"),
        **{field: changed},
    )

    assert code is TrustCode.OPEN_FAILED


@given(bit=st.integers(0, REPLY_HEADER_SIZE * 8 - 1))
def test_no_bit_of_an_answer_header_may_change(bit: int) -> None:
    changed = flipped(vector("response", "header"), bit)

    assert refused_reply(vector_client(), changed) is TrustCode.OPEN_FAILED


def test_bit_that_x25519_ignores_may_not_change_either() -> None:
    ignored = 31 * 8 + 7
    enc_head = flipped(vector("request", "enc_head"), ignored)
    hdr = flipped(vector("response", "header"), ignored)

    code = refused_request(enc_head, vector("request", "c2n_commit"))
    assert code is TrustCode.OPEN_FAILED
    assert refused_reply(vector_client(), hdr) is TrustCode.OPEN_FAILED


@pytest.mark.parametrize("point", LOW_ORDER, ids=["0", "1"])
def test_answer_with_a_point_of_low_order_is_refused(point: bytes) -> None:
    hdr = point + vector("response", "header")[32:]

    assert refused_reply(vector_client(), hdr) is TrustCode.OPEN_FAILED


@pytest.mark.parametrize("size", [0, 95, 97])
def test_answer_header_of_another_size_is_refused(size: int) -> None:
    assert refused_reply(vector_client(), bytes(size)) is TrustCode.OPEN_FAILED


@pytest.mark.parametrize("point", LOW_ORDER, ids=["0", "1"])
def test_client_with_a_point_of_low_order_is_refused(point: bytes) -> None:
    head = Head(
        flags=0,
        task_secret=bytes(32),
        client_eph_pub=point,
        cmp_key=bytes(32),
        max_records=1,
        flush_ms=0,
    )
    enc_head = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM).encrypt(
        head.encode(),
        node_private_key().public_key(),
        b"clubai/e2e/1 request" + vector_binding().hash(),
    )
    client = ClientSeal(
        vector_binding().hash(), head, enc_head, X25519PrivateKey.generate()
    )

    assert refused_request(enc_head, client.commit) is TrustCode.OPEN_FAILED


@pytest.mark.parametrize("key", [*LOW_ORDER, b"", bytes(31)], ids=["0", "1", "-", "31"])
def test_nothing_is_sealed_to_a_key_that_is_none(key: bytes) -> None:
    with pytest.raises(TrustError) as refusal:
        seal_request(vector_binding(), key)

    assert refusal.value.code is TrustCode.BAD_BUNDLE


@given(
    enc_head=st.binary(max_size=200) | st.binary(min_size=176, max_size=176),
    commit=st.binary(max_size=40),
)
def test_any_bytes_for_a_request_are_answered(enc_head: bytes, commit: bytes) -> None:
    refused_request(enc_head, commit)


@given(hdr=st.binary(max_size=100))
def test_any_bytes_for_an_answer_are_answered(hdr: bytes) -> None:
    refused_reply(vector_client(), hdr)


def test_answer_to_another_attempt_does_not_open() -> None:
    one, _ = attempt()
    _, other = attempt()

    assert refused_reply(one, other.begin_reply().hdr) is TrustCode.OPEN_FAILED


def test_request_does_not_open_as_its_own_answer() -> None:
    client, node = attempt()
    ct = client.records.seal(0, b"hello", fin=True)
    reply = client.open_reply(node.begin_reply().hdr)

    with pytest.raises(TrustError) as refusal:
        reply.records.open(ct, seq=0, fin=True)

    assert refusal.value.code is TrustCode.BAD_RECORD


def test_coordinator_cannot_make_an_answer() -> None:
    # It knows all but the secrets, and draws an ephemeral key of its own.
    client, node = attempt()
    own = X25519PrivateKey.generate()
    keys = reply_keys(
        client.th,
        node_eph_pub=own.public_key().public_bytes_raw(),
        reply_nonce=bytes(32),
        task_secret=bytes(32),
        dh=own.exchange(X25519PublicKey.from_public_bytes(node.head.client_eph_pub)),
    )
    hdr = own.public_key().public_bytes_raw() + bytes(32) + keys.direction.commit

    assert refused_reply(client, hdr) is TrustCode.OPEN_FAILED


# both ends


def test_request_and_answer_go_through() -> None:
    client, node = attempt(flags=3, max_records=2, flush_ms=7)

    assert (node.head.flags, node.head.max_records, node.head.flush_ms) == (3, 2, 7)
    assert node.th == client.th
    sent = client.records.seal(0, b"hello", fin=True)
    assert node.records.open(sent, seq=0, fin=True) == (0, b"hello")
    answer = node.begin_reply()
    reply = client.open_reply(answer.hdr)
    assert reply.out_key == answer.out_key
    for seq, fin in enumerate([False, True]):
        ct = answer.records.seal(0, b"hi", fin=fin)
        assert reply.records.open(ct, seq=seq, fin=fin) == (0, b"hi")
    reply.records.close()


@given(
    asked=st.lists(st.binary(max_size=3000), max_size=5),
    answered=st.lists(st.binary(max_size=3000), max_size=5),
)
def test_any_pieces_go_through(asked: list[bytes], answered: list[bytes]) -> None:
    client, node = attempt()
    answer = node.begin_reply()
    reply = client.open_reply(answer.hdr)

    for sealer, opener, pieces in [
        (client.records, node.records, asked),
        (answer.records, reply.records, answered),
    ]:
        for seq, piece in enumerate(pieces):
            fin = seq == len(pieces) - 1
            ct = sealer.seal(0, piece, fin=fin)
            assert opener.open(ct, seq=seq, fin=fin) == (0, piece)
        assert opener.finished == bool(pieces)


def test_answer_has_no_more_records_than_the_client_said() -> None:
    client, node = attempt(max_records=1)
    answer = node.begin_reply()
    reply = client.open_reply(answer.hdr)
    reply.records.open(answer.records.seal(0, b""), seq=0, fin=False)

    with pytest.raises(LocalProtocolError):
        answer.records.seal(0, b"", fin=True)


def test_every_attempt_has_its_own_secrets() -> None:
    (one, _), (other, _) = attempt(), attempt()

    assert one.enc_head != other.enc_head
    assert one.commit != other.commit
    assert one.cmp_key != other.cmp_key
    assert one.th != other.th
    assert one.records.seal(0, b"") != other.records.seal(0, b"")


def test_the_same_request_opened_twice_is_answered_under_two_keys() -> None:
    one, other = vector_node().begin_reply(), vector_node().begin_reply()

    assert one.hdr != other.hdr
    assert one.out_key != other.out_key


def test_group_shares_its_compare_key() -> None:
    client, node = attempt(cmp_key=b"k" * 32)

    assert client.cmp_key == node.head.cmp_key == b"k" * 32


def test_there_is_one_answer() -> None:
    client, node = attempt()
    hdr = node.begin_reply().hdr
    client.open_reply(hdr)

    with pytest.raises(LocalProtocolError):
        node.begin_reply()
    with pytest.raises(LocalProtocolError):
        client.open_reply(hdr)


def test_wrong_header_leaves_the_right_one_open() -> None:
    client, node = attempt()
    refused_reply(client, bytes(96))

    assert client.open_reply(node.begin_reply().hdr).records.count == 0


# what nobody sees


def test_no_nonce_comes_from_outside() -> None:
    public = [seal_request, open_request, NodeSeal.begin_reply, ClientSeal.open_reply]

    names = [set(inspect.signature(function).parameters) for function in public]

    assert names == [
        {"binding", "ek", "cmp_key", "flags", "max_records", "flush_ms"},
        {"binding", "enc_head", "commit", "private_key"},
        {"self"},
        {"self", "hdr"},
    ]
    assert set(sealing.__all__) >= {"seal_request", "open_request"}


def test_reprs_show_no_secret() -> None:
    client, node = attempt()
    secrets = [node.head.task_secret, node.head.cmp_key]
    answer = node.begin_reply()
    reply = client.open_reply(answer.hdr)
    secrets.append(answer.out_key)

    for thing in (client, node, node.head, answer, reply, reply.records):
        for secret in secrets:
            assert repr(secret)[2:-1] not in repr(thing)
            assert secret.hex() not in repr(thing)
