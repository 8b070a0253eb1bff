from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from clubai.crypto.binding import HEAD_SIZE, Binding, Head, lp
from clubai.errors import LocalProtocolError, TrustError
from clubai.model import TrustCode
from support.sealing import vector, vector_binding

u8, u16, u64 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 64))


def fixed(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


bindings = st.builds(
    Binding,
    task=fixed(16),
    part=u16,
    attempt=u16,
    node=fixed(32),
    bundle_hash=fixed(32),
    boot=fixed(16),
    model=st.text(),
    mode=u8,
    cvk=fixed(32),
    assignment_hash=fixed(32),
    issued_ms=u64,
    expires_ms=u64,
)
heads = st.builds(
    Head,
    flags=u8,
    task_secret=fixed(32),
    client_eph_pub=fixed(32),
    cmp_key=fixed(32),
    max_records=st.integers(1, 1 << 20),
    flush_ms=u16,
)


def test_length_comes_first() -> None:
    assert lp(b"") == bytes(4)
    assert lp(b"abc") == b"\0\0\0\3abc"


def test_binding_has_the_hash_of_the_vectors() -> None:
    assert vector_binding().hash() == vector("request", "bind_sha256")


@pytest.mark.parametrize(
    "change",
    [
        {"task": bytes(16)},
        {"part": 1},
        {"attempt": 0},
        {"node": bytes(32)},
        {"bundle_hash": bytes(32)},
        {"boot": bytes(16)},
        {"model": "qwen3-0.6b"},
        {"mode": 0},
        {"cvk": bytes(32)},
        {"assignment_hash": bytes(32)},
        {"issued_ms": 0},
        {"expires_ms": 0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_field_is_in_the_hash(change: dict[str, Any]) -> None:
    assert vector_binding(**change).hash() != vector_binding().hash()


@given(one=bindings, other=bindings)
def test_two_bindings_have_two_hashes(one: Binding, other: Binding) -> None:
    assert (one == other) == (one.hash() == other.hash())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("task", bytes(15)),
        ("node", bytes(33)),
        ("bundle_hash", b""),
        ("boot", bytes(32)),
        ("cvk", bytes(31)),
        ("assignment_hash", bytes(64)),
        ("part", -1),
        ("part", 1 << 16),
        ("attempt", 1 << 16),
        ("mode", 256),
        ("issued_ms", -1),
        ("expires_ms", 1 << 64),
    ],
)
def test_field_that_does_not_fit_is_named(field: str, value: object) -> None:
    with pytest.raises(TrustError, match=field) as refusal:
        vector_binding(**{field: value})

    assert refusal.value.code is TrustCode.BAD_ASSIGNMENT


def test_name_that_is_no_unicode_is_bound_too() -> None:
    assert vector_binding(model="\ud800").hash() != vector_binding(model="").hash()


def test_head_has_the_layout_of_the_vectors() -> None:
    head = Head.decode(vector("request", "head"))

    assert head.task_secret == vector("inputs", "task_secret")
    assert head.cmp_key == vector("inputs", "compare_key")
    assert (head.flags, head.max_records, head.flush_ms) == (1, 1 << 20, 120)
    assert head.encode() == vector("request", "head")


@given(head=heads)
def test_any_head_comes_back(head: Head) -> None:
    assert len(head.encode()) == HEAD_SIZE
    assert Head.decode(head.encode()) == head


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, 0), (0, 2), (2, 1), (3, 1), (106, 1), (127, 1), (100, 1)],
    ids=[
        "version 0",
        "version 2",
        "reserved",
        "also",
        "zeros",
        "end",
        "records",
    ],
)
def test_head_of_another_layout_is_refused(place: int, value: int) -> None:
    data = bytearray(vector("request", "head"))
    data[place] = value

    with pytest.raises(TrustError) as refusal:
        Head.decode(bytes(data))

    assert refusal.value.code is TrustCode.OPEN_FAILED


def test_head_that_allows_no_record_is_refused() -> None:
    data = bytearray(vector("request", "head"))
    data[100:104] = bytes(4)

    with pytest.raises(TrustError):
        Head.decode(bytes(data))


@given(data=st.binary(max_size=300))
def test_any_bytes_for_a_head_are_answered(data: bytes) -> None:
    with pytest.raises(TrustError):
        Head.decode(data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_records", 0),
        ("max_records", (1 << 20) + 1),
        ("flags", 256),
        ("flush_ms", 65_536),
        ("cmp_key", bytes(31)),
        ("task_secret", bytes(33)),
    ],
)
def test_head_that_cannot_be_laid_out_is_a_bug(field: str, value: object) -> None:
    head = Head.decode(vector("request", "head"))

    with pytest.raises(LocalProtocolError):
        msgspec.structs.replace(head, **{field: value}).encode()


@given(head=heads)
def test_repr_of_a_head_shows_no_secret(head: Head) -> None:
    assert repr(head) == f"<Head of at most {head.max_records} records>"
    assert pretty_repr(head) == repr(head)
