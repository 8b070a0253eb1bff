from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.crypto.checkpoint import (
    MAX_NOTE_BYTES,
    Checkpoint,
    key_id,
    read_checkpoint,
    sign_checkpoint,
)
from clubai.crypto.identity import Identity
from clubai.errors import TrustError
from clubai.model import TrustCode

CLUB = Identity(bytes(range(32)))
OTHER = Identity(bytes(32))
POINT = Checkpoint("clubai/abc", 7, hashlib.sha256(b"root").digest())
NOTE = sign_checkpoint(POINT, CLUB)
TEXT, LINE = NOTE.decode().split("\n\n")


def refused(note: bytes, key: bytes = CLUB.key) -> str:
    with pytest.raises(TrustError) as caught:
        read_checkpoint(note, key=key)
    assert caught.value.code is TrustCode.LOG_FORK
    return caught.value.reason


def signed(text: str) -> bytes:
    """A note that the club signed, whatever its text is."""
    signature = key_id("clubai/abc", CLUB.key) + CLUB.sign(text.encode())
    encoded = base64.b64encode(signature).decode()
    return f"{text}\n\u2014 clubai/abc {encoded}\n".encode()


def test_a_note_has_the_form_of_the_specification() -> None:
    root = base64.b64encode(POINT.root).decode()
    dash, name, encoded = LINE.removesuffix("\n").split(" ")
    raw = base64.b64decode(encoded)

    assert f"{TEXT}\n" == f"clubai/abc\n7\n{root}\n"
    assert (dash, name) == ("\u2014", "clubai/abc")
    named = hashlib.sha256(b"clubai/abc\n\x01" + CLUB.key).digest()[:4]
    assert raw == named + CLUB.sign(f"{TEXT}\n".encode())


def test_a_key_id_is_what_go_computes() -> None:
    """The public key of sum.golang.org is known as 033de0ae."""
    key = base64.b64decode("zjNy11rR7l7Nr4cnKT1LER2H6zdTHXyG1NMAPw64Cfw=")

    assert key_id("sum.golang.org", key).hex() == "033de0ae"


@given(st.integers(0, 10**18 - 1), st.binary(min_size=32, max_size=32))
def test_what_was_signed_is_read(size: int, root: bytes) -> None:
    point = Checkpoint("clubai/abc", size, root)

    assert read_checkpoint(sign_checkpoint(point, CLUB), key=CLUB.key) == point


@given(st.integers(0, len(NOTE) - 1), st.integers(0, 7))
def test_any_flipped_bit_fails(at: int, bit: int) -> None:
    changed = bytearray(NOTE)
    changed[at] ^= 1 << bit

    refused(bytes(changed))


@given(st.binary(max_size=400))
def test_whatever_comes_is_refused(note: bytes) -> None:
    refused(note)


def test_another_key_has_not_signed_it() -> None:
    assert "has not signed" in refused(NOTE, key=OTHER.key)
    assert "has not signed" in refused(sign_checkpoint(POINT, OTHER))


def test_signatures_of_others_are_not_looked_at() -> None:
    witness = f"\u2014 witness.example {base64.b64encode(bytes(300)).decode()}\n"
    theirs = sign_checkpoint(POINT, OTHER).decode().split("\n\n")[1]

    note = f"{TEXT}\n\n{witness}{LINE}{theirs}".encode()

    assert read_checkpoint(note, key=CLUB.key) == POINT


def test_a_second_signature_of_the_club_must_hold_too() -> None:
    bad = key_id("clubai/abc", CLUB.key) + bytes(64)
    line = f"\u2014 clubai/abc {base64.b64encode(bad).decode()}\n"

    assert "does not hold" in refused(NOTE + line.encode())


def test_lines_after_the_root_are_signed_and_not_looked_at() -> None:
    assert read_checkpoint(signed(f"{TEXT}\nmore\n"), key=CLUB.key) == POINT


@pytest.mark.parametrize(
    "text",
    [
        "clubai/abc\n7\n",
        "clubai/abc\n\n7\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "clubai/abc\n07\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "clubai/abc\n-7\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "clubai/abc\n\u0667\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "clubai/abc\n" + "9" * 30 + "\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "clubai/abc\n7\n" + base64.b64encode(bytes(31)).decode() + "\n",
        "clubai/abc\n7\nnot base64\n",
        "club ai\n7\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "club+ai\n7\n" + base64.b64encode(bytes(32)).decode() + "\n",
    ],
)
def test_signed_nonsense_is_refused(text: str) -> None:
    refused(signed(text))


def test_base64_has_one_way_to_be_written() -> None:
    loose = TEXT[:-2] + chr(ord(TEXT[-2]) + 1) + "="

    assert base64.b64decode(loose.split("\n")[2]) == POINT.root
    refused(signed(f"{loose}\n"))


@pytest.mark.parametrize(
    "note",
    [
        NOTE.replace(b"\n\n", b"\n"),
        NOTE.removesuffix(b"\n"),
        NOTE + b"\n",
        NOTE.replace(b"\n\n", b"\n\n\n"),
        NOTE + b"not a signature\n",
        NOTE.replace(b"7", b"7\r"),
        f"{TEXT}\n\n\u2014 clubai/abc !\n".encode(),
        b"\xff" + NOTE,
    ],
)
def test_a_note_of_another_form_is_refused(note: bytes) -> None:
    refused(note)


def test_a_note_that_is_too_long_is_refused_unread() -> None:
    assert "more than" in refused(NOTE + b"x" * MAX_NOTE_BYTES)


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [("", 0, bytes(32)), ("a b", 0, bytes(32)), ("a", -1, bytes(32)), ("a", 0, b"")],
)
def test_no_checkpoint_is_made_that_cannot_be(
    origin: str, size: int, root: bytes
) -> None:
    with pytest.raises(ValueError, match="no checkpoint"):
        Checkpoint(origin, size, root)
