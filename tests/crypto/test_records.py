from __future__ import annotations

import inspect
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from clubai.crypto import records
from clubai.crypto.records import (
    BUCKETS,
    MAX_DIRECTION_BYTES,
    MAX_RECORD_DATA,
    TO_CLIENT,
    TO_NODE,
    RecordOpener,
    RecordSealer,
)
from clubai.crypto.schedule import DirectionKeys
from clubai.errors import LocalProtocolError, TrustError
from clubai.model import TrustCode
from support.sealing import vector, vectors

KEYS = DirectionKeys(bytes(32), bytes(range(12)), bytes(32))
CONTEXT = bytes(32) + TO_CLIENT

Sealed = tuple[bytes, int, bool]


def sealer(**options: int) -> RecordSealer:
    return RecordSealer(KEYS, context=CONTEXT, **options)


def opener(**options: int) -> RecordOpener:
    return RecordOpener(KEYS, context=CONTEXT, **options)


def direction_keys(name: str, mark: str) -> DirectionKeys:
    return DirectionKeys(
        *(vector(name, f"{mark}_{part}") for part in ("key", "iv", "commit"))
    )


def vector_opener(th: bytes = b"", direction: bytes = TO_CLIENT) -> RecordOpener:
    """Opens the vectors' answer."""
    return RecordOpener(
        direction_keys("response", "n2c"),
        context=(th or vector("request", "th")) + direction,
    )


def vector_answer() -> list[Sealed]:
    return [
        (bytes.fromhex(row["ciphertext"]), row["seq"], bool(row["final"]))
        for row in vectors()["response"]["records"]
    ]


def refused(opener: RecordOpener, record: Sealed) -> TrustCode:
    ct, seq, fin = record
    with pytest.raises(TrustError) as refusal:
        opener.open(ct, seq=seq, fin=fin)
    return refusal.value.code


# what the vectors say


def test_request_of_the_vectors_is_sealed_and_opened_as_there() -> None:
    keys, context = direction_keys("request", "c2n"), vector("request", "th") + TO_NODE
    plain = vectors()["request"]["plaintext"].encode()
    (row,) = vectors()["request"]["records"]
    ct = bytes.fromhex(row["ciphertext"])

    assert RecordSealer(keys, context=context).seal(0, plain, fin=True) == ct
    opener = RecordOpener(keys, context=context)
    assert opener.open(ct, seq=0, fin=True) == (0, plain)


def test_answer_of_the_vectors_is_sealed_as_there() -> None:
    sealer = RecordSealer(
        direction_keys("response", "n2c"), context=vector("request", "th") + TO_CLIENT
    )

    for row in vectors()["response"]["records"]:
        assert sealer.count == row["seq"]
        ct = sealer.seal(row["type"], row["data"].encode(), fin=bool(row["final"]))
        assert ct.hex() == row["ciphertext"]
    assert sealer.closed


def test_answer_of_the_vectors_is_opened_as_there() -> None:
    opener = vector_opener()

    for row, (ct, seq, fin) in zip(
        vectors()["response"]["records"], vector_answer(), strict=True
    ):
        opened = opener.open(ct, seq=seq, fin=fin)
        assert opened == (row["type"], row["data"].encode())
    assert opener.finished
    assert opener.count == 3
    opener.close()


# what must fail, in the order of the vectors


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("what", ["ciphertext", "seq", "final", "direction", "th"])
def test_must_fail_one_changed_bit(number: int, what: str) -> None:
    ct, seq, fin = vector_answer()[number]
    opener = vector_opener()
    expected = TrustCode.BAD_RECORD
    if what == "direction":
        opener = vector_opener(direction=TO_NODE)
    elif what == "th":
        th = bytearray(vector("request", "th"))
        th[0] ^= 1
        opener = vector_opener(bytes(th))
    opener.count = seq
    if what == "ciphertext":
        ct = bytes([ct[0] ^ 1]) + ct[1:]
    elif what == "seq":
        seq ^= 1
        expected = TrustCode.OUT_OF_ORDER
    elif what == "final":
        fin = not fin

    assert refused(opener, (ct, seq, fin)) is expected


