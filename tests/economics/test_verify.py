from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clubai.crypto.identity import Identity
from clubai.economics import canonical
from clubai.economics.errors import StatementError
from clubai.economics.statement import BODY_LABEL, OWN_LABEL
from clubai.economics.verify import verify_statement
from clubai.model import MemberId
from support.books import (
    ALICE,
    DAVE,
    KEY,
    month_of_vector_6,
    own_file,
    statement_of,
)

CLOSING, POINTS = month_of_vector_6()
STATEMENT = statement_of(CLOSING, POINTS)
OWN = own_file(STATEMENT, CLOSING.items, ALICE)
PLACES = st.integers(0, len(OWN) - 1)


def test_a_good_file_holds() -> None:
    report = verify_statement(STATEMENT.file + b"\n", KEY.key)

    assert report.statement.pool == 4779
    assert len(report.checked) == 5
    assert report.own is None


def test_an_own_part_holds() -> None:
    for report in (
        verify_statement(OWN, KEY.key),
        verify_statement(STATEMENT.file, KEY.key, own=OWN),
    ):
        assert report.own is not None
        assert report.own.leaf is not None
        assert report.own.leaf.minor == 3145


def test_who_had_no_payout_has_no_leaf() -> None:
    nobody = own_file(STATEMENT, CLOSING.items, MemberId("nobody"))

    assert "no payout" in verify_statement(nobody, KEY.key).checked[-1]


def test_the_month_before_is_followed() -> None:
    after = statement_of(CLOSING, POINTS, STATEMENT.body)

    report = verify_statement(after.file, KEY.key, previous=STATEMENT.file)

    assert "follows" in report.checked[-1]
    with pytest.raises(StatementError):
        verify_statement(after.file, KEY.key, previous=after.file)


def test_another_key_did_not_sign() -> None:
    with pytest.raises(StatementError):
        verify_statement(OWN, Identity(b"x" * 32).key)


def test_an_own_part_of_another_statement_is_refused() -> None:
    other = statement_of(CLOSING, POINTS, b"before")

    with pytest.raises(StatementError):
        verify_statement(other.file, KEY.key, own=OWN)


@settings(max_examples=300, deadline=None)
@given(PLACES, st.integers(1, 255))
def test_any_changed_byte_is_found(place: int, flip: int) -> None:
    changed = bytearray(OWN)
    changed[place] ^= flip

    with pytest.raises(StatementError):
        verify_statement(bytes(changed), KEY.key)


def test_any_changed_digit_is_found() -> None:
    for place, byte in enumerate(OWN):
        if 48 <= byte <= 57 and place % 3 == 0:
            changed = bytearray(OWN)
            changed[place] = 48 + (byte - 47) % 10
            with pytest.raises(StatementError):
                verify_statement(bytes(changed), KEY.key)


def signed(**changes: Any) -> bytes:
    """A file whose body the club itself signed, and that is wrong."""
    told = json.loads(STATEMENT.file)
    body = canonical.encode(json.loads(base64.b64decode(told["body"])) | changes)
    told["body"] = base64.b64encode(body).decode()
    told["sig"] = base64.b64encode(KEY.sign(BODY_LABEL + body)).decode()
    return canonical.encode(told)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"n": 5}, "leaves"),
        ({"month": "2026-02"}, "leaves"),
        ({"root": "00" * 32}, "root"),
        ({"carry": 1}, "pool"),
        ({"W": 1}, "W"),
        ({"operator": 561, "reserve": 282}, "operator"),
        ({"carry_in": 1}, "pool"),
        ({"cap_bp": 5000}, "payout"),
        ({"rate_card_sha256": "00" * 32}, "rate card"),
        ({"points_snapshot_sha256": "00" * 32}, "points"),
        ({"more": 1}, "body"),
    ],
)
def test_the_club_itself_cannot_say_what_is_not(
    changes: dict[str, Any], what: str
) -> None:
    with pytest.raises(StatementError) as caught:
        verify_statement(signed(**changes), KEY.key)

    assert caught.value.what == what


def test_a_wrong_share_is_found() -> None:
    weights = {each.member: each for each in CLOSING.payouts}
    assert weights[DAVE].minor == 0
    moved = tuple(
        msgspec.structs.replace(each, minor=each.minor + by)
        for each, by in zip(CLOSING.payouts, (-1, 1, 0, 0), strict=True)
    )
    wrong = msgspec.structs.replace(CLOSING, payouts=moved)

    with pytest.raises(StatementError) as caught:
        verify_statement(statement_of(wrong, POINTS).file, KEY.key)

    assert caught.value.what == "payout"


@given(st.binary(max_size=100))
def test_any_other_bytes_are_refused(file: bytes) -> None:
    with pytest.raises(StatementError):
        verify_statement(file, KEY.key)


def own_signed(**changes: Any) -> bytes:
    """A file whose own part the club itself signed, and that is wrong."""
    told = json.loads(OWN)
    own = canonical.encode(json.loads(base64.b64decode(told["own"]["body"])) | changes)
    told["own"] = {
        "body": base64.b64encode(own).decode(),
        "sig": base64.b64encode(KEY.sign(OWN_LABEL + own)).decode(),
    }
    return canonical.encode(told)


OWN_TOLD = json.loads(base64.b64decode(json.loads(OWN)["own"]["body"]))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tasks": [OWN_TOLD["tasks"][0] | {"metered": 10**10}]}, "units, not"),
        ({"tasks": [OWN_TOLD["tasks"][0] | {"wu": 10**10}]}, "more than it is"),
        ({"tasks": [OWN_TOLD["tasks"][0] | {"wu": 1}]}, "weighted units"),
        ({"proof": OWN_TOLD["proof"][::-1]}, "does not lead"),
        ({"proof": []}, "does not lead"),
        ({"index": (OWN_TOLD["index"] + 1) % 4}, "not in the list"),
        ({"index": 4}, "not in the list"),
        ({"month": "2026-02"}, "it is of"),
        ({"leaf": None}, "have no payout"),
    ],
)
def test_the_club_cannot_show_a_member_what_is_not(
    changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(StatementError, match=reason):
        verify_statement(own_signed(**changes), KEY.key)


def test_the_carry_is_followed() -> None:
    empty = msgspec.structs.replace(
        CLOSING, carry_in=5, pool=4784, carry=4784, total=0, payouts=()
    )
    before = statement_of(CLOSING, POINTS)
    after = statement_of(empty, POINTS, before.body)

    assert verify_statement(after.file, KEY.key).statement.carry == 4784
    with pytest.raises(StatementError, match="carried on"):
        verify_statement(after.file, KEY.key, previous=before.file)


def test_base64_has_one_form() -> None:
    told = json.loads(STATEMENT.file)
    assert told["sig"].endswith("==")
    last = chr(ord(told["sig"][-3]) + 1)
    told["sig"] = f"{told['sig'][:-3]}{last}=="

    with pytest.raises(StatementError, match="one base64 form"):
        verify_statement(canonical.encode(told), KEY.key)


def test_a_unit_that_went_to_a_smaller_remainder_is_found() -> None:
    moved = tuple(
        msgspec.structs.replace(each, minor=each.minor + by)
        for each, by in zip(CLOSING.payouts, (0, -1, 1, 0), strict=True)
    )
    wrong = msgspec.structs.replace(CLOSING, payouts=moved)

    with pytest.raises(StatementError, match="smaller remainder"):
        verify_statement(statement_of(wrong, POINTS).file, KEY.key)
