from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.errors import LocalProtocolError, RemoteProtocolError
from clubai.model import MAX_RECORD_DATA
from clubai.protocol.messages import TaskRecord
from clubai.protocol.records import (
    Choice,
    RecordReader,
    RecordWriter,
    cut,
    decode_choices,
    decode_failure,
    encode_choice,
    encode_failure,
    pack_lines,
    text_of,
)

TASK = b"t" * 16


class Plain:
    """A sealer and an opener that seal nothing: a type, a length, and what is in it."""

    def __init__(self) -> None:
        self.count = 0
        self.finished = False

    def seal(self, type_: int, data: bytes, *, fin: bool = False) -> bytes:
        self.count += 1
        return bytes([type_]) + data

    def open(self, ct: bytes, *, seq: int, fin: bool) -> tuple[int, bytes]:
        assert seq == self.count
        self.count += 1
        self.finished = fin
        return ct[0], ct[1:]


def writer() -> RecordWriter:
    return RecordWriter(TASK, 0, 3, Plain())


def read_all(records: list[TaskRecord]) -> bytes:
    reader = RecordReader(Plain())
    data = b"".join(reader.read(record)[1] for record in records)
    assert reader.finished
    assert reader.count == len(records)
    return data


@given(st.binary(max_size=3 * MAX_RECORD_DATA))
def test_what_is_cut_is_read_back(data: bytes) -> None:
    assert read_all(list(writer().write_all(data))) == data


@pytest.mark.parametrize("size", [0, 1, MAX_RECORD_DATA, MAX_RECORD_DATA + 1])
def test_only_the_last_record_is_final(size: int) -> None:
    records = list(writer().write_all(bytes(size)))

    assert [record.fin for record in records] == [False] * (len(records) - 1) + [True]
    assert [record.seq for record in records] == list(range(len(records)))
    assert {(record.task, record.part, record.attempt) for record in records} == {
        (TASK, 0, 3)
    }
    assert len(records) == max(1, -(-size // MAX_RECORD_DATA))


def test_a_record_of_a_type_that_nobody_sends_is_refused() -> None:
    reader = RecordReader(Plain())
    with pytest.raises(RemoteProtocolError):
        reader.read(TaskRecord(task=TASK, seq=0, ct=b"\x04"))


def test_a_failures_words_travel_and_are_cut() -> None:
    assert decode_failure(encode_failure('the model says "no"')).message == (
        'the model says "no"'
    )
    assert len(decode_failure(encode_failure("x" * 10_000)).message) == 2000
    for broken in (b"", b"[]", b'{"message":1}', b"[" * 100_000):
        with pytest.raises(RemoteProtocolError):
            decode_failure(broken)


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        (Choice(text=" c"), " c"),
        (Choice(delta=msgspec.Raw(b'{"role":"assistant","content":"a\\nb"}')), "a\nb"),
        (Choice(delta=msgspec.Raw(b'{"content":null}')), ""),
        (Choice(delta=msgspec.Raw(b'{"content":[{"type":"text"}]}')), ""),
        (Choice(), ""),
    ],
)
def test_the_text_of_a_step(choice: Choice, text: str) -> None:
    assert text_of(choice) == text


@pytest.mark.parametrize(
    "delta", [b"[]", b'{"content":"\xa5"}', b'{"content":"\\ud800"}', b"{" * 9]
)
def test_a_step_that_holds_no_text_is_the_peers_fault(delta: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        text_of(Choice(delta=msgspec.Raw(delta)))


def test_choices_travel_as_lines() -> None:
    choices = [
        Choice(delta=msgspec.Raw(b'{"content":"a\\nb"}')),
        Choice(index=1, text=" c", finish_reason="stop"),
    ]
    data = b"".join(encode_choice(choice) for choice in choices)

    assert data.count(b"\n") == 2
    assert decode_choices(data) == choices


def test_a_line_that_is_no_choice_is_the_peers_fault() -> None:
    with pytest.raises(RemoteProtocolError):
        decode_choices(b'{"index":"x"}\n')


@given(st.lists(st.binary(min_size=1, max_size=MAX_RECORD_DATA // 2), max_size=12))
def test_packing_loses_no_line_and_cuts_none(lines: list[bytes]) -> None:
    pieces = list(pack_lines(lines))

    assert b"".join(pieces) == b"".join(lines)
    assert all(0 < len(piece) <= MAX_RECORD_DATA for piece in pieces)


def test_a_line_that_no_record_holds_is_refused() -> None:
    with pytest.raises(LocalProtocolError):
        list(pack_lines([bytes(MAX_RECORD_DATA + 1)]))


def test_nothing_is_one_empty_piece() -> None:
    assert list(cut(b"")) == [b""]