def test_must_fail_one_changed_bit_of_the_number_on_both_sides() -> None:
    ct, _, fin = vector_answer()[0]
    opener = vector_opener()
    opener.count = 1

    assert refused(opener, (ct, 1, fin)) is TrustCode.BAD_RECORD


def test_must_fail_answer_record_1_before_record_0() -> None:
    assert refused(vector_opener(), vector_answer()[1]) is TrustCode.OUT_OF_ORDER


def test_must_fail_renumbered_record_1_in_place_of_record_0() -> None:
    ct, _, fin = vector_answer()[1]

    assert refused(vector_opener(), (ct, 0, fin)) is TrustCode.BAD_RECORD


def test_must_fail_answer_that_ends_after_record_1() -> None:
    opener = vector_opener()
    for ct, seq, fin in vector_answer()[:2]:
        opener.open(ct, seq=seq, fin=fin)

    with pytest.raises(TrustError) as refusal:
        opener.close()

    assert refusal.value.code is TrustCode.TRUNCATED
    assert not opener.finished
    assert refused(opener, vector_answer()[2]) is TrustCode.TRUNCATED


def test_must_fail_record_1_as_the_final_one() -> None:
    opener = vector_opener()
    first, (ct, seq, _), _ = vector_answer()
    opener.open(first[0], seq=0, fin=False)

    assert refused(opener, (ct, seq, True)) is TrustCode.BAD_RECORD


def test_must_fail_request_record_as_an_answer_record() -> None:
    ct = vector("request", "records", 0, "ciphertext")
    both = direction_keys("request", "c2n")
    same_keys = RecordOpener(both, context=vector("request", "th") + TO_CLIENT)

    assert refused(vector_opener(), (ct, 0, True)) is TrustCode.BAD_RECORD
    assert refused(same_keys, (ct, 0, True)) is TrustCode.BAD_RECORD


@pytest.mark.parametrize("number", range(4))
def test_must_fail_anything_after_the_final_record(number: int) -> None:
    opener = vector_opener()
    answer = vector_answer()
    for ct, seq, fin in answer:
        opener.open(ct, seq=seq, fin=fin)

    after = (answer * 2)[number][0]
    assert refused(opener, (after, 3, number % 2 == 0)) is TrustCode.OUT_OF_ORDER
    assert not opener.finished


def sealed_raw(
    plain: bytes,
    *,
    seq: int,
    fin: bool,
    keys: DirectionKeys = KEYS,
    context: bytes = CONTEXT,
) -> bytes:
    """Seal a record's whole plaintext, as a node that breaks the rules could."""
    position = fin.to_bytes() + seq.to_bytes(8)
    nonce = bytes(a ^ b for a, b in zip(keys.iv, bytes(3) + position, strict=True))
    return AESGCM(keys.key).encrypt(nonce, plain, context + position)


@pytest.mark.parametrize("place", [None, 5 + 41, 100, 255])
def test_must_fail_padding_that_is_not_zero(place: int | None) -> None:
    data = vectors()["response"]["records"][2]["data"].encode()
    assert len(data) == 41
    plain = bytearray((b"\1" + len(data).to_bytes(4) + data).ljust(256, b"\0"))
    if place is not None:
        plain[place] = 1
    *first, (ct, seq, fin) = vector_answer()
    opener = vector_opener()
    for record in first:
        opener.open(record[0], seq=record[1], fin=record[2])

    padded = sealed_raw(
        bytes(plain),
        seq=seq,
        fin=fin,
        keys=direction_keys("response", "n2c"),
        context=vector("request", "th") + TO_CLIENT,
    )

    if place is None:
        assert padded == ct
    else:
        assert refused(opener, (padded, seq, fin)) is TrustCode.BAD_RECORD


# what else must fail


