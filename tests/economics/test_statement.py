from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clubai.crypto import merkle
from clubai.economics.statement import Leaf, proof_of, pseudonym, root_of, salt
from support.books import (
    ALICE,
    BOB,
    CAROL,
    JAN,
    SECRET,
    month_of_vector_6,
    own_file,
    statement_of,
)

V8 = "44a8b1bfbd8f0e3eb8ea724f433a68faa6184d109a1863c9624c928ea65ab2d9"
V9 = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
V9_LEAVES = (
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)


def leaves() -> list[Leaf]:
    closing, _ = month_of_vector_6()
    return [
        Leaf(
            member=each.member,
            minor=each.minor,
            month="2026-01",
            wu=each.wu,
            salt=salt(b"salt", each.member.encode()),
        )
        for each in closing.payouts
    ]


def test_vector_8() -> None:
    assert leaves()[0].salt == hashlib.sha256(b"saltalice").digest()[:16]
    assert root_of(leaves()).hex() == V8


def test_vector_9() -> None:
    hashes = [merkle.leaf_hash(bytes.fromhex(each)) for each in V9_LEAVES]

    assert merkle.root(hashes).hex() == V9


@pytest.mark.parametrize("size", range(1, 9))
def test_every_leaf_of_small_trees_is_proved(size: int) -> None:
    some = [
        Leaf(member=f"m{n}", minor=n, month="2026-01", wu=n, salt=bytes([n]) * 16)
        for n in range(size)
    ]
    top = root_of(some)

    for place, leaf in enumerate(some):
        proof = proof_of(some, place)
        assert merkle.verify_inclusion(leaf.hash, place, size, proof, top)
        other = some[place - 1].hash
        assert size == 1 or not merkle.verify_inclusion(other, place, size, proof, top)


changes = st.one_of(
    st.fixed_dictionaries({"minor": st.integers(0, 10**6)}),
    st.fixed_dictionaries({"wu": st.integers(0, 2**80)}),
    st.fixed_dictionaries({"member": st.text(max_size=8)}),
    st.fixed_dictionaries({"salt": st.binary(min_size=16, max_size=16)}),
)


@given(st.integers(0, 3), changes)
def test_any_change_of_a_leaf_breaks_its_proof(
    place: int, change: dict[str, Any]
) -> None:
    some = leaves()
    told = {name: getattr(some[place], name) for name in some[place].__struct_fields__}
    changed = Leaf(**(told | change))
    proof = proof_of(some, place)

    holds = merkle.verify_inclusion(changed.hash, place, 4, proof, root_of(some))

    assert holds is (changed == some[place])


def test_pseudonyms_are_new_each_month() -> None:
    names = {
        pseudonym(secret, month, who)
        for secret in (SECRET, b"other")
        for month in ("2026-01", "2026-02")
        for who in (ALICE, BOB)
    }

    assert len(names) == 8
    assert {len(name) for name in names} == {16}


def test_the_file_names_no_member_and_closing_twice_gives_the_same_bytes() -> None:
    one, other = (statement_of(*month_of_vector_6()) for _ in range(2))

    assert one.file == other.file
    assert b"alice" not in one.file
    assert [each.member for each in one.leaves] == sorted(one.names.values())
    told = json.loads(one.file)
    assert told["format"] == "clubai-statement/1"
    assert {each["member"] for each in told["leaves"]} == set(one.names.values())


def test_an_own_part_has_the_members_tasks_alone() -> None:
    closing, points = month_of_vector_6()

    alice, carol = (
        own_file(statement_of(closing, points), closing.items, who)
        for who in (ALICE, CAROL)
    )

    assert alice != carol
    assert json.loads(alice)["body"] == json.loads(carol)["body"]
    assert str(JAN) == "2026-01"
