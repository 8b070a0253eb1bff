from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.errors import LocalProtocolError, RemoteProtocolError
from clubai.protocol.messages import TaskRecord
from clubai.protocol.records import (
    MAX_RECORD_DATA,
    Choice,
    RecordReader,
    RecordType,
    RecordWriter,
    cut,
    decode_choices,
    encode_choice,
    pack_lines,
)

TASK = b"t" * 16


def writer() -> RecordWriter:
    return RecordWriter(TASK, 0, 0)


def read_all(records: list[TaskRecord]) -> bytes:
    reader = RecordReader()
    data = b"".join(reader.read(record)[1] for record in records)
    assert reader.finished
    return data


@given(st.binary(max_size=3 * MAX_RECORD_DATA))
def test_what_is_cut_is_read_back(data: bytes) -> None:
    assert read_all(list(writer().write_all(data))) == data


@pytest.mark.parametrize("size", [0, 1, MAX_RECORD_DATA, MAX_RECORD_DATA + 1])
def test_only_the_last_record_is_final(size: int) -> None:
    records = list(writer().write_all(bytes(size)))

    assert [record.fin for record in records] == [False] * (len(records) - 1) + [True]
    assert [record.seq for record in records] == list(range(len(records)))
    assert len(records) == max(1, -(-size // MAX_RECORD_DATA))


def test_the_writer_keeps_its_limits() -> None:
    out = writer()
    with pytest.raises(LocalProtocolError):
        out.write(RecordType.DATA, bytes(MAX_RECORD_DATA + 1))
    out.write(RecordType.DATA, b"", fin=True)
    with pytest.raises(LocalProtocolError):
        out.write(RecordType.DATA, b"")


def refuse(reader: RecordReader, record: TaskRecord) -> None:
    with pytest.raises(RemoteProtocolError):
        reader.read(record)


def test_a_gap_a_repeat_and_a_second_end_are_refused() -> None:
    out = writer()
    first = out.write(RecordType.DATA, b"a")
    second = out.write(RecordType.DATA, b"b")
    last = out.write(RecordType.USAGE, b"{}", fin=True)

    reader = RecordReader()
    refuse(reader, second)
    reader.read(first)
    refuse(reader, first)
    reader.read(second)
    reader.read(last)
    refuse(reader, TaskRecord(task=TASK, seq=3, ct=first.ct))


@pytest.mark.parametrize(
    "ct", [b"", b"\0\0\0\0", b"\0\0\0\0\2a", b"\7\0\0\0\0", b"\0\0\0\0\1ab"]
)
def test_a_broken_record_is_refused(ct: bytes) -> None:
    refuse(RecordReader(), TaskRecord(task=TASK, seq=0, ct=ct))


def test_a_direction_has_an_upper_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clubai.protocol.records.MAX_DIRECTION_BYTES", 10)
    reader = RecordReader()
    reader.read(TaskRecord(task=TASK, seq=0, ct=b"\0\0\0\0\6abcdef"))

    refuse(reader, TaskRecord(task=TASK, seq=1, ct=b"\0\0\0\0\6abcdef"))
    with pytest.raises(LocalProtocolError):
        writer().write(RecordType.DATA, bytes(11))


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