@pytest.mark.parametrize(
    "plain",
    [
        b"\0" + (252).to_bytes(4) + bytes(251),
        b"\0\xff\xff\xff\xff" + bytes(251),
        b"\0" + (257).to_bytes(4) + bytes(251),
        b"\5" + bytes(255),
        b"\xff" + bytes(255),
    ],
    ids=["one too long", "huge", "beyond the record", "type 5", "type 255"],
)
def test_layout_that_lies_is_refused(plain: bytes) -> None:
    record = (sealed_raw(plain, seq=0, fin=False), 0, False)

    assert refused(opener(), record) is TrustCode.BAD_RECORD


def test_record_that_fills_its_bucket_has_no_padding() -> None:
    for bucket in BUCKETS:
        ct = sealer().seal(0, b"x" * (bucket - 5))
        assert len(ct) == bucket + 16
        assert opener().open(ct, seq=0, fin=False) == (0, b"x" * (bucket - 5))


def test_larger_bucket_than_needed_is_taken() -> None:
    plain = (b"\0\0\0\0\1x").ljust(1024, b"\0")

    opened = opener().open(sealed_raw(plain, seq=0, fin=True), seq=0, fin=True)

    assert opened == (0, b"x")


@pytest.mark.parametrize("size", [5, 255, 257, 300, 65_535, 65_537])
def test_sealed_record_that_fills_no_bucket_is_refused(size: int) -> None:
    ct = sealed_raw(bytes(size), seq=0, fin=False)

    assert refused(opener(), (ct, 0, False)) is TrustCode.BAD_RECORD


@pytest.mark.parametrize("size", [0, 15, 16, 255, 256, 271, 273, 65_551, 65_553])
def test_ciphertext_of_an_impossible_size_is_refused(size: int) -> None:
    assert refused(opener(), (bytes(size), 0, False)) is TrustCode.BAD_RECORD


@pytest.mark.parametrize("seq", [1, 1 << 32, 1 << 64, -1, -(1 << 32)])
def test_gap_in_the_numbers_is_refused(seq: int) -> None:
    ct = sealer().seal(0, b"x")

    assert refused(opener(), (ct, seq, False)) is TrustCode.OUT_OF_ORDER


def test_second_final_record_is_refused() -> None:
    ours, theirs, forger = opener(), sealer(), sealer()
    forger.seal(0, b"x")
    ours.open(theirs.seal(0, b"x", fin=True), seq=0, fin=True)

    again = forger.seal(0, b"y", fin=True)
    assert refused(ours, (again, 1, True)) is TrustCode.OUT_OF_ORDER


def test_after_a_failure_every_record_fails_the_same_way() -> None:
    ours, theirs = opener(), sealer()
    ct = theirs.seal(0, b"x")

    assert refused(ours, (bytes(272), 0, False)) is TrustCode.BAD_RECORD
    for record in [(ct, 0, False), (ct, 7, True)]:
        assert refused(ours, record) is TrustCode.BAD_RECORD
    with pytest.raises(TrustError) as refusal:
        ours.close()
    assert refusal.value.code is TrustCode.BAD_RECORD
    assert ours.count == 0


# limits


def test_sealer_stops_at_the_most_records() -> None:
    sealed = sealer(max_records=2)
    sealed.seal(0, b"")
    sealed.seal(0, b"")

    with pytest.raises(LocalProtocolError):
        sealed.seal(0, b"", fin=True)
    assert sealed.count == 2
    assert not sealed.closed


def test_opener_stops_at_the_most_records() -> None:
    ours, theirs = opener(max_records=2), sealer()
    for seq in range(2):
        ours.open(theirs.seal(0, b""), seq=seq, fin=False)

    record = (theirs.seal(0, b"", fin=True), 2, True)
    assert refused(ours, record) is TrustCode.TOO_MUCH


def test_a_direction_holds_64_mebibytes_and_no_more() -> None:
    ours, theirs, forger = opener(), sealer(), sealer()
    full = MAX_DIRECTION_BYTES // MAX_RECORD_DATA
    rest = MAX_DIRECTION_BYTES - full * MAX_RECORD_DATA
    piece = bytes(MAX_RECORD_DATA)
    for seq in range(full):
        ours.open(theirs.seal(0, piece), seq=seq, fin=False)

    with pytest.raises(LocalProtocolError):
        theirs.seal(0, bytes(rest + 1))
    ours.open(theirs.seal(0, bytes(rest)), seq=full, fin=False)
    with pytest.raises(LocalProtocolError):
        theirs.seal(0, b"x", fin=True)
    forger.count = full + 1
    record = (forger.seal(0, b"x"), full + 1, False)
    assert refused(ours, record) is TrustCode.TOO_MUCH


def test_sealer_refuses_what_no_record_can_be() -> None:
    sealed = sealer()

    for type_ in (-1, 5):
        with pytest.raises(LocalProtocolError):
            sealed.seal(type_, b"")
    with pytest.raises(LocalProtocolError):
        sealed.seal(0, bytes(MAX_RECORD_DATA + 1))
    assert sealed.count == 0
    sealed.seal(4, b"", fin=True)
    with pytest.raises(LocalProtocolError):
        sealed.seal(0, b"")


# properties


@given(pieces=st.lists(st.tuples(st.integers(0, 4), st.binary(max_size=5000))))
def test_pieces_of_any_size_come_back(pieces: list[tuple[int, bytes]]) -> None:
    ours, theirs = opener(), sealer()

    for seq, (type_, data) in enumerate(pieces):
        ct = theirs.seal(type_, data)
        assert len(ct) - 16 in BUCKETS
        assert ours.open(ct, seq=seq, fin=False) == (type_, data)
    ours.open(theirs.seal(3, b"", fin=True), seq=len(pieces), fin=True)
    ours.close()


@given(size=st.integers(0, 70_000), cuts=st.lists(st.integers(0, 70_000)))
def test_any_cuts_of_one_text_come_back(size: int, cuts: list[int]) -> None:
    text = bytes(index % 251 for index in range(size))
    ours, theirs, back = opener(), sealer(), bytearray()
    edges = sorted({min(cut, size) for cut in cuts} | {0, size // 2, size})

    for seq, (start, end) in enumerate(pairwise(edges)):
        ct = theirs.seal(0, text[start:end], fin=end == size)
        back += ours.open(ct, seq=seq, fin=end == size)[1]
    assert back == text
    assert ours.finished or not text


@given(data=st.binary(max_size=1100), place=st.floats(0, 1), bit=st.integers(0, 7))
def test_no_bit_of_a_ciphertext_may_change(data: bytes, place: float, bit: int) -> None:
    ct = bytearray(sealer().seal(0, data))
    ct[min(int(place * len(ct)), len(ct) - 1)] ^= 1 << bit

    assert refused(opener(), (bytes(ct), 0, False)) is TrustCode.BAD_RECORD


@given(context=st.integers(0, 33 * 8 - 1), seq=st.integers(0, 63), fin=st.booleans())
def test_no_bit_of_what_a_record_is_bound_to_may_change(
    context: int, seq: int, fin: bool
) -> None:
    changed = bytearray(CONTEXT)
    changed[context // 8] ^= 1 << context % 8
    ct = sealer().seal(0, b"x", fin=fin)
    elsewhere = RecordOpener(KEYS, context=bytes(changed))
    later = opener()
    later.count = 1 << seq

    assert refused(elsewhere, (ct, 0, fin)) is TrustCode.BAD_RECORD
    assert refused(later, (ct, 1 << seq, fin)) is TrustCode.BAD_RECORD
    assert refused(opener(), (ct, 1 << seq, fin)) is TrustCode.OUT_OF_ORDER
    assert refused(opener(), (ct, 0, not fin)) is TrustCode.BAD_RECORD


@given(
    ct=st.binary(max_size=300) | st.binary(min_size=272, max_size=272),
    seq=st.integers(),
    fin=st.booleans(),
)
def test_any_bytes_are_answered(ct: bytes, seq: int, fin: bool) -> None:
    refused(opener(), (ct, seq, fin))


class Relay(RuleBasedStateMachine):
    """A relay that may do to the records of one direction whatever it likes.

    What the opener lets out is always a beginning of what was sealed, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sealer, self.opener = sealer(), opener()
        self.sent: list[tuple[int, bytes]] = []
        self.wire: list[Sealed] = []
        self.got: list[tuple[int, bytes]] = []
        self.honest = True
        self.dead = False

    @rule(type_=st.integers(0, 4), data=st.binary(max_size=300), fin=st.booleans())
    def seal(self, type_: int, data: bytes, fin: bool) -> None:
        seq = self.sealer.count
        if self.sealer.closed:
            with pytest.raises(LocalProtocolError):
                self.sealer.seal(type_, data, fin=fin)
            return
        self.wire.append((self.sealer.seal(type_, data, fin=fin), seq, fin))
        self.sent.append((type_, data))

    @precondition(lambda self: self.wire)
    @rule(pick=st.randoms(use_true_random=False))
    def reorder(self, pick) -> None:  # type: ignore[no-untyped-def]
        before = list(self.wire)
        pick.shuffle(self.wire)
        self.honest &= before == self.wire

    @precondition(lambda self: self.wire)
    @rule(at=st.integers(0, 100))
    def drop(self, at: int) -> None:
        del self.wire[at % len(self.wire)]
        self.honest = False

    @precondition(lambda self: self.wire)
    @rule(at=st.integers(0, 100))
    def duplicate(self, at: int) -> None:
        at %= len(self.wire)
        self.wire.insert(at, self.wire[at])
        self.honest = False

    @precondition(lambda self: self.wire)
    @rule(at=st.integers(0, 100), seq=st.integers(0, 5), fin=st.booleans())
    def relabel(self, at: int, seq: int, fin: bool) -> None:
        at %= len(self.wire)
        relabelled = (self.wire[at][0], seq, fin)
        self.honest &= relabelled == self.wire[at]
        self.wire[at] = relabelled

    @precondition(lambda self: self.wire)
    @rule()
    def deliver(self) -> None:
        ct, seq, fin = self.wire.pop(0)
        try:
            self.got.append(self.opener.open(ct, seq=seq, fin=fin))
        except TrustError:
            self.dead = True
            assert not self.honest
        else:
            assert not self.dead

    @invariant()
    def what_came_is_a_beginning_of_what_was_sent(self) -> None:
        assert self.got == self.sent[: len(self.got)]

    @invariant()
    def finished_means_all_of_it(self) -> None:
        if self.opener.finished:
            assert self.got == self.sent
            assert self.sealer.closed


Relay.TestCase.settings = settings(stateful_step_count=30)
TestRelay = Relay.TestCase


# nonces


def test_no_nonce_comes_from_outside() -> None:
    assert list(inspect.signature(RecordSealer.seal).parameters) == [
        "self",
        "type_",
        "data",
        "fin",
    ]
    assert list(inspect.signature(RecordSealer).parameters) == [
        "keys",
        "context",
        "max_records",
    ]
    functions = [
        name for name in vars(records) if inspect.isfunction(getattr(records, name))
    ]
    assert functions == []


def test_no_nonce_is_used_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed, nonces = sealer(), list[bytes]()

    class Watched:
        def encrypt(self, nonce: bytes, data: bytes, aad: bytes) -> bytes:
            nonces.append(nonce)
            return data

    monkeypatch.setattr(sealed, "_aead", Watched())
    for _ in range(600):
        sealed.seal(0, b"")
    sealed.seal(0, b"", fin=True)

    assert len(set(nonces)) == 601
    assert nonces[0] == KEYS.iv


def test_reprs_show_nothing() -> None:
    for thing in (sealer(), opener()):
        assert KEYS.key.hex() not in repr(thing)
        assert repr(KEYS.key) not in repr(thing)
